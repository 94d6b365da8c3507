"""Levels: how many complete traversals of a fiber lie behind each cell, point and statement.

All fibers are counted at once, one per column. A cell's state in a column is its level, the coordinates seen
at that level, its own coordinate, and the same where the coordinate is on the fiber (each a set of bits).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.fibers import Columns, Masks
from fusemax.analysis.unroll import Graph, Unrolled

LEVEL, SEEN, COORDINATE, VISIT = range(4)

_MOST_ENTRIES = 1 << 22
"""Entries of one array in a step; longer statements are taken in parts."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The outcome for every fiber.

    `state` has shape (cells, 4, columns). `visits[s]`, of shape (cells, points of a cell, columns), are the
    coordinates that each point of statement s visits, and `point_levels[s]` the level at which (0 if it visits
    nothing); statements that read no carrying tensor are absent.
    `statement_levels[s, j]` is the level of statement s in column j, 0 if it visits nothing there.
    """

    columns: Columns
    state: Masks
    visits: dict[int, Masks]
    point_levels: dict[int, Masks]
    statement_levels: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Passes of each fiber."""
        if not len(self.statement_levels):
            return np.zeros(len(self.columns.fibers), dtype=np.int64)
        highest: NDArray[np.int64] = self.statement_levels.max(axis=0)
        return highest


def levels(graph: Graph, columns: Columns) -> Levels:
    """Propagate levels over the unrolled cascade."""
    state = np.zeros((graph.num_cells, 4, len(columns.fibers)), dtype=columns.whole.dtype)
    state[1:, LEVEL] = 1
    state[:, COORDINATE:] = columns.coordinates
    run = _Run(graph, columns, state)
    for group, stepwise in zip(graph.structure.groups, graph.structure.stepwise, strict=True):
        members = [graph.statements[number] for number in group]
        if stepwise:
            for rows in zip(*(member.steps() for member in members), strict=True):
                for member, part in zip(members, rows, strict=True):
                    run.advance(member, part)
        else:
            run.advance(members[0], slice(0, len(members[0].cells)))
    levels_of = [run.statement_levels(unrolled) for unrolled in graph.statements]
    table = np.array(levels_of)
    return Levels(columns, state, run.visits, run.point_levels, table.reshape(len(levels_of), len(columns.fibers)))


class _Run:
    def __init__(self, graph: Graph, columns: Columns, state: Masks) -> None:
        self.columns = columns
        self.state = state
        self.visits: dict[int, Masks] = {}
        self.point_levels: dict[int, Masks] = {}
        for unrolled in graph.statements:
            number = unrolled.statement.number
            if number in columns.lineage:
                shape = (*unrolled.reads.shape[:2], len(columns.fibers))
                self.visits[number] = np.empty(shape, dtype=state.dtype)
                self.point_levels[number] = np.empty(shape, dtype=state.dtype)

    def advance(self, unrolled: Unrolled, rows: slice) -> None:
        """Compute the cells of some rows from the cells they read."""
        num_points, num_reads = unrolled.reads.shape[1:]
        if not num_reads:
            return
        per_row = max(1, num_points * num_reads * self.state.shape[1] * self.state.shape[2])
        most = max(1, _MOST_ENTRIES // per_row)
        for first in range(rows.start, rows.stop, most):
            self._advance(unrolled, slice(first, min(first + most, rows.stop)))

    def _advance(self, unrolled: Unrolled, rows: slice) -> None:
        statement, cells = unrolled.statement, unrolled.cells[rows]
        lineage = self.columns.lineage.get(statement.number)
        read = self.state.take(unrolled.reads[rows], axis=0)
        written = self.state.take(cells, axis=0)
        level, seen = _join(read[:, :, :, LEVEL], read[:, :, :, SEEN], axis=2)
        if lineage is not None:
            marks = np.bitwise_or.reduce(read[:, :, :, COORDINATE:] & lineage[:, None, :], axis=2)
            visits = marks[:, :, 1]
            visited = visits != 0
            full = visited & (seen == self.columns.whole)
            level = level + full
            seen = seen * ~full | visits
            self.visits[statement.number][rows] = visits
            self.point_levels[statement.number][rows] = level * visited
            carries = self.columns.carries.get(statement.tensor)
            if carries is not None:
                written[:, COORDINATE:] |= _agreed(marks) & carries
        level, seen = _join(level, seen, axis=1)
        written[:, LEVEL] = np.maximum(level, 1) if statement.filters else level  # a filter may have left no point
        written[:, SEEN] = seen
        self.state[cells] = written

    def statement_levels(self, unrolled: Unrolled) -> NDArray[np.int64]:
        """The level of a statement in each column: the most over its settings of the least over the coordinates."""
        number = unrolled.statement.number
        num_columns = len(self.columns.fibers)
        if number not in self.point_levels:
            return np.zeros(num_columns, dtype=np.int64)
        point_levels = self.point_levels[number].reshape(-1, num_columns)
        highest = np.maximum.reduce(point_levels, axis=0)
        found: NDArray[np.int64] = highest.astype(np.int64)
        if np.maximum.reduce(highest) < 2:
            return found
        lowest = np.minimum.reduce(np.where(point_levels == 0, highest, point_levels), axis=0)
        for j in np.flatnonzero(highest > lowest):
            sweeps = self.columns.fibers[j].lineage.sweeps[number]
            visits = self.visits[number].reshape(-1, num_columns)[:, j]
            found[j] = _least_most(unrolled, sweeps, point_levels[:, j], visits)
        return found


def _agreed(marks: Masks) -> Masks:
    """The coordinate of each cell and column that all lineage reads of its points agree on, nothing if they do not."""
    found = np.bitwise_or.reduce(marks, axis=1)
    coordinate = found[:, 0]
    one = (coordinate & (coordinate - 1)) == 0
    agreed: Masks = found * one[:, None]
    return agreed


def _join(level: Masks, seen: Masks, axis: int) -> tuple[Masks, Masks]:
    """The higher level, and the union of what was seen at that level."""
    if level.shape[axis] == 1:
        return level.squeeze(axis), seen.squeeze(axis)
    highest = np.maximum.reduce(level, axis=axis)
    here = level == (highest[:, None] if axis == 1 else highest[:, :, None])
    return highest, np.bitwise_or.reduce(seen * here, axis=axis)


def _least_most(unrolled: Unrolled, sweeps: frozenset[str], point_levels: Masks, visits: Masks) -> int:
    """The most over settings of the non-sweep variables of the least over coordinates of the highest level."""
    variables = unrolled.statement.variables
    axes = [i for i, v in enumerate(variables) if v in sweeps]
    others = [i for i, v in enumerate(variables) if v not in sweeps]
    num_settings = prod(unrolled.shape[i] for i in others)

    def by_setting(points: Masks) -> Masks:
        return points.reshape(unrolled.shape).transpose(*others, *axes).reshape(num_settings, -1, 1)

    level, visit = by_setting(point_levels), by_setting(visits)
    num_coordinates = int(np.bitwise_or.reduce(visits)).bit_length()
    visited = visit >> np.arange(num_coordinates, dtype=visits.dtype) & 1 != 0
    highest = np.where(visited, level, 0).max(axis=1)  # of each setting and coordinate
    least = np.where(highest == 0, level.max(), highest).min(axis=1)
    return int(np.where(highest.any(axis=1), least, 0).max())


def traversed(state: Masks, whole: Masks) -> Masks:
    """The level at which each cell is complete, 0 for a cell that is not: shape (cells, columns)."""
    return np.where(state[:, SEEN] == whole, state[:, LEVEL], 0)
