"""Sweeps: every point of a specification found once and kept, whatever interrupts.

    done = run_sweep(SweepPlan.of_file("spec.yaml"), "runs.db", workers=2)
    done.num_points, .num_new, .rows()

Points are found in parts of a fixed size and stored one transaction per part: a process that is killed loses at
most the parts in flight, and a run after it finds what is missing. Only this process writes; workers are processes
that make the same parts from the same specification, by number.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from fusemax.base.errors import UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.base.result import Result
from fusemax.search.fig12 import area_parts
from fusemax.search.grid import Figures, Grid, Part, grids
from fusemax.search.spec import read_spec
from fusemax.search.store import Store, open_store

__all__ = ["FIG12", "Sweep", "SweepPlan", "run_sweep", "sweep"]

FIG12 = "fig12"
_MOST_ROWS = 10_000  # past this a result is read from its store
_IN_FLIGHT = 2  # parts per worker that are out at once

Piece = tuple[int, int, int]
"""(part, start, stop)"""


@dataclass(frozen=True)
class SweepPlan:
    """A sweep that can be made again from text, in another process as well."""

    source: str
    text: str | None = None
    accounting: str | None = None

    @cached_property
    def name(self) -> str:
        """The sweep's name."""
        if self.is_figure:
            return FIG12
        return self._grids[0].name

    @property
    def is_figure(self) -> bool:
        """Whether it is the paper's figure rather than a specification."""
        return self.source == FIG12 and self.text is None and not os.path.exists(FIG12)

    @cached_property
    def _grids(self) -> list[Grid]:
        spec, document = read_spec(self.source, self.text)
        if self.accounting is not None:
            spec = spec.model_copy(update={"accounting": self.accounting})
        return grids(spec, document)

    @cached_property
    def parts(self) -> Sequence[Part]:
        """The parts; FileError, SourceError or SourceErrors for a specification that cannot be."""
        return area_parts(self.accounting or "published") if self.is_figure else self._grids

    def pieces(self) -> Iterator[Piece]:
        """Parts cut to what is found at once, always alike."""
        for number, part in enumerate(self.parts):
            for start in range(0, part.num_points, part.step):
                yield number, start, min(start + part.step, part.num_points)

    @property
    def num_points(self) -> int:
        """All points."""
        return sum(part.num_points for part in self.parts)


@dataclass(frozen=True)
class Sweep(Result):
    """A finished sweep: how many points, how many of them new; rows unless there are very many."""

    command: ClassVar[str] = "sweep"
    name: str
    store: str | None
    num_points: int
    num_new: int
    found: tuple[Mapping[str, object], ...] = field(repr=False)
    figures: frozenset[str] = field(repr=False)

    def rows(self) -> list[dict[str, object]]:
        """One row per point, in the order of the specification; none past 10 000 points: the store has them."""
        return [dict(row) for row in self.found]

    def document(self) -> Mapping[str, object]:
        """Counts, and the rows."""
        return {
            "sweep": self.name,
            "store": self.store,
            "points": self.num_points,
            "new": self.num_new,
            "rows": self.rows(),
        }

    def headline(self) -> str:
        """What was done."""
        kept = f", kept in {self.store}" if self.store else ""
        return f"{self.name}: {self.num_points} points, {self.num_new} of them computed now{kept}"

    def columns(self) -> Sequence[str] | None:
        """What differs from row to row, and the figures asked for most."""
        rows = self.found
        if not rows:
            return None
        shown = ("latency_s", "traffic_bytes", "energy_pj", "area_um2", "roofline_fraction")
        varied = [
            n for n in dict.fromkeys(itertools.chain.from_iterable(rows)) if len({str(r.get(n)) for r in rows}) > 1
        ]
        inputs = [n for n in varied if n not in self.figures]
        return [*inputs, *(n for n in shown if n in rows[0])]


def sweep(
    spec: str | os.PathLike[str],
    store: str | os.PathLike[str] | None = None,
    workers: int = 1,
    accounting: str | None = None,
) -> Sweep:
    """Every point of a specification (a file, ``-``, or ``fig12``), kept in a store and computed once.

    Raises FileError, SourceError or SourceErrors; UsageError for more than 10 000 points without a store.
    """
    return run_sweep(SweepPlan(os.fspath(spec), None, accounting), store, workers)


def run_sweep(
    plan: SweepPlan, store: str | os.PathLike[str] | None = None, workers: int = 1, observe: Observer = ignore
) -> Sweep:
    """Find and store every point that is not there yet.

    Raises the plan's and the store's errors; UsageError for more than 10 000 points without a store.
    """
    total = plan.num_points
    if store is None and total > _MOST_ROWS:
        raise UsageError(f"{total} points: give a store to keep them (--store FILE)")
    with open_store(store) as kept:
        new = _fill(plan, kept, workers, observe, total)
        rows = tuple(_rows(plan, kept)) if total <= _MOST_ROWS else ()
    figures = frozenset(name for part in plan.parts for name in part.study.figures)
    return Sweep(plan.name, None if store is None else os.fspath(store), total, new, rows, figures)


def _fill(plan: SweepPlan, store: Store, workers: int, observe: Observer, total: int) -> int:
    counts = store.counts()
    there = {study.digest: counts.get(number, 0) for number, study in store.studies().items()}
    done = new = 0

    def missing() -> Iterator[Piece]:
        nonlocal done
        for number, start, stop in plan.pieces():
            part = plan.parts[number]
            if there.get(part.study.digest) and all(store.known(part.study, part.points(start, stop))):
                done += stop - start
                observe(done, total, "points")
            else:
                yield number, start, stop

    for (number, start, stop), figures in _found(plan, missing(), workers):
        part = plan.parts[number]
        new += store.add(part.study, part.points(start, stop), figures)
        done += stop - start
        observe(done, total, "points")
    return new


def _found(plan: SweepPlan, pieces: Iterator[Piece], workers: int) -> Iterator[tuple[Piece, Figures]]:
    if workers <= 1:
        for piece in pieces:
            yield piece, plan.parts[piece[0]].figures(*piece[1:])
        return
    import multiprocessing

    first = next(pieces, None)
    if first is None:
        return
    spawned = multiprocessing.get_context("spawn")  # a fork would copy the store's open connection
    pool = ProcessPoolExecutor(workers, spawned, _begin, (plan.source, plan.text, plan.accounting))
    try:
        yield from _through(pool, itertools.chain((first,), pieces), workers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _through(pool: Executor, pieces: Iterator[Piece], workers: int) -> Iterator[tuple[Piece, Figures]]:
    waiting: dict[Future[Figures], Piece] = {}
    for piece in pieces:
        waiting[pool.submit(_work, piece)] = piece
        while len(waiting) >= _IN_FLIGHT * workers:
            yield from _finished(waiting)
    while waiting:
        yield from _finished(waiting)


def _finished(waiting: dict[Future[Figures], Piece]) -> Iterator[tuple[Piece, Figures]]:
    ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in ready:
        yield waiting.pop(future), future.result()


_PLAN: list[SweepPlan] = []


def _begin(source: str, text: str | None, accounting: str | None) -> None:
    """Start of a worker: the coordinator alone answers Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _PLAN[:] = [SweepPlan(source, text, accounting)]


def _work(piece: Piece) -> Figures:
    return _PLAN[0].parts[piece[0]].figures(*piece[1:])


def _rows(plan: SweepPlan, store: Store) -> Iterator[dict[str, object]]:
    for part in plan.parts:
        study = part.study
        for values in part.points(0, part.num_points):
            figures = store.find(study, values)
            if figures is not None:
                yield {
                    **study.about,
                    **dict(zip(study.axes, values, strict=True)),
                    **dict(zip(study.figures, figures, strict=True)),
                }
