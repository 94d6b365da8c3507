"""Sweeps whose process is killed at any moment, whose disk is full, and that run two at once."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fusemax.search.about import verify
from fusemax.search.export import export_csv
from fusemax.search.store import open_store
from fusemax.search.sweep import SweepPlan, run_sweep

SPEC = """designs: [fusemax]
workloads: [bert]
seq_lens: {from: 1K, to: 50K, step: 1K}
vary:
  edge: [64, 128, 256]
  buffer.capacity: {from: 1MiB, to: 20MiB, step: 1MiB}
  workload.batch: {from: 1, to: BATCHES}
"""


def spec(folder: Path, batches: int) -> tuple[Path, int]:
    path = folder / "s.yaml"
    path.write_text(SPEC.replace("BATCHES", str(batches)))
    return path, 50 * 3 * 20 * batches


def start(*words: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    run = "import sys; from fusemax.cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", run, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before)


def text(path: Path) -> str:
    with open_store(path, write=False) as store:
        found = export_csv(store, None)
    assert found is not None
    return found


def test_two_sweeps_write_one_store(tmp_path: Path) -> None:
    path, number = spec(tmp_path, 20)
    both = [start("sweep", str(path), "--store", str(tmp_path / "a.db")) for _ in range(2)]
    for one in both:
        _, errors = one.communicate(timeout=300)
        assert one.returncode == 0, errors
    assert run_sweep(SweepPlan(str(path)), tmp_path / "b.db").num_new == number
    assert text(tmp_path / "a.db") == text(tmp_path / "b.db")


def test_a_disk_that_is_full_is_said_and_the_sweep_goes_on_later(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: SQLite meets an error in the middle of a write."""
    path, number = spec(tmp_path, 20)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))

    full = start("sweep", str(path), "--store", str(tmp_path / "a.db"), before=limit)
    _, errors = full.communicate(timeout=300)
    assert full.returncode == 2
    assert "a.db: " in errors and "kept" in errors and "Traceback" not in errors
    assert verify(tmp_path / "a.db").is_whole
    with open_store(tmp_path / "a.db") as store:
        before = len(store)
    again = run_sweep(SweepPlan(str(path)), tmp_path / "a.db")
    assert again.num_new == number - before
    run_sweep(SweepPlan(str(path)), tmp_path / "b.db")
    assert text(tmp_path / "a.db") == text(tmp_path / "b.db")


@pytest.mark.proof
def test_kills_at_any_moment_lose_nothing_that_was_stored(tmp_path: Path) -> None:
    path, number = spec(tmp_path, 200)
    moments = random.Random(1)
    run_sweep(SweepPlan(str(path)), tmp_path / "whole.db")
    stored = 0
    for _ in range(12):
        one = start("sweep", str(path), "--store", str(tmp_path / "a.db"))
        time.sleep(moments.uniform(0.3, 6.0))
        one.send_signal(signal.SIGKILL)
        one.communicate()
        if (tmp_path / "a.db").exists():
            assert verify(tmp_path / "a.db").is_whole
            with open_store(tmp_path / "a.db") as store:
                assert len(store) >= stored
                stored = len(store)
    assert run_sweep(SweepPlan(str(path)), tmp_path / "a.db").num_new == number - stored
    assert text(tmp_path / "a.db") == text(tmp_path / "whole.db")


@pytest.mark.proof
def test_millions_of_points_take_little_memory(tmp_path: Path) -> None:
    path, number = spec(tmp_path, 1000)
    one = start("sweep", str(path), "--store", str(tmp_path / "a.db"))
    printed, errors = one.communicate(timeout=3000)
    assert one.returncode == 0, errors
    assert f"{number} points, {number} of them computed now" in printed
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert most < 1 << 30
    assert os.path.getsize(tmp_path / "a.db") < 200 * number
