"""Values of expressions at sample points, in high precision or in doubles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fusemax.cascade.ir import Access, Binary, Call, Constant, Expr, Number, ParameterUse, Shape, Unary, Variable

Reader = Callable[[Expr], Any]
"""Value of a leaf: an access, a variable, a size or a parameter."""


class Field:
    """Arithmetic on one kind of number. IEEE rules at the edges: 1/0 is inf, 0/0 is NaN."""

    def __init__(self, library: Any, number: Callable[[Any], Any]) -> None:
        self.library = library
        self.number = number
        self.inf = number("inf")
        self.nan = number("nan")

    def divide(self, a: Any, b: Any) -> Any:
        """a / b."""
        if b == 0:
            return self.nan if a == 0 or a != a else self.inf if a > 0 else -self.inf
        return a / b

    def exp(self, a: Any) -> Any:
        """exp(a), infinite where it overflows."""
        try:
            return self.library.exp(a)
        except OverflowError:
            return self.inf

    def log(self, a: Any) -> Any:
        """log(a): -inf at 0, NaN below."""
        if a != a or a < 0:
            return self.nan
        return -self.inf if a == 0 else a if a == self.inf else self.library.log(a)

    def sqrt(self, a: Any) -> Any:
        """sqrt(a), NaN below 0."""
        return self.nan if a != a or a < 0 else a if a == self.inf else self.library.sqrt(a)

    def whole(self, name: str, a: Any) -> Any:
        """floor, ceil or round to even."""
        if a != a or abs(a) == self.inf:
            return a
        if name == "round":
            low = self.library.floor(a)
            rest = a - low
            return low + (1 if rest > 0.5 or (rest == 0.5 and low % 2 == 1) else 0)
        return self.number(getattr(self.library, name)(a))


def doubles() -> Field:
    """Python floats."""
    return Field(math, float)


def precise(digits: int = 50) -> Field:
    """mpmath numbers of so many digits, in a context of their own."""
    import mpmath

    context = mpmath.MPContext()
    context.dps = digits
    return Field(context, context.mpf)


def evaluate(expr: Expr, read: Reader, field: Field) -> Any:
    """The value of an expression whose leaves `read` gives. Both branches of `where` are evaluated."""

    def of(e: Expr) -> Any:
        return evaluate(e, read, field)

    match expr:
        case Number():
            return field.number(expr.value if isinstance(expr.value, int) else repr(expr.value))
        case Constant(name="inf"):
            return field.inf
        case Constant():
            return field.number(field.library.pi)
        case Variable() | Shape() | ParameterUse() | Access():
            return read(expr)
        case Unary(operator="-"):
            return -of(expr.operand)
        case Unary():
            return field.number(0 if _true(of(expr.operand)) else 1)
        case Binary():
            return _binary(expr.operator, of(expr.left), of(expr.right), field)
        case Call():
            return _call(expr.function, [of(a) for a in expr.arguments], field)
        case _:
            return field.nan


def _true(value: Any) -> bool:
    return bool(value != 0)


def _binary(operator: str, a: Any, b: Any, field: Field) -> Any:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return field.divide(a, b)
        case "//":
            return field.divide(a, b) if b == 0 else field.whole("floor", field.divide(a, b))
        case "%":
            return field.nan if b == 0 else a - b * field.whole("floor", field.divide(a, b))
    truth = {
        "<=": a <= b,
        "<": a < b,
        ">=": a >= b,
        ">": a > b,
        "==": a == b,
        "!=": a != b,
        "and": _true(a) and _true(b),
        "or": _true(a) or _true(b),
    }
    return field.number(1 if truth[operator] else 0)


def _call(name: str, values: list[Any], field: Field) -> Any:
    a = values[0]
    match name:
        case "exp":
            return field.exp(a)
        case "exp2":
            return field.exp(a * field.log(field.number(2)))
        case "log":
            return field.log(a)
        case "log2":
            return field.divide(field.log(a), field.log(field.number(2)))
        case "sqrt":
            return field.sqrt(a)
        case "abs":
            return abs(a)
        case "tanh":
            return field.library.tanh(a)
        case "floor" | "ceil" | "round":
            return field.whole(name, a)
        case "sigmoid":
            return field.divide(field.number(1), field.number(1) + field.exp(-a))
        case "relu":
            return max(a, field.number(0)) if a == a else a
        case "max" | "min":
            if any(v != v for v in values):
                return field.nan
            return max(values) if name == "max" else min(values)
        case "where":
            return values[1] if _true(a) else values[2]
        case "div0":
            return field.number(0) if values[1] == 0 else field.divide(a, values[1])
        case _:  # expsub
            b = values[1]
            if a == -field.inf:
                return field.number(0)
            return field.exp(a) if b == -field.inf else field.exp(a - b)
