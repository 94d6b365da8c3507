"""Designs that differ only in the sizes of their tiles, measured together by the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from fusemax.design.arithmetic import Number
from fusemax.design.design import Design
from fusemax.design.mapping import Mapping as Mapped
from fusemax.design.nest import Nest
from fusemax.design.sizes import Sizes
from fusemax.model.mapsearch import is_legal
from fusemax.model.measure import Measured
from fusemax.model.pipeline import gap_epochs
from fusemax.model.profile import Accounting
from fusemax.model.tiling import Tiling
from fusemax.search.frame import Tiles
from fusemax.search.goal import Figures, Place, Point
from fusemax.search.rewrite import checked
from fusemax.search.watch import words_of

__all__ = ["group_points", "named"]


def group_points(
    design: Design, tiles: Tiles, sizes: Sizes, rules: Accounting, area: float, before: Place, after: Place,
    nests: Mapping[str, Nest], sibling: Tiling | None = None,
) -> tuple[list[Point], Measured, npt.NDArray[np.bool_]]:  # fmt: skip
    """The points that are legal and fit, what was measured, and where more streams bring nothing.

    ``design`` leaves the sizes open under the names of ``tiles``; ``nests`` are its nests. A point's place is
    ``before``, that of its tiles, and ``after``.
    """
    tiling = Tiling(design, nests, sizes, rules, tiles.parameters, None, sibling)
    measured = Measured(tiling)
    shape = tiles.place.shape
    legal = np.broadcast_to(is_legal(tiling), shape) & np.broadcast_to(tiling.legal, shape)
    legal = legal & np.broadcast_to(measured.is_feasible, shape)
    streams = design.schedule.streams
    for level in tiling.levels:
        for held in tiling.needed(level).values():
            legal = legal & (sum(held.values()) * streams <= tiling.capacity(level))
    layers = float(sizes("L"))
    columns = [
        np.broadcast_to(np.asarray(value, dtype=np.float64), shape) * layers
        for value in (measured.latency, measured.energy, measured.traffic(design.schedule.einsums))
    ]
    found = []
    for i in np.flatnonzero(legal):
        values = {name: int(column[i]) for name, column in tiles.parameters.items()}
        figures = Figures(float(columns[0][i]), float(columns[1][i]), float(columns[2][i]), area)
        place = (*before, int(tiles.place[i]), *after)
        found.append(Point(figures, place, partial(_closed, design, values), partial(words_of, design, values)))
    return found, measured, np.broadcast_to(_is_settled(measured), shape)


def _is_settled(measured: Measured) -> Number:
    """Whether streams follow without a gap and no epoch stays empty: what more streams could change is already 0."""
    settled: Number = True
    for phase in measured.design.schedule.phases:
        if measured.next:
            settled = settled & measured.tiling.holds_two(phase, measured.next)
        if "fill-drain" in measured.rules:
            settled = settled & (gap_epochs(measured, phase) == 0)
    return settled


def _closed(design: Design, values: dict[str, int]) -> Design:
    """The design with its sizes written in."""
    partition = {
        rank: {part: values.get(str(text), text) for part, text in parts.items()}
        for rank, parts in design.mapping.partition.items()
    }
    mapping: Mapped = design.mapping.model_copy(update={"partition": partition, "parameters": {}, "search": None})
    return checked(named(replace(design, mapping=mapping)))


def named(design: Design) -> Design:
    """A found design under a name of its own."""
    mapping = design.mapping.model_copy(update={"mapping": "", "title": "", "source": ""})
    name = f"{design.cascade.name}-on-{design.accelerator.name}"
    source = f"fusemax search, from {design.name}"
    return replace(design, name=name, mapping=mapping, title="Found by search", source=source)
