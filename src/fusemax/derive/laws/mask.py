"""Masks: a filter of the reduced fiber becomes `where` with the identity of the reduction."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Index, Variable, walk
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive.flat import with_statements
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.loop import IDENTITIES
from fusemax.derive.normal import reduced_variables, reductions_of
from fusemax.derive.roles import walks


def masked(einsum: Einsum) -> Einsum | None:
    """The statement with its filters as a mask; None when it has none, or filters an index that is no variable."""
    accesses = [n for n in walk(einsum.right) if isinstance(n, Access) and any(i.filter for i in n.indices)]
    conditions = {print_expr(i.filter): i.filter for a in accesses for i in a.indices if i.filter is not None}
    steps = reductions_of(einsum, reduced_variables(einsum))
    if not conditions or len(steps) != 1 or steps[0][0] not in IDENTITIES:
        return None
    if any(not isinstance(i.value, Variable) for access in accesses for i in access.indices):
        return None

    def leaf(node: Expr) -> Expr:
        return replace(node, indices=tuple(Index(i.value) for i in node.indices)) if isinstance(node, Access) else node

    condition = reduce(lambda a, b: Binary("and", a, b), conditions.values())
    right = Call("where", (condition, rewrite(einsum.right, leaf), IDENTITIES[steps[0][0]]))
    return replace(einsum, right=right)


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    if any(section.kind != "flat" for section in cascade.sections):
        return []
    changes: dict[str, list[Einsum]] = {}
    for einsum in cascade.einsums:
        new = masked(einsum)
        if new is not None and any(walks(cascade, rank, v) for v in reduced_variables(einsum)):
            changes[einsum.tensor] = [new]
    return [Rewrite("mask", with_statements(cascade, changes), tuple(changes))] if changes else []


LAW = Law(
    name="mask",
    title="Masks: a filter becomes `where` with the identity",
    rank="M",
    header=(
        "input S[m, p]\n"
        "output D[p]\n"
        "sizes M = 4, P = 4"
    ),
    before="D[p] = S[m : m <= p, p]",
    after="D[p] = where(m <= p, S[m, p], 0)",
    precondition="the filtered indices are plain variables, so that what the filter leaves out can be read as well",
    algebra="an identity of the reduction",
    counterexample=(
        "`D[p] = S[m-1 : m >= 1]` reads S[-1] when the filter is gone: where evaluates both branches, and the cell "
        "does not exist"
    ),
    uses=_uses,
)
