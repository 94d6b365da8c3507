"""Sweeps: every point of a specification found once and kept, whatever interrupts.

    done = run_sweep(SweepPlan("spec.yaml"), "runs.db")
    done.num_points, .num_new, .rows()

Points are found in pieces and stored one transaction per piece: a process that is killed loses at most the pieces in
flight, and a run after it finds what is missing. Only this process writes the store.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from fusemax.base.errors import UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.base.result import Result
from fusemax.search.fig12 import area_parts
from fusemax.search.grid import Grid, Part, grids
from fusemax.search.pieces import Cutter, Engine, InProcess
from fusemax.search.spec import read_spec
from fusemax.search.store import Store, open_store

__all__ = ["FIG12", "Sweep", "SweepPlan", "engine_of", "run_sweep", "sweep"]

FIG12 = "fig12"
_MOST_ROWS = 10_000  # past this a result is read from its store


@dataclass(frozen=True)
class SweepPlan:
    """A sweep that can be made again from text."""

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
    workers: int | None = None,
    accounting: str | None = None,
    cluster: str | None = None,
) -> Sweep:
    """Every point of a specification (a file, ``-``, or ``fig12``), kept in a store and computed once.

    In this process; with ``workers`` in so many others; with ``cluster`` on the workers of a Dask scheduler at that
    address. Raises FileError, SourceError or SourceErrors; MissingExtra without Dask; UsageError for more than 10 000
    points without a store.
    """
    return run_sweep(SweepPlan(os.fspath(spec), None, accounting), store, engine_of(workers, cluster))


def engine_of(
    workers: int | None = None, cluster: str | None = None, tell: Callable[[str], None] = lambda text: None
) -> Engine:
    """Who computes; ``tell`` is given what the user should know meanwhile. MissingExtra when Dask is not installed."""
    if workers is None and cluster is None:
        return InProcess()
    from fusemax.search.cluster import Cluster

    if workers is not None and cluster is not None:
        raise UsageError("workers are processes here, a cluster has its own: give one of both")
    return Cluster(cluster, workers or 1, tell)


def run_sweep(
    plan: SweepPlan,
    store: str | os.PathLike[str] | None = None,
    engine: Engine | None = None,
    observe: Observer = ignore,
) -> Sweep:
    """Find and store every point that is not there yet.

    Raises the plan's and the store's errors; UsageError for more than 10 000 points without a store.
    """
    total = plan.num_points
    if store is None and total > _MOST_ROWS:
        raise UsageError(f"{total} points: give a store to keep them (--store FILE)")
    with open_store(store) as kept:
        new = _fill(plan, kept, engine or InProcess(), observe, total)
        rows = tuple(_rows(plan, kept)) if total <= _MOST_ROWS else ()
    figures = frozenset(name for part in plan.parts for name in part.study.figures)
    return Sweep(plan.name, None if store is None else os.fspath(store), total, new, rows, figures)


def _fill(plan: SweepPlan, store: Store, engine: Engine, observe: Observer, total: int) -> int:
    done = new = 0

    def count(points: int) -> None:
        nonlocal done
        done += points
        observe(done, total, "points")

    for piece, figures in engine.run(plan.parts, Cutter(plan.parts, store, count)):
        part = plan.parts[piece.part]
        inputs = part.inputs(piece.start, piece.stop)
        new += store.add(part.study, inputs if piece.only is None else inputs[piece.only], figures)
        count(len(piece))
    return new


def _rows(plan: SweepPlan, store: Store) -> Iterator[dict[str, object]]:
    for part in plan.parts:
        study = part.study
        for values in part.inputs(0, part.num_points).tolist():
            figures = store.find(study, values)
            if figures is not None:
                yield {
                    **study.about,
                    **dict(zip(study.axes, values, strict=True)),
                    **dict(zip(study.figures, figures, strict=True)),
                }
