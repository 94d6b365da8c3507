"""Whether the statements of one pass can walk a rank in one order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.levels import Levels
from fusemax.analysis.reach import Marks, spread
from fusemax.analysis.unroll import Graph
from fusemax.cascade.ranks import canonical, factors_of


@dataclass(frozen=True, slots=True)
class Question:
    """May these statements share one loop in this column's rank?"""

    column: int
    statements: frozenset[int]


def orders(graph: Graph, found: Levels, questions: list[Question]) -> list[dict[int, int]]:
    """For each question, coordinate -> the set of coordinates that have to be visited before it.

    Coordinates are those of the outermost factor when the rank is partitioned.
    """
    several = cache(partial(_visits_several, found))
    asked = [q for q in questions if not _is_pointwise(graph, found, q, several)]
    answers = dict(zip(map(id, asked), _orders(graph, found, asked), strict=True))
    return [answers.get(id(q), {}) for q in questions]


def _orders(graph: Graph, found: Levels, questions: list[Question]) -> list[dict[int, int]]:
    before: list[dict[int, int]] = [{} for _ in questions]
    if not questions:
        return before
    outer = [_outer_masks(graph, found, q.column) for q in questions]
    members = frozenset[int]().union(*(q.statements for q in questions))
    visits = {number: _visits(found, questions, outer, number) for number in found.visits if number in members}
    own = np.zeros((graph.num_cells, len(questions)), dtype=found.state.dtype)
    for unrolled in graph.statements:
        if unrolled.statement.number in visits:
            own[unrolled.cells] = np.bitwise_or.reduce(visits[unrolled.statement.number], axis=1)

    through = graph.structure.behind
    needed = members.union(*([n for n in range(len(through)) if through[number] >> n & 1] for number in members))
    behind = spread(graph, own, needed)
    for number, here in visits.items():
        marks = behind[number]
        alone = (marks == here) & ((here & (here - 1)) == 0)  # the one coordinate visited before is the one visited now
        depends = (marks != 0) & (here != 0) & ~alone
        for j in np.flatnonzero(depends.any(axis=(0, 1))):
            chosen = depends[:, :, j]
            pairs = set(zip(here[:, :, j][chosen].tolist(), marks[:, :, j][chosen].tolist(), strict=True))
            for visited, earlier in pairs:
                _add(before[j], int(visited), int(earlier))
    return before


def _visits_several(found: Levels, number: int) -> list[bool]:
    """For each column, whether some point of a statement visits two coordinates."""
    visits = found.visits.get(number)
    if visits is None:
        return [False] * len(found.columns.fibers)
    several: list[bool] = ((visits & (visits - 1)) != 0).any(axis=(0, 1)).tolist()
    return several


def _is_pointwise(graph: Graph, found: Levels, question: Question, several: Callable[[int], list[bool]]) -> bool:
    """Whether statements of the loop depend on one another only at the same coordinate: then any order serves them.

    So it is if all that depends on the loop's statements is read by lineage reads, of tensors of which the same
    is true, and no point visits two coordinates.
    """
    structure = graph.structure
    lineage = found.columns.fibers[question.column].lineage
    members = sum(1 << number for number in question.statements)
    pure: dict[str, bool] = {}

    def is_pure(number: int) -> bool:
        statement = structure.statements[number]
        flags = lineage.lineage.get(number, ())
        for place, read in enumerate(statement.reads):
            writers = structure.writers.get(read.tensor, ())
            if any((1 << w | structure.behind[w]) & members for w in writers):
                if not flags or not flags[place] or read.tensor in lineage.roots:
                    return False
                if read.tensor not in pure:
                    pure[read.tensor] = False  # what depends on itself is not
                    pure[read.tensor] = all(map(is_pure, writers))
                if not pure[read.tensor]:
                    return False
        return not several(number)[question.column]

    if any(structure.behind[n] >> n & 1 for n in question.statements):
        return False
    return all(map(is_pure, question.statements))


def has_cycle(before: dict[int, int]) -> bool:
    """Whether no order puts every coordinate after those that have to be before it."""
    left = dict(before)
    while left:
        pending = 0
        for v in left:
            pending |= 1 << v
        free = [v for v, earlier in left.items() if earlier & pending == 0]
        if not free:
            return True
        for v in free:
            del left[v]
    return False


def _add(before: dict[int, int], visited: int, earlier: int) -> None:
    v = 0
    while visited >> v:
        if visited >> v & 1 and earlier & ~(1 << v):
            before[v] = before.get(v, 0) | earlier & ~(1 << v)
        v += 1


def _outer_masks(graph: Graph, found: Levels, column: int) -> list[int] | None:
    """For a partitioned rank, the coordinates that belong to each coordinate of the outermost factor."""
    lineage = found.columns.fibers[column].lineage
    factors = factors_of(graph.structure.cascade, lineage.rank)
    if not factors:
        return None
    tile = prod(graph.sizes[canonical(graph.structure.cascade, f)] for f in factors[1:])
    count = graph.sizes[lineage.rank] // tile
    return [((1 << tile) - 1) << (i * tile) for i in range(count)]


def _visits(found: Levels, questions: list[Question], outer: list[list[int] | None], number: int) -> Marks:
    """What each point of a statement visits in each question's column, nothing if the question is not about it."""
    table = found.visits[number][:, :, [q.column for q in questions]]
    for j, (question, masks) in enumerate(zip(questions, outer, strict=True)):
        if number not in question.statements:
            table[:, :, j] = 0
        elif masks is not None:
            table[:, :, j] = _coarsened(table[:, :, j], masks)
    return table


def _coarsened(visits: NDArray[Any], masks: list[int]) -> NDArray[Any]:
    found = np.zeros_like(visits)
    for i, mask in enumerate(masks):
        hit = (visits & visits.dtype.type(mask)) != 0 if visits.dtype != object else (visits & mask) != 0
        found |= np.where(hit, np.zeros(1, dtype=visits.dtype) + (1 << i), 0).astype(visits.dtype)
    return found
