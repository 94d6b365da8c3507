"""Extremes: a maximum of a monotone function is the function of the maximum; of a valley, one of its two ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fusemax.cascade.ir import Cascade, Einsum, Reduction, Variable
from fusemax.cascade.print import print_expr
from fusemax.derive import signs
from fusemax.derive.algebra import (
    ELEMENT,
    MIXED,
    ONE,
    REFERENCE,
    Base,
    Poly,
    TooLarge,
    add,
    as_factor,
    expanded,
    mono_sign,
    of_base,
    raised,
    split_sides,
    times_flat,
)
from fusemax.derive.emit import NotAnExpression, to_expr
from fusemax.derive.flat import with_statements
from fusemax.derive.functions import call, exponential
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.normal import poly_variables, reduced_variables, reductions_of, simple_access
from fusemax.derive.roles import Roles, Unsupported, roles_of

RISING, FALLING, VALLEY, HILL, STRAIGHT = "rising", "falling", "valley", "hill", "straight"
_FLIPPED = {RISING: FALLING, FALLING: RISING, VALLEY: HILL, HILL: VALLEY, STRAIGHT: STRAIGHT}
_MONOTONE = ("tanh", "sigmoid", "log", "log2", "floor", "ceil", "round", "power 1/2")
_STRICT = ("tanh", "sigmoid", "log", "log2", "power 1/2")


@dataclass(frozen=True)
class Form:
    """A body as a function of one quantity of the element: how it bends, and how to build it from that quantity."""

    kind: str
    element: Poly
    build: Callable[[Poly], Poly]
    strict: bool = True

    def then(self, outer: Callable[[Poly], Poly], kind: str | None = None, strict: bool = True) -> Form:
        """`outer` of it."""
        return Form(kind or self.kind, self.element, lambda x: outer(self.build(x)), self.strict and strict)


def form_of(p: Poly) -> Form | None:
    """A sum as a function of one element quantity that rises, falls, or has one valley or hill; None if unknown."""
    if not p.side & REFERENCE:
        return Form(RISING, p, lambda x: x)
    own, references, mixed = split_sides(p)
    if not mixed.terms:
        return Form(RISING, own, lambda x: add(x, references)) if own.side == ELEMENT else None
    if any(base.kind == "nested" and base.side == MIXED for mono, _ in p.terms for base, _ in mono):
        spread = expanded(p)
        return form_of(spread) if spread.text != p.text else None
    factored = as_factor(p)
    if len(factored.terms) == 1 and (len(p.terms) == 1 or factored.text != p.text):
        return _of_product(factored)
    if len(p.terms) == 1:
        return None
    if not own.terms and len(mixed.terms) == 1:
        inner = form_of(mixed)
        return inner.then(lambda x: add(x, references)) if inner else None
    return None


def _of_product(p: Poly) -> Form | None:
    mono, coefficient = p.terms[0]
    outer = tuple(power for power in mono if power[0].side in (0, REFERENCE))
    inner = tuple(power for power in mono if power[0].side not in (0, REFERENCE))
    factor = Poly(((outer, coefficient),))
    if all(base.side == ELEMENT for base, _ in inner):
        form: Form | None = Form(RISING, Poly(((inner, ONE.terms[0][1]),)), lambda x: x)
    elif len(inner) == 1 and inner[0][0].side == MIXED:
        form = _of_power(*inner[0])
    else:
        return None
    if form is None:
        return None
    sign = signs.product(mono_sign(outer), signs.of_number(float(coefficient)))
    bent = _scaled(form.kind, sign)
    return form.then(lambda x: times_flat(factor, x), bent, sign != signs.ANY) if bent else None


def _scaled(kind: str, sign: int) -> str | None:
    if signs.is_not_negative(sign):
        return kind
    if signs.is_not_negative(signs.negated(sign)):
        return _FLIPPED[kind]
    return STRAIGHT if kind in (RISING, FALLING, STRAIGHT) else None


def _of_power(base: Base, power: object) -> Form | None:
    inner = _of_base(base)
    if inner is None or power == 1:
        return inner
    if isinstance(power, int) and power > 0:
        if signs.is_not_negative(base.sign) or power % 2:
            return inner.then(lambda x: raised(as_factor(x), power))
        if inner.kind in (RISING, FALLING, STRAIGHT):
            return inner.then(lambda x: raised(as_factor(x), power), VALLEY, False)
    return None


def _of_base(base: Base) -> Form | None:
    if base.kind == "group":
        return form_of(base.parts[0])
    if base.kind in ("exp", "exp2"):
        inner = form_of(base.parts[0])
        return inner.then(lambda x: exponential(base.kind, x)) if inner else None
    if base.kind != "call":
        return None
    if base.name in _MONOTONE:
        inner = form_of(base.parts[0])
        name = "sqrt" if base.name == "power 1/2" else base.name
        return inner.then(lambda x: call(name, (x,)), strict=base.name in _STRICT) if inner else None
    if base.name == "abs":
        inner = form_of(base.parts[0])
        if inner is None or inner.kind not in (RISING, FALLING, STRAIGHT):
            return None
        return inner.then(lambda x: call("abs", (x,)), VALLEY, False)
    if base.name in ("max", "min"):
        moving = [p for p in base.parts if p.side & ELEMENT]
        others = tuple(p for p in base.parts if not p.side & ELEMENT)
        inner = form_of(moving[0]) if len(moving) == 1 else None
        return inner.then(lambda x: call(base.name, (x, *others)), strict=False) if inner else None
    return None


def extreme(roles: Roles, tensor: str) -> Cascade | None:
    """The cascade with a closed maximum, minimum or selection taken before the references come in; None if not."""
    statement = roles.statements[tensor]
    steps = reductions_of(statement, reduced_variables(statement))
    operator, variables = steps[-1]
    if operator not in ("max", "min", "topk", "argtopk") or len(steps) > 1:
        return None
    try:
        body = roles.normal()(statement.right)
        form = form_of(body) if body.side & REFERENCE else None
        return _rewritten(roles, statement, operator, variables, form) if form else None
    except (TooLarge, NotAnExpression):
        return None


def _rewritten(
    roles: Roles, statement: Einsum, operator: str, variables: tuple[str, ...], form: Form
) -> Cascade | None:
    fresh = Names(roles.cascade)
    names = [i.name for i in statement.left if isinstance(i, Variable)]
    marker = of_base(Base("\x7f", "atom", ELEMENT, form.element.sign))
    outside = poly_variables(form.build(marker))
    before: list[Einsum] = []

    def taken(name: str) -> Poly:
        late = [v for v in variables if v in outside and v not in names]
        early = tuple(v for v in variables if v not in late)
        kept = [v for v in names if v in poly_variables(form.element) or v in variables]
        left = tuple(Variable(v) for v in (*kept, *late))
        wish = {"max": f"{statement.tensor}HI", "min": f"{statement.tensor}LO"}.get(name, f"{statement.tensor}T")
        found = fresh.tensor(wish)
        before.append(Einsum(found, left, to_expr(form.element), (Reduction(name, early),)))
        read = simple_access(found, *left)
        return of_base(Base(print_expr(read), "atom", REFERENCE, form.element.sign, expr=read))

    if operator in ("topk", "argtopk"):
        if form.kind != RISING or (operator == "argtopk" and not form.strict):
            return None
        if not roles.is_walker(variables[0]):
            return None
        right = to_expr(taken(operator) if operator == "argtopk" else form.build(taken(operator)))
        new = replace(statement, right=right, reductions=())
        return with_statements(roles.cascade, {statement.tensor: [*before, new]})
    opposite = "min" if operator == "max" else "max"
    bends = VALLEY if operator == "max" else HILL
    if form.kind == RISING:
        total = form.build(taken(operator))
    elif form.kind == FALLING:
        total = form.build(taken(opposite))
    elif form.kind in (bends, STRAIGHT):
        total = call(operator, (form.build(taken(operator)), form.build(taken(opposite))))
    else:
        return None
    late = tuple(v for v in variables if v in poly_variables(total))
    reductions = (Reduction(operator, late),) if late else ()
    new = Einsum(statement.tensor, statement.left, to_expr(total), reductions)
    return with_statements(roles.cascade, {statement.tensor: [*before, new]})


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    try:
        roles = roles_of(cascade, rank)
    except Unsupported:
        return []
    found = []
    for tensor in roles.closed:
        new = extreme(roles, tensor)
        if new is not None:
            found.append(Rewrite("extreme", new, (tensor,)))
    return found


LAW = Law(
    name="extreme",
    title="Extremes: take the maximum before the function",
    rank="M",
    header=(
        "input X[m]\n"
        "output Z\n"
        "sizes M = 5"
    ),
    before=(
        "LO = X[m] :: min(m)\n"
        "S = exp(X[m])\n"
        "A[m] = (X[m] - LO) / S\n"
        "Z = abs(A[m]) :: max(m)"
    ),
    after=(
        "LO = X[m] :: min(m)\n"
        "S = exp(X[m])\n"
        "ZHI = X[m] :: max(m)\n"
        "ZLO = X[m] :: min(m)\n"
        "Z = max(abs(LO - ZHI), abs(LO - ZLO)) / S"
    ),
    precondition=(
        "the body is a function of one quantity of the element that rises, falls, or for a maximum has no hill "
        "(for a minimum no valley) between the ends; a selection needs it to rise"
    ),
    algebra="max distributes over monotone maps: + over max, scaling by a sign that is known, exp, log, tanh",
    counterexample=(
        "a hill between the ends: `-(X[m] - Y) * (X[m] - Y) :: max(m)` with X = [0, 1, 2] and Y = 1 is 0, at the "
        "middle element, while both ends give -1"
    ),
    uses=_uses,
)
