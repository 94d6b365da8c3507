"""Normal form -> expression: products with a fraction bar, sums with signs, tests as `where`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce

from fusemax.cascade.ir import Access, Binary, Call, Expr, Number, Unary
from fusemax.derive.algebra import REFERENCE, Base, Mono, Poly, mono_side, mono_text


class NotAnExpression(Exception):
    """A nested reduction has no text inside an expression; it needs a statement of its own."""


def to_expr(p: Poly) -> Expr:
    """The sum as an expression, positive terms first."""
    if not p.terms:
        return Number(0)
    ordered = sorted(p.terms, key=lambda term: (term[1] < 0, mono_side(term[0]) == REFERENCE, mono_text(term[0])))
    first, *rest = ordered
    found = product(first[0], first[1])
    for mono, coefficient in rest:
        if coefficient < 0:
            found = Binary("-", found, product(mono, -coefficient))
        else:
            found = Binary("+", found, product(mono, coefficient))
    return found


def product(mono: Mono, coefficient: Fraction = Fraction(1)) -> Expr:
    """One term as an expression."""
    tests = [base for base, _ in mono if base.kind == "test"]
    guarded = [base for base, _ in mono if base.kind == "call" and base.name == "div0"]
    above, below = _fraction([(b, e) for b, e in mono if b not in tests and b not in guarded])
    size = abs(coefficient)
    if size.denominator != 1 and not _is_decimal(size):
        above.insert(0, Number(size.numerator))
        below.append(Number(size.denominator))
        if size.numerator == 1 and len(above) > 1:
            above.pop(0)
    elif size != 1 or not above:
        above.insert(0, _number(size))
    found = reduce(lambda a, b: Binary("*", a, b), above)
    if below:
        found = Binary("/", found, reduce(lambda a, b: Binary("*", a, b), below))
    for base in guarded:
        found = Call("div0", (found, to_expr(base.parts[1])))
    if coefficient < 0:
        found = _negative(found)
    if tests:
        condition = reduce(lambda a, b: Binary("and", a, b), [base_expr(t) for t in tests])
        found = Call("where", (condition, found, Number(0)))
    return found


def _negative(expr: Expr) -> Expr:
    """-expr with the sign on the first factor, as one writes it."""
    if isinstance(expr, Binary) and expr.operator in ("*", "/"):
        return Binary(expr.operator, _negative(expr.left), expr.right)
    return Unary("-", expr)


def _fraction(mono: list[tuple[Base, int | Fraction]]) -> tuple[list[Expr], list[Expr]]:
    above: list[Expr] = []
    below: list[Expr] = []
    for base, power in mono:
        target = above
        if base.kind == "inverse":
            base, power = base.parts[0].terms[0][0][0][0], -power
        if power < 0:
            target, power = below, -power
        whole = int(power)
        target.extend([base_expr(base)] * whole)
        rest = Fraction(power) - whole
        if rest == Fraction(1, 2):
            target.append(Call("sqrt", (base_expr(base),)))
        elif rest:
            raise NotAnExpression(f"a power of {rest}")
    return above, below


def base_expr(base: Base) -> Expr:
    """One base as an expression."""
    parts = [] if base.kind == "nested" else [to_expr(p) for p in base.parts]
    match base.kind:
        case "atom":
            if base.expr is None:
                raise NotAnExpression(base.text)
            return base.expr
        case "exp" | "exp2":
            return Call(base.kind, (parts[0],))
        case "group":
            return parts[0]
        case "inverse":
            return Binary("/", Number(1), parts[0])
        case "nested":
            raise NotAnExpression(base.text)
    if base.name == "not":
        return Unary("not", parts[0])
    if base.name == "power 1/2":
        return Call("sqrt", (parts[0],))
    if base.name in ("/", "//", "%", "<=", "<", ">=", ">", "==", "!=", "and", "or"):
        return Binary(base.name, parts[0], parts[1])
    if base.name.startswith("power"):
        raise NotAnExpression(base.text)
    return Call(base.name, tuple(parts))


def _is_decimal(value: Fraction) -> bool:
    return Fraction(repr(float(value))) == value


def _number(value: Fraction) -> Number:
    return Number(int(value)) if value.denominator == 1 else Number(float(value))


def map_accesses(expr: Expr, change: Callable[[Access], Expr]) -> Expr:
    """The expression with each read replaced, innermost first."""
    from fusemax.cascade.resolve import rewrite

    return rewrite(expr, lambda node: change(node) if isinstance(node, Access) else node)
