"""Sweeps on a scheduler and workers that are processes of their own, which are killed, restarted, late and slow."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fusemax.base.errors import UsageError
from fusemax.search.cluster import Cluster
from fusemax.search.export import export_csv
from fusemax.search.pieces import Cutter, Engine, InProcess
from fusemax.search.store import open_store
from tests.search.slow import SLOW, SlowPart

pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]
PIECE_S = 0.05


class Processes:
    """A scheduler and workers on this machine, started as needed: each takes seconds to start."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.schedulers: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []

    def scheduler(self) -> subprocess.Popen[bytes]:
        """The one that runs, else a new one at the same address."""
        if not self.schedulers or self.schedulers[-1].poll() is not None:
            self.schedulers.append(_start("scheduler", "--host", "127.0.0.1", "--port", str(self.port)))
        return self.schedulers[-1]

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """One more."""
        words = (self.address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
        self.workers.append(_start("worker", *words, **environment))
        return self.workers[-1]

    def ready(self) -> None:
        """A scheduler runs, and a worker does or will."""
        self.scheduler()
        if all(worker.poll() is not None for worker in self.workers):
            self.worker()
        for _ in range(1200):  # a busy machine takes long to start one
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)

    def end(self) -> None:
        for process in (*self.workers, *self.schedulers):
            process.kill()
            process.wait()


def _start(kind: str, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words, "--no-dashboard"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    found = Processes()
    yield found
    found.end()


def fill(path: Path, engine: Engine, part: SlowPart, after: Callable[[int], None] = lambda done: None) -> str:
    """Run a part into a store, nothing found twice; ``after`` is told how many points are done. The export."""
    done = 0
    with open_store(path) as store:
        for piece, figures in engine.run([part], Cutter([part], store, lambda points: None, PIECE_S)):
            inputs = part.inputs(piece.start, piece.stop)
            new = store.add(part.study, inputs if piece.only is None else inputs[piece.only], figures)
            assert new == len(piece), "a point was stored twice"
            done += new
            after(done)
        assert done == part.num_points
        text = export_csv(store, None)
        assert text is not None
        return text


def expected(tmp_path: Path, part: SlowPart) -> str:
    return fill(tmp_path / "here.db", InProcess(), SlowPart(part.num_points, 0.0))


def test_other_code_is_refused(processes: Processes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fusemax.search.cluster.code_digest", lambda: "0123456789abcdef")
    processes.ready()
    with pytest.raises(UsageError, match=r"another fusemax .* than the one that sweeps \(code 0123456789abcdef\)"):
        fill(tmp_path / "cluster.db", Cluster(processes.address), SlowPart(10))
    with open_store(tmp_path / "cluster.db") as store:
        assert len(store) == 0


def test_workers_join_late_are_slow_and_are_killed(tmp_path: Path, processes: Processes) -> None:
    part = SlowPart()
    joined: list[subprocess.Popen[bytes]] = []
    processes.ready()
    first = processes.workers[-1]

    def after(done: int) -> None:
        if done >= 20 and not joined:
            joined.extend([processes.worker(**{SLOW: "5"}), processes.worker()])
            first.send_signal(signal.SIGKILL)

    found = fill(tmp_path / "cluster.db", Cluster(processes.address), part, after)
    assert found == expected(tmp_path, part)
    assert joined and first.wait() == -signal.SIGKILL


def test_the_scheduler_is_restarted(tmp_path: Path, processes: Processes) -> None:
    part = SlowPart(100)
    told: list[str] = []
    processes.ready()

    def after(done: int) -> None:
        if done >= 20 and not told:
            told.append("killed")
            old = processes.scheduler()
            old.kill()
            old.wait()
            processes.scheduler()
            processes.worker()

    found = fill(tmp_path / "cluster.db", Cluster(processes.address, tell=told.append), part, after)
    assert found == expected(tmp_path, part)
    assert told[1:] == [f"the scheduler at {processes.address} is gone; waiting for it", "the scheduler is back"]


def test_no_scheduler_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fusemax.search.cluster._CONNECT_S", 0.3)
    with pytest.raises(UsageError, match="nothing answers"):
        fill(tmp_path / "a.db", Cluster("tcp://127.0.0.1:9"), SlowPart(10))
    with pytest.raises(UsageError, match="expected the address of a Dask scheduler"):
        fill(tmp_path / "a.db", Cluster("nowhere://x"), SlowPart(10))


@pytest.mark.proof
def test_a_long_sweep_survives_everything(tmp_path: Path, processes: Processes) -> None:
    """Workers killed again and again, slow ones, two restarts of the scheduler."""
    part, kills, restarts = SlowPart(4000), 0, 0
    processes.ready()
    processes.worker(**{SLOW: "8"})

    def after(done: int) -> None:
        nonlocal kills, restarts
        if done // 400 > kills:
            kills += 1
            processes.worker()
            next(worker for worker in processes.workers if worker.poll() is None).kill()
        if done // 1500 > restarts:
            restarts += 1
            old = processes.scheduler()
            old.kill()
            old.wait()
            time.sleep(1)
            processes.scheduler()
            processes.worker()
            processes.worker()

    assert fill(tmp_path / "cluster.db", Cluster(processes.address), part, after) == expected(tmp_path, part)
    assert restarts == 2 and kills >= 9
