"""The points of a sweep: grids of numbers for the model's batch engine, one grid per design and workload.

What changes a design's structure makes another design; numbers of the accelerator, the batch and the length make
columns. A grid's points are numbered with the last axis fastest, so that a part of it is a range of numbers.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from fusemax import __version__
from fusemax.base.errors import FileError, FusemaxError, UnknownName, UsageError
from fusemax.base.units import parse_length
from fusemax.design.design import Design
from fusemax.design.document import Document
from fusemax.design.load import catalogue_names, load_design
from fusemax.design.sizes import Sizes, workload_sizes
from fusemax.design.workload import Workload, load_workload
from fusemax.model.batch import evaluate_batch
from fusemax.model.evaluate import evaluate
from fusemax.model.profile import accounting_of
from fusemax.search.code import code_digest
from fusemax.search.rewrite import checked, design_digest, design_text, full_path, with_field, with_workload_field
from fusemax.search.spec import SweepSpec, located, whole_numbers
from fusemax.search.study import Study

__all__ = ["FIGURES", "Grid", "Part", "grids"]

FIGURES = (
    "latency_s",
    "traffic_bytes",
    "energy_pj",
    "area_um2",
    "utilization_1d",
    "busy_utilization_2d",
    "useful_utilization_2d",
    "roofline_fraction",
    "legal",
)
"""What a grid finds of every point; ``legal`` is 1 where the mapping divides and fits, and the rest is unknown else."""

T = TypeVar("T")
_WIDE = float(1 << 62)
_BATCH = "workload.batch"
Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


class Part(Protocol):
    """Points that share a study: what a sweep runs through."""

    @property
    def study(self) -> Study:
        """What the points share."""

    @property
    def num_points(self) -> int:
        """How many there are."""

    @property
    def first_step(self) -> int:
        """How many to find at once before anything is measured."""

    def inputs(self, start: int, stop: int) -> Wholes:
        """Inputs of some points, a row each, in the order of the study's axes."""

    def figures(self, start: int, stop: int, only: Wholes | None = None, threads: int | None = None) -> Reals:
        """Figures of some points (or ``only`` of some of these, counted from ``start``), a row each; NaN is unknown.

        On so many threads, all cores when that is not said.
        """


@dataclass(frozen=True, eq=False)
class Grid:
    """Points of one design and workload; see Part."""

    name: str
    design: Design
    workload: Workload
    accounting: str
    fixed: tuple[tuple[str, object], ...]
    axes: tuple[tuple[str, Wholes], ...]
    """Names as written and values; the first is ``seq_len``."""
    digest: str = field(repr=False)
    text: str | None = field(repr=False, default=None)
    """The design's text where it does not ship, so that a store tells it."""

    @cached_property
    def study(self) -> Study:
        """All that the points depend on besides their axes."""
        rules = accounting_of(self.accounting)
        by = {
            "design": self.digest,
            "workload": self.workload.model_dump(mode="json", exclude={"sources"}),
            "accounting": sorted(rules.switches),
            "version": __version__,
            "code": code_digest(),
            **({} if self.text is None else {"text": self.text}),
        }
        about = {
            "design": self.design.name,
            "workload": self.workload.name,
            "accounting": rules.name,
            "version": __version__,
            "code": code_digest(),
            **dict(self.fixed),
        }
        return Study.of(by, about, [name for name, _ in self.axes], FIGURES)

    @property
    def num_points(self) -> int:
        """The product of the axes' lengths."""
        return math.prod(len(values) for _, values in self.axes)

    @property
    def is_batched(self) -> bool:
        """Whether the batch engine takes the design: one that searches its mapping is modelled point by point."""
        return not self.design.mapping.parameters

    @property
    def first_step(self) -> int:
        """See Part."""
        return 1 << 14 if self.is_batched else 4

    def inputs(self, start: int, stop: int) -> Wholes:
        """See Part. The last axis is the fastest."""
        indices = np.unravel_index(np.arange(start, stop), [len(values) for _, values in self.axes])
        return np.column_stack([values[index] for (_, values), index in zip(self.axes, indices, strict=True)])

    def figures(self, start: int, stop: int, only: Wholes | None = None, threads: int | None = None) -> Reals:
        """See Part. UsageError for points the accounting cannot be asked for."""
        rows = self.inputs(start, stop)
        rows = rows if only is None else rows[only]
        columns = {{_BATCH: "B"}.get(name, name): rows[:, i] for i, (name, _) in enumerate(self.axes)}
        found = self._batched(columns, len(rows), threads) if self.is_batched else self._one_by_one(columns, len(rows))
        found[found[:, -1] != 1, :-1] = math.nan
        found[~np.isfinite(found)] = math.nan
        return found

    def _batched(self, columns: dict[str, Wholes], number: int, threads: int | None) -> Reals:
        found = np.full((number, len(FIGURES)), math.nan)
        wide = self._is_wide(columns, number)
        for rows in (np.flatnonzero(wide), np.flatnonzero(~wide)):  # a point is counted alike whatever is beside it
            if rows.size:
                given = columns if rows.size == number else {n: c[rows] for n, c in columns.items()}
                batch = evaluate_batch(self.design, self.workload, given, self.accounting, threads=threads)
                for i, name in enumerate(FIGURES):
                    found[rows, i] = getattr(batch, name)
        return found

    def _is_wide(self, columns: dict[str, Wholes], number: int) -> npt.NDArray[np.bool_]:
        """Where counts pass an int64."""
        base = {name: float(value) for name, value in workload_sizes(self.workload, 1).items()}
        length = columns["seq_len"].astype(float)
        queries = length if self.workload.query_len is None else np.full(number, base["P"])
        heads = columns["B"].astype(float) if "B" in columns else base["B"]
        most = max(base["E"], base["F"])
        return np.asarray(heads * base["H"] * length * queries * most * 4 >= _WIDE)

    def _one_by_one(self, columns: dict[str, Wholes], number: int) -> Reals:
        found = np.zeros((number, len(FIGURES)))
        for row in range(number):
            values = {name: int(column[row]) for name, column in columns.items()}
            length = values.pop("seq_len")
            try:
                one = evaluate(self.design, self.workload, length, self.accounting, values)
            except UsageError:
                continue
            figures = (
                one.latency_s, one.traffic_bytes, one.energy_pj, one.area_um2, one.utilization_1d, one.busy("2d"),
                one.useful_utilization_2d, one.roofline_fraction, 1.0,
            )  # fmt: skip
            found[row] = [math.nan if v is None else float(v) for v in figures]
        return found


def grids(spec: SweepSpec, document: Document) -> list[Grid]:
    """The grids of a specification, every design checked. Errors stand at the value they are about."""
    lengths = _lengths(spec)
    designs = _loaded(document, "designs", spec.designs, load_design)
    workloads = _loaded(document, "workloads", spec.workloads, load_workload)
    found: list[Grid] = []
    for reference, design in zip(spec.designs, designs, strict=True):
        is_own = reference not in catalogue_names("designs") or os.path.exists(reference)
        numeric, structural = _split(spec, document, design)
        axes = (("seq_len", lengths), *numeric)
        for made, fixed in _variants(design, structural, document):
            digest = design_digest(made)
            own = design_text(made) if is_own else None
            for workload in workloads:
                for load, shape in _workloads(workload, structural, document):
                    found.append(Grid(spec.sweep, made, load, spec.accounting, (*fixed, *shape), axes, digest, own))
    return found


def _lengths(spec: SweepSpec) -> Wholes:
    if isinstance(spec.seq_lens, range):
        return np.arange(spec.seq_lens.start, spec.seq_lens.stop, spec.seq_lens.step, dtype=np.int64)
    return np.array(list(dict.fromkeys(parse_length(value) for value in spec.seq_lens)), dtype=np.int64)


def _loaded(document: Document, name: str, references: Sequence[str], load: Callable[[str], T]) -> list[T]:
    found = []
    for place, reference in enumerate(references):
        try:
            found.append(load(reference))
        except (UnknownName, FileError) as error:
            text = error.reason if isinstance(error, FileError) else str(error)
            raise document.positions.error((name, place), f"{reference}: {text}") from None
    return found


Axis = tuple[str, Sequence[object]]


def _split(spec: SweepSpec, document: Document, design: Design) -> tuple[list[tuple[str, Wholes]], list[Axis]]:
    """Axes that are numbers to the batch engine, and those that make other designs or workloads."""
    numeric: list[tuple[str, Wholes]] = []
    structural: list[Axis] = []
    known = Sizes(design.accelerator, {})
    for path, values in spec.vary.items():
        try:
            full_path(design, path)
        except UnknownName as error:
            where = ("vary", path)
            raise document.positions.error(where, str(error), key=True) from None
        whole = whole_numbers(values) if path == _BATCH or known.known(path) else None
        if whole is not None:
            numeric.append((path, whole))
        else:
            structural.append((path, values))
    return numeric, structural


def _variants(
    design: Design, structural: Sequence[Axis], document: Document
) -> Iterator[tuple[Design, tuple[tuple[str, object], ...]]]:
    axes = [axis for axis in structural if not axis[0].startswith("workload.")]
    for chosen in itertools.product(*(range(len(values)) for _, values in axes)):
        made, fixed = design, []
        for (path, values), place in zip(axes, chosen, strict=True):
            try:
                made = with_field(made, path, values[place])
            except FusemaxError as error:
                raise _at(document, path, place, error) from None
            fixed.append((path, values[place]))
        try:
            yield (checked(made) if axes else made), tuple(fixed)
        except FusemaxError as error:
            raise _at(document, axes[-1][0], chosen[-1], error) from None


def _workloads(
    workload: Workload, structural: Sequence[Axis], document: Document
) -> Iterator[tuple[Workload, tuple[tuple[str, object], ...]]]:
    axes = [axis for axis in structural if axis[0].startswith("workload.")]
    for chosen in itertools.product(*(range(len(values)) for _, values in axes)):
        made, fixed = workload, []
        for (path, values), place in zip(axes, chosen, strict=True):
            try:
                made = with_workload_field(made, path.removeprefix("workload."), values[place])
            except FusemaxError as error:
                raise _at(document, path, place, error) from None
            fixed.append((path, values[place]))
        yield made, tuple(fixed)


def _at(document: Document, path: str, place: int, error: FusemaxError) -> FusemaxError:
    found = located(document, f"vary/{path}", place, error)
    return document.positions.error(("vary", path, place), f"{path}: {found.message}", suggestion=found.suggestion)
