"""What a run touches: points per map and reduce action, by the merge operator that finds them.

A value of 0 is an empty coordinate. `intersection` touches a point where all operands are non-empty, `union` where
one is, `left` where the divisor is, `all` everywhere. A reduce action touches the non-empty values it takes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.cascade.edge import Action, map_actions, reduce_actions
from fusemax.cascade.ir import Einsum, Expr
from fusemax.execute.storage import Block

Array = NDArray[Any]


@dataclass
class Touched:
    """One action of one Einsum: the points it was asked for and those it touched, over the whole run."""

    einsum: str
    action: Action
    points: int = 0
    touched: int = 0


@dataclass
class Tally:
    """Counts of a run, in text order. Counting makes a run walk every point: slow, and the same results."""

    rows: list[Touched] = field(default_factory=list)

    def statement(self, einsum: Einsum) -> Counter:
        """The counters of a statement, added to the rows."""
        maps = [(expr, Touched(einsum.tensor, action)) for expr, action in map_actions(einsum)]
        reduces = [Touched(einsum.tensor, a) for a in reduce_actions(einsum)]
        self.rows += [row for _, row in maps] + reduces
        return Counter({id(expr): row for expr, row in maps}, [r for r in reduces if r.action.kind == "reduce"])


@dataclass
class Counter:
    """The rows of one statement: of its map actions by expression, and of its reduce actions in order."""

    maps: dict[int, Touched]
    reduces: list[Touched]

    def of_map(self, expr: Expr) -> Callable[[Block, Sequence[Any]], None] | None:
        """What to call with the operands of an expression, or None when it is no map action of its own."""
        row = self.maps.get(id(expr))
        return None if row is None else _Map(row)

    def of_reduce(self, depth: int, value: Array, points: int, mask: Array | None) -> None:
        """Count the values that the reduction at a depth takes in; the array stands for `points` points."""
        _count(
            self.reduces[depth], [value], points, mask, "all" if self.reduces[depth].action.merge == "all" else "union"
        )


@dataclass
class _Map:
    row: Touched

    def __call__(self, block: Block, operands: Sequence[Any]) -> None:
        _count(self.row, operands, prod(block.sizes), block.mask, self.row.action.merge)


def _count(row: Touched, operands: Sequence[Any], points: int, mask: Array | None, merge: str) -> None:
    """Add the points (each array stands for all of them) that the mask leaves, and those the merge operator finds."""
    kept = points if mask is None else int(np.count_nonzero(mask)) * (points // mask.size)
    row.points += kept
    there = _there(merge, operands)
    if there is None:
        row.touched += kept
        return
    there = np.asarray(there, dtype=bool)
    if mask is not None:
        there = there & mask
    row.touched += int(np.count_nonzero(there)) * (points // there.size)


def _there(merge: str, operands: Sequence[Any]) -> Any:
    """Where the merge operator finds a point; None for everywhere."""
    match merge:
        case "intersection":
            return _fold(np.logical_and, operands)
        case "union":
            return _fold(np.logical_or, operands)
        case "left":
            return np.not_equal(operands[-1], 0)
        case _:
            return None


def _fold(combine: Any, operands: Sequence[Any]) -> Any:
    found = np.not_equal(operands[0], 0)
    for operand in operands[1:]:
        found = combine(found, np.not_equal(operand, 0))
    return found
