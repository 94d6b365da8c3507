"""What lies behind each point: marks spread along all reads, one column per question."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.unroll import Graph, Unrolled

Marks = NDArray[Any]


def spread(graph: Graph, own: Marks, statements: Collection[int]) -> dict[int, Marks]:
    """The union of the sets of bits `own` (cells, columns) over everything a point of some statements depends on.

    The sets of a statement have shape (cells, points of a cell, columns); a point's own cell is left out. The
    statements have to hold all through which a marked cell is reached.
    """
    total = own.copy()
    found = {
        unrolled.statement.number: np.zeros((*unrolled.reads.shape[:2], own.shape[1]), dtype=own.dtype)
        for unrolled in graph.statements
        if unrolled.statement.number in statements
    }

    def advance(unrolled: Unrolled, rows: slice) -> None:
        if unrolled.statement.number in found and unrolled.reads.shape[2]:
            marks = np.bitwise_or.reduce(total.take(unrolled.reads[rows], axis=0), axis=2)
            found[unrolled.statement.number][rows] = marks
            total[unrolled.cells[rows]] |= np.bitwise_or.reduce(marks, axis=1)

    for group, stepwise in zip(graph.structure.groups, graph.structure.stepwise, strict=True):
        members = [graph.statements[number] for number in group]
        if stepwise:
            for parts in zip(*(member.steps() for member in members), strict=True):
                for member, rows in zip(members, parts, strict=True):
                    advance(member, rows)
        else:
            advance(members[0], slice(0, len(members[0].cells)))
    return found
