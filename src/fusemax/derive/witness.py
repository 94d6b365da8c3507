"""Sample matrices: how many accumulators a reduction needs when its reference is known only at the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fusemax.cascade.ir import Access, Call, Constant, Expr, ParameterUse, Shape, Unary, Variable, walk
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive import signs
from fusemax.derive.algebra import ELEMENT, REFERENCE, Poly, add, of_base, times_flat
from fusemax.derive.emit import to_expr
from fusemax.derive.points import Field, evaluate, precise

POINTS = (6, 12, 18)
DIGITS = 120


@dataclass(frozen=True)
class Witness:
    """Ranks of the matrix F(x_i, y_j) at `points` points, and the text of F."""

    body: str
    points: tuple[int, ...]
    ranks: tuple[int, ...]

    @property
    def grows(self) -> bool:
        """Does the rank keep up with the number of points?"""
        return self.ranks[-1] > self.ranks[-2] > self.ranks[0]

    @property
    def rank(self) -> int | None:
        """The number of accumulators when it no longer grows."""
        return None if self.grows else self.ranks[-1]


def witness(
    body: Poly, constants: Mapping[str, float] | None = None, points: tuple[int, ...] = POINTS
) -> Witness | None:
    """Sample the body of a reduction; None when it has no number at sample points.

    `constants` gives the values of parameters and sizes; other leaves without a side get sample values.
    """
    flat = without_nested(body)
    expr = _without_masks(to_expr(flat))
    sides = sides_of(flat)
    field = precise(DIGITS)
    for low, high in ((-3.0, 3.0), (0.2, 3.0)):
        matrices = [_matrix(expr, sides, field, constants or {}, n, low, high) for n in points]
        found = [matrix_rank(matrix, field) for matrix in matrices if matrix is not None]
        if len(found) == len(points):
            return Witness(print_expr(to_expr(flat)), points, tuple(found))
    return None


def sides_of(p: Poly) -> dict[str, tuple[int, int]]:
    """The side and sign of every leaf a sum reads."""
    found: dict[str, tuple[int, int]] = {}
    for mono, _ in p.terms:
        for base, _ in mono:
            if base.expr is not None:
                found[print_expr(base.expr)] = (base.side, base.sign)
            for part in base.parts:
                found |= sides_of(part)
    return found


def without_nested(p: Poly) -> Poly:
    """The sum with each nested reduction over a single coordinate: the special case where its rank has size 1."""
    found = []
    for mono, coefficient in p.terms:
        term = Poly((((), coefficient),))
        for base, power in mono:
            if base.kind == "nested" and power > 0 and power == int(power):
                for _ in range(int(power)):
                    term = times_flat(term, without_nested(base.parts[0]))
            else:
                term = times_flat(term, of_base(base, power))
        found.append(term)
    return add(*found)


def _without_masks(expr: Expr) -> Expr:
    """`where` with an infinite branch is sampled where the mask lets through."""

    def is_infinite(e: Expr) -> bool:
        inner = e.operand if isinstance(e, Unary) else e
        return isinstance(inner, Constant) and inner.name == "inf"

    def leaf(node: Expr) -> Expr:
        if isinstance(node, Call) and node.function == "where":
            if is_infinite(node.arguments[2]):
                return node.arguments[1]
            if is_infinite(node.arguments[1]):
                return node.arguments[2]
        return node

    return rewrite(expr, leaf)


def _matrix(
    expr: Expr,
    sides: dict[str, tuple[int, int]],
    field: Field,
    fixed: Mapping[str, float],
    size: int,
    low: float,
    high: float,
) -> list[list[Any]] | None:
    """F at `size` elements and `size` references, spread evenly and interlaced in every leaf."""
    generator = random.Random(7)
    leaves = sorted({print_expr(n) for n in walk(expr) if isinstance(n, Access) or _is_leaf(n)})

    def spread(name: str, shift: float, keep_order: bool) -> list[Any]:
        _, sign = sides.get(name, (0, signs.ANY))
        start, end = (max(low, 0.2), high) if signs.is_not_negative(sign) else (low, high)
        values = [start + (end - start) * (k + shift + generator.uniform(-0.1, 0.1)) / size for k in range(size)]
        if not keep_order:
            generator.shuffle(values)
        return [field.number(repr(v)) for v in values]

    constants = {name: spread(name, 0.5, False)[0] for name in leaves if not sides.get(name, (0, 0))[0]}
    constants |= {name: field.number(repr(float(v))) for name, v in fixed.items() if name in constants}

    def points(side: int, shift: float) -> list[dict[str, Any]]:
        names = [name for name in leaves if sides.get(name, (0, 0))[0] & side]
        columns = {name: spread(name, shift, k == 0) for k, name in enumerate(names)}
        return [{name: column[k] for name, column in columns.items()} for k in range(size)]

    rows, columns = points(ELEMENT, 0.3), points(REFERENCE, 0.7)
    matrix = []
    for row in rows:
        values = [evaluate(expr, _reader({**constants, **row, **column}), field) for column in columns]
        if any(value != value or abs(value) == field.inf for value in values):
            return None
        matrix.append(values)
    return matrix


def _is_leaf(node: Expr) -> bool:
    return isinstance(node, (ParameterUse, Shape, Variable))


def _reader(values: dict[str, Any]) -> Callable[[Expr], Any]:
    return lambda leaf: values[print_expr(leaf)]


def matrix_rank(matrix: list[list[Any]], field: Field) -> int:
    """The rank by elimination with full pivoting; what is below 10^-60 of the largest entry counts as 0."""
    rows = [list(row) for row in matrix]
    size = len(rows)
    largest = max((abs(v) for row in rows for v in row), default=0)
    if largest == 0:
        return 0
    small = largest * field.number(f"1e-{DIGITS // 2}")
    for k in range(size):
        i, j = max(((i, j) for i in range(k, size) for j in range(k, size)), key=lambda p: abs(rows[p[0]][p[1]]))
        if abs(rows[i][j]) <= small:
            return k
        rows[k], rows[i] = rows[i], rows[k]
        for row in rows:
            row[k], row[j] = row[j], row[k]
        for i in range(k + 1, size):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return size
