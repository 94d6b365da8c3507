"""Distribution: a sum over another rank is split into what needs elements and what needs references."""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import Cascade, Einsum, Variable
from fusemax.cascade.print import print_expr
from fusemax.derive.algebra import ELEMENT, MIXED, REFERENCE, Base, Poly, TooLarge, expanded, of_base, times_flat
from fusemax.derive.emit import NotAnExpression, to_expr
from fusemax.derive.flat import with_statements
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.normal import base_variables, reduced_variables, reductions_of, simple_access
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.signs import ANY


def distributed(roles: Roles, einsum: Einsum) -> Cascade | None:
    """The cascade with a sum of a tensor along the rank split by sides; None when it does not split."""
    steps = reductions_of(einsum, reduced_variables(einsum))
    if [op for op, _ in steps] != ["+"] or any(roles.is_walker(v) for v in steps[0][1]):
        return None
    access = simple_access(einsum.tensor, *einsum.left)
    body = expanded(roles.normal()(access))
    nested = [base for mono, _ in body.terms for base, _ in mono if base.kind == "nested"]
    if any(base.side == MIXED for base in nested) or not any(base.side & REFERENCE for base in nested):
        return None
    if any(base.parts and base.kind != "nested" and _has_nested(base) for mono, _ in body.terms for base, _ in mono):
        return None
    writer = _Writer(roles, einsum)
    right = to_expr(writer.named(body))
    new = replace(einsum, right=right, reductions=())
    return with_statements(roles.cascade, {einsum.tensor: [*writer.before, new]})


def _has_nested(base: Base) -> bool:
    return any(b.kind == "nested" or _has_nested(b) for p in base.parts for mono, _ in p.terms for b, _ in mono)


class _Writer:
    def __init__(self, roles: Roles, einsum: Einsum) -> None:
        self.roles, self.einsum = roles, einsum
        self.names = Names(roles.cascade)
        self.before: list[Einsum] = []
        self.known: dict[str, Base] = {}

    def named(self, p: Poly) -> Poly:
        """The sum with each nested reduction as a tensor of its own."""
        found = Poly(())
        for mono, coefficient in p.terms:
            term = Poly((((), coefficient),))
            for base, power in mono:
                term = times_flat(term, of_base(self._tensor(base) if base.kind == "nested" else base, power))
            found = Poly((*found.terms, *term.terms))
        return found

    def _tensor(self, base: Base) -> Base:
        if base.text not in self.known:
            names = [i.name for i in self.einsum.left if isinstance(i, Variable)]
            own = base_variables(base)
            left = tuple(Variable(v) for v in (*[n for n in names if n in own], *sorted(own - set(names))))
            suffix = "X" if base.side & ELEMENT else "Y"
            name = self.names.tensor(f"{self.einsum.tensor}{suffix}")
            self.before.append(Einsum(name, left, to_expr(base.parts[0])))
            read = simple_access(name, *left)
            self.known[base.text] = Base(print_expr(read), "atom", base.side, ANY, expr=read)
        return self.known[base.text]


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    try:
        roles = roles_of(cascade, rank)
    except Unsupported:
        return []
    for einsum in cascade.einsums:
        if einsum.tensor in roles.carries and roles.needs[einsum.tensor] and einsum.tensor not in roles.closed:
            try:
                new = distributed(roles, einsum)
            except (NotAnExpression, TooLarge, ValueError):
                continue
            if new is not None:
                return [Rewrite("distribute", new, (einsum.tensor,))]
    return []


LAW = Law(
    name="distribute",
    title="Distribution: a sum over another rank, split by what it needs",
    rank="M",
    header=(
        "input Q[e, p], K[e, m]\n"
        "output G[p]\n"
        "sizes E = 2, P = 2, M = 5"
    ),
    before=(
        "KM[e] = K[e, m] / M\n"
        "KC[e, m] = K[e, m] - KM[e]\n"
        "S[m, p] = Q[e, p] * KC[e, m]\n"
        "G[p] = S[m, p] :: max(m)"
    ),
    after=(
        "KM[e] = K[e, m] / M\n"
        "SY[p] = KM[e] * Q[e, p]\n"
        "SX[m, p] = K[e, m] * Q[e, p]\n"
        "S[m, p] = SX[m, p] - SY[p]\n"
        "G[p] = S[m, p] :: max(m)"
    ),
    precondition="every product in the sum needs, apart from constants, elements only or references only",
    algebra="distributivity of multiplication over addition",
    counterexample=(
        "`S[m] = (X[m, e] - U[e]) * (X[m, e] - U[e])` has the products X[m, e] * U[e], which need both: with U "
        "different in every e no single number per m and one per fiber give their sum"
    ),
    uses=_uses,
)
