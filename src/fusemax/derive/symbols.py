"""The body of a reduction as symbols of sympy: a real symbol for each leaf, and for what one side's function hides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Constant,
    Expr,
    Number,
    ParameterUse,
    Shape,
    Unary,
    Variable,
    children,
    walk,
)
from fusemax.cascade.print import print_expr
from fusemax.derive import signs
from fusemax.derive.algebra import MIXED

MOST_NODES = 400
"""Nodes of an expression that is taken over; a larger one is left alone."""


class NotProved(Exception):
    """What keeps sympy from deciding; the text says why."""


class Symbols:
    """Expressions as sympy's, with the same symbol for the same leaf every time.

    `side` says what a leaf needs, `sign` which signs an expression can have. A function that sympy is not asked
    about (max, where, abs, a comparison, rounding, a registered one) is a symbol of its own while it needs one side
    only: what it does there is no matter for what is a product of one side and the other. Of both sides it raises
    NotProved.
    """

    def __init__(self, side: Callable[[Expr], int], sign: Callable[[Expr], int]) -> None:
        import sympy

        self._sympy = sympy
        self._side, self.sign = side, sign
        self.sides: dict[Any, int] = {}
        self.signs: dict[Any, int] = {}
        self.tests: set[Any] = set()

    def __call__(self, expr: Expr) -> Any:
        """The expression in sympy. Raises NotProved for what it has no symbols for."""
        if sum(1 for _ in walk(expr)) > MOST_NODES:
            raise NotProved(f"the expression has more than {MOST_NODES} parts")
        return self._of(expr)

    def side(self, expr: Expr) -> int:
        """What all leaves of an expression need together."""
        if isinstance(expr, (Access, Variable, Shape, ParameterUse)):
            return self._side(expr)
        found = 0
        for child in children(expr):
            found |= self.side(child)
        return found

    def _of(self, expr: Expr) -> Any:
        sympy = self._sympy
        match expr:
            case Number():
                return sympy.Rational(repr(expr.value)) if isinstance(expr.value, float) else sympy.Integer(expr.value)
            case Constant(name="inf"):
                raise NotProved("an infinite value")
            case Constant():
                return sympy.pi
            case Variable() | Shape() | ParameterUse() | Access():
                return self._symbol(expr)
            case Unary(operator="-"):
                return -self._of(expr.operand)
            case Binary(operator="+" | "-" | "*" | "/"):
                return self._arithmetic(expr.operator, self._of(expr.left), self._of(expr.right))
            case Call():
                return self._call(expr)
            case _:
                return self._hidden(expr)

    def _arithmetic(self, operator: str, left: Any, right: Any) -> Any:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
        if right == 0:
            raise NotProved("a division by 0")
        return left / right

    def _call(self, expr: Call) -> Any:
        sympy = self._sympy
        match expr.function, expr.arguments:
            case "exp", (a,):
                return self._exponential(a, sympy.Integer(1))
            case "exp2", (a,):
                return self._exponential(a, sympy.log(2))
            case "expsub", (a, b):
                return self._exponential(Binary("-", a, b), sympy.Integer(1))
            case "log", (a,):
                return sympy.log(self._of(a))
            case "log2", (a,):
                return sympy.log(self._of(a)) / sympy.log(2)
            case "sqrt", (a,):
                return sympy.sqrt(self._of(a))
            case "sigmoid", (a,) if self.side(expr) == MIXED:
                return 1 / (1 + sympy.exp(-self._of(a)))
            case "tanh", (a,) if self.side(expr) == MIXED:
                return sympy.tanh(self._of(a))
            case "div0", (a, b):
                if signs.is_not_zero(self.sign(b)):
                    return self._of(a) / self._of(b)
                return self._of(a) * self._hidden(Call("div0", (Number(1), b)))
            case "where", (condition, yes, no) if not _is_infinite(yes) and not _is_infinite(no):
                test = self._test(condition)
                return test * self._of(yes) + (1 - test) * self._of(no)
        return self._hidden(expr)

    def _exponential(self, argument: Expr, scale: Any) -> Any:
        """exp of a sum; a summand that is -inf where a test fails is a factor 0 or 1."""
        terms = _summands(argument)
        for place, (sign, term) in enumerate(terms):
            if sign < 0 or not isinstance(term, Call) or term.function != "where":
                continue
            condition, yes, no = term.arguments
            if _MINUS_INFINITY not in (yes, no) or yes == no:
                continue
            test = self._test(condition)
            kept, factor = (yes, test) if no == _MINUS_INFINITY else (no, 1 - test)
            rest: Expr = kept
            for other, (own, part) in enumerate(terms):
                if other != place:
                    rest = Binary("+" if own > 0 else "-", rest, part)
            return factor * self._exponential(rest, scale)
        return self._sympy.exp(self._of(argument) * scale)

    def _test(self, condition: Expr) -> Any:
        """1 where a condition holds, else 0."""
        found = self._hidden(Call("where", (condition, Number(1), Number(0))))
        self.tests.add(found)
        return found

    def _hidden(self, expr: Expr) -> Any:
        """A symbol for a function's value that needs one side only."""
        if self.side(expr) == MIXED:
            name = getattr(expr, "function", getattr(expr, "operator", "a function"))
            raise NotProved(f"{name} of elements and references")
        return self._symbol(expr)

    def _symbol(self, expr: Expr) -> Any:
        side = self.side(expr)
        if side == MIXED:
            raise NotProved(f"{print_expr(expr)} needs elements and references")
        sign = self.sign(expr)
        # What is never negative is taken as positive: identities of continuous functions hold at 0 as well.
        facts = {"positive": True} if signs.is_not_negative(sign) else {"real": True}
        symbol = self._sympy.Symbol(print_expr(expr), **facts)
        self.sides[symbol], self.signs[symbol] = side, sign
        return symbol


def _is_infinite(expr: Expr) -> bool:
    return any(isinstance(n, Constant) and n.name == "inf" for n in walk(expr))


_MINUS_INFINITY = Unary("-", Constant("inf"))


def _summands(expr: Expr) -> list[tuple[int, Expr]]:
    """The terms of a sum with their signs."""
    match expr:
        case Binary("+" | "-", left, right):
            sign = 1 if expr.operator == "+" else -1
            return [*_summands(left), *((sign * own, term) for own, term in _summands(right))]
        case Unary("-", inner) if not isinstance(inner, Constant):
            return [(-own, term) for own, term in _summands(inner)]
        case _:
            return [(1, expr)]
