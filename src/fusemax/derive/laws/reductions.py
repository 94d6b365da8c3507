"""One reduction at a time: a statement with several operators becomes one statement for each."""

from __future__ import annotations

from fusemax.cascade.ir import Access, Cascade, Einsum, Expr, Reduction, Variable, walk
from fusemax.derive.flat import with_statements
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.normal import reduced_variables, reductions_of, simple_access
from fusemax.derive.roles import walks


def separate(cascade: Cascade, einsum: Einsum) -> Cascade:
    """The flat cascade with a statement's reductions one statement each."""
    names = Names(cascade)
    steps = reductions_of(einsum, reduced_variables(einsum))
    left = [i.name for i in einsum.left if isinstance(i, Variable)]
    right: Expr = einsum.right
    found: list[Einsum] = []
    for number, (operator, variables) in enumerate(steps):
        later = [v for _, some in steps[number + 1 :] for v in some]
        reductions = () if operator == "+" else (Reduction(operator, variables),)
        if not later:
            found.append(Einsum(einsum.tensor, einsum.left, right, reductions))
            break
        name = names.tensor(f"{einsum.tensor}{number + 1}")
        indices = tuple(Variable(v) for v in (*left, *later))
        found.append(Einsum(name, indices, right, reductions))
        right = simple_access(name, *indices)
    return with_statements(cascade, {einsum.tensor: found})


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    if any(section.kind != "flat" for section in cascade.sections):
        return []
    for einsum in cascade.einsums:
        reduced = reduced_variables(einsum)
        several = len(reductions_of(einsum, reduced)) > 1
        filtered = any(i.filter for n in walk(einsum.right) if isinstance(n, Access) for i in n.indices)
        plain = all(isinstance(i, Variable) for i in einsum.left)
        if several and plain and not filtered and any(walks(cascade, rank, v) for v in reduced):
            return [Rewrite("separate", separate(cascade, einsum), (einsum.tensor,))]
    return []


LAW = Law(
    name="separate",
    title="Separation: one reduction operator in each statement",
    rank="M",
    header=(
        "input X[m, n]\n"
        "output Y\n"
        "sizes M = 3, N = 2"
    ),
    before="Y = X[m, n] :: max(n) min(m)",
    after=(
        "Y1[m] = X[m, n] :: max(n)\n"
        "Y = Y1[m] :: min(m)"
    ),
    precondition="none: reductions of a statement apply from left to right",
    algebra="none",
    counterexample=(
        "the order matters: for X = [[0, 3], [2, 1]] the maximum over n and then the minimum over m is 2, the other "
        "way round it is 1"
    ),
    uses=_uses,
)
