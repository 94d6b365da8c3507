"""Processes that share the tasks of a search.

Each finds the spaces for itself and is given one task at a time, with the best of the rounds before. One that ends by
itself, or is ended, has its task done again by another: a task has one outcome, whoever does it. They leave Ctrl-C to
the process that searches, and end with it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from fusemax.base.errors import FusemaxError, UsageError
from fusemax.search.branch import Engine, Look, Outcome, Solve, Tally, outcome_of
from fusemax.search.goal import Leaders
from fusemax.search.interrupts import deaf_to_interrupts

__all__ = ["Alone", "Crew", "WorkerLost", "crew_of", "usual_workers"]

MANY = 16
"""Tasks of a round that are worth a start of workers nobody asked for."""
_LOOK_S = 0.1
_MOST_DEATHS = 3
_END_S = 5.0


class WorkerLost(FusemaxError):
    """Processes of a search end at one task, again and again."""


@dataclass(frozen=True)
class Alone:
    """This process does all tasks."""

    solve: Solve

    def run(self, tasks: Sequence[object], leaders: Leaders, look: Look) -> list[Outcome]:
        """See `Engine`."""
        return [outcome_of(self.solve, task, leaders, look) for task in tasks]


@contextmanager
def crew_of(solve: Solve, workers: int | None) -> Iterator[Engine]:
    """An engine of so many processes, ended with the block; by default of `usual_workers`, for rounds of many tasks.

    UsageError for fewer than one.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers: expected at least 1")
    number = usual_workers() if workers is None else workers
    if number == 1:
        yield Alone(solve)
        return
    crew = Crew(solve, number, MANY if workers is None else 2)
    try:
        yield crew
    finally:
        crew.end()


def usual_workers() -> int:
    """As many as there are cores, where processes start at once: as copies of this one, while it has one thread."""
    if multiprocessing.current_process().daemon or _start_method() != "fork":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_method() -> str:
    """Copies of a process with several threads may wait for locks that nobody gives back."""
    can_fork = sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()
    return "fork" if can_fork and threading.active_count() == 1 else "spawn"


@dataclass
class _Member:
    process: BaseProcess
    connection: Connection
    known: bytes = b""
    """The leaders it was told."""
    task: int | None = None


class Crew:
    """``number`` processes, started at the first round of ``least`` tasks; before that, this process does them."""

    def __init__(self, solve: Solve, number: int, least: int) -> None:
        self.solve = solve
        self.number = number
        self.least = least
        self.members: list[_Member] = []
        self.usual: dict[int, int] = {}
        """Order of the loops -> the process that has its prices; orders that are near share most of them."""

    def run(self, tasks: Sequence[object], leaders: Leaders, look: Look) -> list[Outcome]:
        """See `Engine`. WorkerLost where a task ends three workers."""
        if not self.members and len(tasks) < self.least:
            return Alone(self.solve).run(tasks, leaders, look)
        while len(self.members) < self.number:
            self.members.append(self._start())
        new = sorted({_order(task) for task in tasks} - set(self.usual))
        self.usual |= {order: i * self.number // len(new) for i, order in enumerate(new)}
        return _Round(self, tasks, leaders, look).run()

    def replace(self, member: _Member) -> None:
        """Another process in the place of one that ended."""
        member.connection.close()
        member.process.join(_END_S)
        self.members[self.members.index(member)] = self._start()

    def end(self) -> None:
        """End all processes, whatever they do."""
        for member in self.members:
            with suppress(OSError):
                member.connection.close()
            member.process.terminate()
        for member in self.members:
            member.process.join(_END_S)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
        self.members = []

    def _start(self) -> _Member:
        method = _start_method()
        context: Any = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        # A copy of this process has our ends of all pipes, which would keep them open when we are gone.
        others = [one.connection for one in self.members] + [ours] if method == "fork" else []
        process = context.Process(target=_serve, args=(theirs, self.solve, others), daemon=True)
        with deaf_to_interrupts(), warnings.catch_warnings():
            # numpy may have threads; those of its BLAS, of which no copy makes use.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        return _Member(process, ours)


class _Round:
    """Tasks go out one to each process, those of an order of loops to its usual one as long as that has any left."""

    def __init__(self, crew: Crew, tasks: Sequence[object], leaders: Leaders, look: Look) -> None:
        self.crew = crew
        self.tasks = tasks
        self.leaders = leaders
        self.look = look
        self.best = pickle.dumps(leaders.bare())
        self.left = list(range(len(tasks)))
        self.found: dict[int, Outcome] = {}
        self.deaths: Counter[int] = Counter()

    def run(self) -> list[Outcome]:
        idle = Tally()
        while len(self.found) < len(self.tasks):
            for number, member in enumerate(self.crew.members):
                if member.task is None and self.left:
                    self._give(number, member)
            working = {member.connection: member for member in self.crew.members if member.task is not None}
            for ready in wait(list(working), _LOOK_S):
                assert isinstance(ready, Connection)
                self._take(working[ready])
            self.look(self.leaders, idle)
        return [self.found[i] for i in range(len(self.tasks))]

    def _give(self, number: int, member: _Member) -> None:
        own = (i for i in self.left if self.crew.usual[_order(self.tasks[i])] == number)
        task = next(own, self.left[0])
        self.left.remove(task)
        member.task = task
        try:
            member.connection.send((None if member.known == self.best else self.best, self.tasks[task]))
            member.known = self.best
        except OSError:
            self._lost(member)

    def _take(self, member: _Member) -> None:
        assert member.task is not None
        try:
            found = member.connection.recv()
        except (EOFError, OSError):
            self._lost(member)
            return
        if isinstance(found, BaseException):
            raise found
        self.found[member.task], member.task = found, None

    def _lost(self, member: _Member) -> None:
        """A process ended: its task is to be done again."""
        assert member.task is not None
        self.deaths[member.task] += 1
        member.process.join(_END_S)
        code = member.process.exitcode
        if self.deaths[member.task] == _MOST_DEATHS:
            how = signal.Signals(-code).name if code is not None and code < 0 else f"status {code}"
            raise WorkerLost(
                f"{_MOST_DEATHS} workers of the search ended at the same part of the space, the last by {how}: "
                "is there memory for so many? --workers 1 searches in one process"
            )
        self.left.insert(0, member.task)
        self.crew.replace(member)


def _order(task: object) -> int:
    return int(getattr(task, "order", 0))


def _serve(connection: Connection, solve: Solve, others: Sequence[Connection]) -> None:
    """Do tasks as they come, until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    leaders: Leaders | None = None
    with suppress(EOFError, OSError):
        while True:
            best, task = connection.recv()
            leaders = pickle.loads(best) if best is not None else leaders
            assert leaders is not None
            found: object
            try:
                found = outcome_of(solve, task, leaders, lambda leaders, tally: None)
            except Exception as error:
                found = _portable(error)
            connection.send(found)


def _portable(error: Exception) -> Exception:
    """An exception as it can be sent."""
    try:
        again = pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return again if isinstance(again, Exception) else RuntimeError(str(error))
