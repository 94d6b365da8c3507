"""Searches by several processes: the same document for any number of them, and none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusemax.base.errors import UsageError
from fusemax.design.design import Design
from fusemax.design.workload import Workload
from fusemax.search import crew as crews
from fusemax.search.branch import Part, Run, Tally
from fusemax.search.compose import Limits
from fusemax.search.crew import Crew, WorkerLost, crew_of, usual_workers
from fusemax.search.goal import Figures, Leaders, Point, goal_of
from fusemax.search.mapper import search

TINY = Workload(name="tiny", batch=2, model_width=64, heads=2, head_size=32, ffn_width=128)


SMALL = Limits(tiles={"M0": [256, 64], "P0": [256], "P1": [1, 2]}, orders=4, streams=(1, 4))


def check(limits: Limits, objective: str, length: int, vary: dict[str, list[object]]) -> None:
    """The same document, but for the time, from 1, 2 and 3 workers."""

    def document(workers: int) -> dict[str, object]:
        found = search(
            "attn_1pass_fusemax", "fusemax-cloud", TINY, length, objective, mappings="aligned", limits=limits,
            workers=workers, vary=vary,
        ).to_json_document()  # fmt: skip
        certificate = found["certificate"]
        assert isinstance(certificate, dict)
        assert found.pop("seconds") == certificate.pop("seconds")
        return found

    assert document(1) == document(2) == document(3)


@pytest.mark.parametrize("objective", ["latency", "latency,traffic"])
def test_any_number_of_workers_says_the_same(objective: str) -> None:
    check(replace(SMALL, kept=("BQK", "SLN")), objective, 512, {})


@pytest.mark.proof
@settings(max_examples=20, deadline=None)
@given(
    objective=st.sampled_from(["latency", "energy", "traffic", "edp", "latency,traffic", "latency,energy,traffic"]),
    tiles=st.sampled_from([[256], [256, 64], [128, 32]]),
    orders=st.sampled_from([2, 5]),
    length=st.sampled_from([256, 384]),
    vary=st.sampled_from([{}, {"buffer.capacity": ["16MiB", "1MiB"]}]),
)
def test_any_number_of_workers_says_the_same_of_drawn_spaces(
    objective: str, tiles: list[int], orders: int, length: int, vary: dict[str, list[object]]
) -> None:
    check(Limits(tiles={"M0": tiles, "P0": tiles}, orders=orders, streams=(1, 4)), objective, length, vary)


def nothing() -> Design:
    """No task of these tests asks for a design."""
    raise AssertionError


@dataclass(frozen=True)
class Deadly:
    """Its tasks end the process they are done in, for the first so many times; each time leaves a file."""

    folder: str
    times: int

    def __call__(self, task: object, run: Run) -> Iterable[Part]:
        deaths = len(os.listdir(self.folder))
        if task == 1 and deaths < self.times:
            Path(self.folder, str(deaths)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        assert isinstance(task, int)
        run.tally.evaluated += task
        run.leaders.offer(Point(Figures(1.0 + task, 1.0, 1.0, 1.0), (task,), nothing))
        return ()


def looked(leaders: Leaders, tally: Tally) -> None:
    """Nobody looks."""


def test_a_task_whose_worker_is_killed_is_done_again(tmp_path: Path) -> None:
    with crew_of(Deadly(str(tmp_path), 2), 2) as engine:
        found = engine.run([0, 1, 2, 3], Leaders(goal_of("latency")), looked)
    assert [one.tally.evaluated for one in found] == [0, 1, 2, 3]
    assert [one.points[0].place for one in found] == [(0,), (1,), (2,), (3,)]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_task_that_ends_every_worker_is_an_error(tmp_path: Path) -> None:
    with crew_of(Deadly(str(tmp_path), 99), 2) as engine:
        with pytest.raises(WorkerLost, match="3 workers of the search ended .* by SIGKILL"):
            engine.run([0, 1, 2, 3], Leaders(goal_of("latency")), looked)
        assert isinstance(engine, Crew)
        members = [member.process for member in engine.members]
    assert not any(process.is_alive() for process in members)


def wrong(task: object, run: Run) -> Iterable[Part]:
    raise UsageError(f"task {task} is wrong")


def test_what_a_worker_raises_comes_back() -> None:
    with crew_of(wrong, 2) as engine, pytest.raises(UsageError, match="task . is wrong"):
        engine.run([0, 1], Leaders(goal_of("latency")), looked)


def test_a_process_with_threads_starts_workers_anew_when_they_are_asked_for(tmp_path: Path) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert usual_workers() == 1
        with crew_of(Deadly(str(tmp_path), 0), 2) as engine:
            found = engine.run([1, 2], Leaders(goal_of("latency")), looked)
    finally:
        done.set()
        thread.join()
    assert [one.tally.evaluated for one in found] == [1, 2]


def test_few_tasks_start_no_worker_that_nobody_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "usual_workers", lambda: 2)
    with crew_of(Deadly(str(tmp_path), 0), None) as engine:
        assert isinstance(engine, Crew)
        engine.run([0, 1, 2], Leaders(goal_of("latency")), looked)
        assert not engine.members
    with pytest.raises(UsageError, match="0 workers: expected at least 1"), crew_of(wrong, 0):
        pass


def test_an_interrupt_leaves_no_worker_behind() -> None:
    words = ["search", "attn_1pass_fusemax", "--accelerator", "fusemax-cloud", "--workload", "bert", "--seq-len", "4K"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fusemax", *words, "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 60
        while len(children.read_text().split()) < 2:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, err = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130 and out == b"" and b"Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
