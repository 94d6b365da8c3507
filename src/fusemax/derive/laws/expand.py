"""Expansion: multiply a difference out, so that the sums need no reference at all (raw moments)."""

from __future__ import annotations

from fusemax.cascade.ir import Cascade
from fusemax.derive.algebra import (
    MIXED,
    ONE,
    REFERENCE,
    Poly,
    TooLarge,
    add,
    expanded,
    exponential_base,
    of_base,
    split_sides,
    times_flat,
)
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.laws.pull import pulled
from fusemax.derive.plan import body_of, operator_of
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.terms import as_terms, is_separable


def expand(roles: Roles, tensor: str) -> Cascade | None:
    """The cascade with a closed sum of differences written with sums that need no reference; None if it cannot."""
    if operator_of(roles, tensor) != "+":
        return None
    try:
        body = body_of(roles, tensor)
        if not body.side & REFERENCE or not all(is_separable(mono) for mono, _ in body.terms):
            return None
        raw = raw_terms(body)
    except (TooLarge, ValueError):
        return None
    terms = as_terms(raw, lambda _: False, lambda _: False)
    if any(base.side & REFERENCE for term in terms for base, _ in term.inner):
        return None
    return pulled(roles, tensor, terms, lambda _: False)


def raw_terms(body: Poly) -> Poly:
    """Every unit and exponential multiplied out."""
    found = []
    for mono, coefficient in expanded(body).terms:
        term = Poly((((), coefficient),))
        for base, power in mono:
            if base.kind in ("exp", "exp2") and base.side == MIXED:
                own, references, _ = split_sides(base.parts[0])
                for part in (own, references):
                    term = times_flat(term, of_base(exponential_base(base.kind, part)) if part.terms else ONE)
            else:
                term = times_flat(term, of_base(base, power))
        found.append(term)
    return add(*found)


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    try:
        roles = roles_of(cascade, rank)
    except Unsupported:
        return []
    found = []
    for tensor in roles.closed:
        new = expand(roles, tensor)
        if new is not None:
            found.append(Rewrite("expand", new, (tensor,)))
    return found


LAW = Law(
    name="expand",
    title="Expansion: raw moments instead of differences",
    rank="M",
    header=(
        "input X[m]\n"
        "output V\n"
        "sizes M = 5"
    ),
    before=(
        "MU = X[m] / M\n"
        "V = (X[m] - MU) * (X[m] - MU)"
    ),
    after=(
        "MU = X[m] / M\n"
        "SV = X[m]\n"
        "SV2 = X[m] * X[m]\n"
        "V = SV2 + M * MU * MU - 2 * MU * SV"
    ),
    precondition="the summand is a sum of products of a function of the element and a function of the reference",
    algebra="distributivity; exp(a - b) = exp(a) * exp(-b)",
    counterexample=(
        "exact, but unstable: with X = 10^8 + [0, 1] the squares need 17 digits and the difference loses all of "
        "them; with exp the factors overflow. The streamed form is preferred among equal pass counts"
    ),
    uses=_uses,
)
