"""What lies behind each cell: marks spread along all reads, one column per question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.unroll import Graph, Unrolled

Marks = NDArray[Any]


def spread(graph: Graph, own: Marks, behind: Callable[[Unrolled, slice, Marks], None] | None = None) -> Marks:
    """The union, over everything a cell depends on and itself, of the sets of bits `own` (cells, columns).

    `behind(statement, rows, marks)` is told what lies behind the points of some rows, the points themselves
    left out; marks have shape (rows, points, columns).
    """
    total = own.copy()

    def advance(unrolled: Unrolled, rows: slice) -> None:
        if not unrolled.reads.shape[2]:
            return
        marks = np.bitwise_or.reduce(total.take(unrolled.reads[rows], axis=0), axis=2)
        if behind is not None:
            behind(unrolled, rows, marks)
        total[unrolled.cells[rows]] |= np.bitwise_or.reduce(marks, axis=1)

    for group, stepwise in zip(graph.structure.groups, graph.structure.stepwise, strict=True):
        members = [graph.statements[number] for number in group]
        if stepwise:
            for parts in zip(*(member.steps() for member in members), strict=True):
                for member, rows in zip(members, parts, strict=True):
                    advance(member, rows)
        else:
            advance(members[0], slice(0, len(members[0].cells)))
    return total
