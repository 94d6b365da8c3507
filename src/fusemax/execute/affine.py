"""Index expressions at known sizes: affine ones as a constant and a coefficient per rank variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from fusemax.cascade.ir import Binary, Expr, Number, Shape, Unary, Variable

EXACT = 1 << 53
"""Integers up to here are exact as doubles, which is what an index is computed in."""


@dataclass(frozen=True, slots=True)
class Affine:
    """`constant + sum(coefficient * variable)`; no coefficient is 0."""

    constant: int
    coefficients: tuple[tuple[str, int], ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables with a coefficient."""
        return tuple(variable for variable, _ in self.coefficients)

    def span(self, extents: Mapping[str, int]) -> tuple[int, int]:
        """Smallest and largest value when each variable walks 0 to its extent - 1."""
        low = high = self.constant
        for variable, coefficient in self.coefficients:
            reach = coefficient * (extents[variable] - 1)
            low, high = (low + reach, high) if reach < 0 else (low, high + reach)
        return low, high


def affine(expr: Expr, sizes: Mapping[str, int]) -> Affine | None:
    """The affine form of an index expression, or None: `//` and `%` of variables, gathers, huge numbers."""
    if type(expr) is Variable:  # nearly all are
        return _plain(expr.name)
    found = _affine(expr, sizes)
    if found is None or any(abs(n) > EXACT for n in (found.constant, *(c for _, c in found.coefficients))):
        return None
    return found


def _affine(expr: Expr, sizes: Mapping[str, int]) -> Affine | None:
    match expr:
        case Number(value) if value == int(value):
            return Affine(int(value))
        case Shape(rank):
            return Affine(sizes[rank])
        case Variable(name):
            return _plain(name)
        case Unary("-", operand):
            inner = affine(operand, sizes)
            return None if inner is None else _scaled(inner, -1)
        case Binary(operator, left_expr, right_expr):
            left, right = affine(left_expr, sizes), affine(right_expr, sizes)
            return None if left is None or right is None else _combined(operator, left, right)
        case _:
            return None


@lru_cache(maxsize=1024)
def _plain(variable: str) -> Affine:
    return Affine(0, ((variable, 1),))


def _combined(operator: str, left: Affine, right: Affine) -> Affine | None:
    match operator:
        case "+":
            return _sum(left, right)
        case "-":
            return _sum(left, _scaled(right, -1))
        case "*" if not right.coefficients:
            return _scaled(left, right.constant)
        case "*" if not left.coefficients:
            return _scaled(right, left.constant)
        case "//" if not left.coefficients and not right.coefficients and right.constant:
            return Affine(left.constant // right.constant)
        case "%" if not left.coefficients and not right.coefficients and right.constant:
            return Affine(left.constant % right.constant)
        case _:
            return None


def _scaled(form: Affine, factor: int) -> Affine:
    return Affine(form.constant * factor, tuple((v, c * factor) for v, c in form.coefficients if factor))


def _sum(left: Affine, right: Affine) -> Affine:
    total = dict(left.coefficients)
    for variable, coefficient in right.coefficients:
        total[variable] = total.get(variable, 0) + coefficient
    return Affine(left.constant + right.constant, tuple((v, c) for v, c in total.items() if c))
