"""Deferral: a factor without the rank moves through the reduction (distributivity)."""

from __future__ import annotations

from fusemax.cascade.ir import Cascade
from fusemax.derive.algebra import REFERENCE, Base, TooLarge
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.laws.pull import pulled
from fusemax.derive.plan import body_of, is_location, operator_of
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.terms import Term, as_terms


def defer(roles: Roles, tensor: str) -> Cascade | None:
    """The cascade with the references that multiply a closed sum's terms moved out of it; None without any."""
    terms = deferrable(roles, tensor)
    if not any(base.side == REFERENCE for term in terms for base, _ in term.outer):
        return None
    return pulled(roles, tensor, terms, lambda _: False)


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
    before="A[m] = S[m] / D\nZ = A[m] * V[m]",
    after="SZ = S[m] * V[m]\nZ = SZ / D",
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
