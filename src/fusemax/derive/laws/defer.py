"""Deferral: a factor without the rank moves through the reduction (distributivity)."""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import Binary, Call, Cascade, Number, Variable
from fusemax.derive.algebra import MIXED, REFERENCE, Base, TooLarge, mono_side
from fusemax.derive.emit import product
from fusemax.derive.flat import with_statements
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.laws.pull import pulled
from fusemax.derive.names import Names
from fusemax.derive.normal import reduced_variables, reductions_of, simple_access
from fusemax.derive.plan import body_of, is_location, operator_of
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.terms import Term, as_terms


def defer(roles: Roles, tensor: str) -> Cascade | None:
    """The cascade with the references that multiply a closed sum's terms moved out of it; None without any."""
    if operator_of(roles, tensor) == "*":
        return defer_product(roles, tensor)
    terms = deferrable(roles, tensor)
    if not any(base.side == REFERENCE for term in terms for base, _ in term.outer):
        return None
    return pulled(roles, tensor, terms, lambda _: False)


def defer_product(roles: Roles, tensor: str) -> Cascade | None:
    """A closed product of reference * element as the product of the one and of the other."""
    statement = roles.statements[tensor]
    steps = reductions_of(statement, reduced_variables(statement))
    body = body_of(roles, tensor)
    if len(steps) != 1 or len(body.terms) != 1 or not body.side & REFERENCE or mono_side(body.terms[0][0]) != MIXED:
        return None
    mono, coefficient = body.terms[0]
    outer = tuple(power for power in mono if power[0].side == REFERENCE)
    inner = tuple(power for power in mono if power[0].side != REFERENCE)
    if not outer or mono_side(inner) == MIXED:
        return None
    names = Names(roles.cascade)
    walker = next(v for v in steps[0][1] if roles.is_walker(v))
    every = Binary(">=", Variable(walker), Number(0))
    repeated = Call("where", (every, product(outer), Number(1)))
    first = replace(statement, tensor=names.tensor(f"S{tensor}"), right=product(inner, coefficient))
    second = replace(statement, tensor=names.tensor(f"F{tensor}"), right=repeated)
    reads = [simple_access(e.tensor, *statement.left) for e in (first, second)]
    total = replace(statement, right=Binary("*", reads[0], reads[1]), reductions=())
    return with_statements(roles.cascade, {tensor: [first, second, total]})


def deferrable(roles: Roles, tensor: str) -> list[Term]:
    """The terms of a closed sum with what moves out of it; empty when it is no sum or too large."""
    if operator_of(roles, tensor) != "+":
        return []
    try:
        return as_terms(body_of(roles, tensor), is_location(roles), _no_size)
    except (TooLarge, ValueError):
        return []


def _no_size(_: Base) -> bool:
    return False


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    try:
        roles = roles_of(cascade, rank)
    except Unsupported:
        return []
    found = []
    for tensor in roles.closed:
        new = defer(roles, tensor)
        if new is not None:
            found.append(Rewrite("defer", new, (tensor,)))
    return found


LAW = Law(
    name="defer",
    title="Deferral: move a factor without the rank out of the reduction",
    rank="M",
    header=(
        "input S[m], V[m]\n"
        "output Z\n"
        "sizes M = 5"
    ),
    before=(
        "D = abs(S[m])\n"
        "A[m] = S[m] / D\n"
        "Z = A[m] * V[m]"
    ),
    after=(
        "D = abs(S[m])\n"
        "SZ = S[m] * V[m]\n"
        "Z = SZ / D"
    ),
    precondition=(
        "the reduction is a sum, the factor does not have the reduced rank, and each term of the summand is such a "
        "factor times the rest"
    ),
    algebra="distributivity of multiplication over addition",
    counterexample=(
        "`Z = abs(X[m] - Y)` has no factor without m to move out: with X = [0, 2] and Y = 1 the sum is 2, while "
        "`abs(SX - 2 * Y)` of the deferred sum SX = 2 is 0"
    ),
    uses=_uses,
)
