"""What each tensor of a flat cascade is to the streamed rank: element, complete reduction, or known from others."""

from __future__ import annotations

from dataclasses import dataclass, field

from fusemax.cascade.ir import Access, Cascade, Einsum, Expr, Variable, walk
from fusemax.cascade.ranks import canonical, rank_of_variable, whole_of
from fusemax.derive.algebra import ELEMENT, MIXED, REFERENCE
from fusemax.derive.normal import Normal, reduced_variables, reductions_of
from fusemax.derive.signs import Signs


class Unsupported(Exception):
    """A cascade outside what a law handles; the text says what."""


@dataclass(frozen=True)
class Roles:
    """Roles of the tensors of a flat cascade for one rank.

    `carries`: tensors with a coordinate of the rank. `closed`: tensors whose statement reduces the rank over
    carrying tensors, in text order. `needs`: tensor -> the closed tensors it depends on (itself included).
    """

    cascade: Cascade
    rank: str
    statements: dict[str, Einsum]
    carries: frozenset[str]
    closed: tuple[str, ...]
    needs: dict[str, frozenset[str]]
    signs: Signs = field(repr=False)

    def is_walker(self, variable: str) -> bool:
        """Does the variable walk the rank?"""
        return walks(self.cascade, self.rank, variable)

    def walkers(self, expr: Expr) -> frozenset[str]:
        """The variables of an expression that walk the rank."""
        return frozenset(n.name for n in walk(expr) if isinstance(n, Variable) and self.is_walker(n.name))

    def is_element(self, access: Access) -> bool:
        """Does a read go along the rank, one coordinate at each point?"""
        return access.tensor in self.carries and any(self.walkers(i.value) for i in access.indices)

    def depends(self, expr: Expr) -> frozenset[str]:
        """The closed tensors an expression depends on."""
        found: frozenset[str] = frozenset()
        for node in walk(expr):
            if isinstance(node, Access):
                found |= self.needs.get(node.tensor, frozenset())
        return found

    def is_unknown(self, tensor: str, known: frozenset[str]) -> bool:
        """Does a tensor depend on a closed one that is not in `known`?"""
        return bool(self.needs.get(tensor, frozenset()) - known)

    def side(self, expr: Expr, known: frozenset[str] = frozenset()) -> int:
        """What a leaf needs: an element, a reference not in `known`, both, or neither (0)."""
        if isinstance(expr, Variable):
            return ELEMENT if self.is_walker(expr.name) else 0
        if not isinstance(expr, Access):
            return 0
        inside = (n.tensor for i in expr.indices for n in walk(i.value) if isinstance(n, Access))
        if self.is_unknown(expr.tensor, known):
            return MIXED if self.is_element(expr) else REFERENCE
        element = ELEMENT if any(self.walkers(i.value) for i in expr.indices) else 0
        return element | (REFERENCE if any(self.is_unknown(tensor, known) for tensor in inside) else 0)

    def normal(self, known: frozenset[str] = frozenset(), keep: frozenset[str] = frozenset()) -> Normal:
        """Normal forms with the references not in `known` apart from elements; carriers in `keep` stay as they are."""

        def define(access: Access) -> Einsum | None:
            if access.tensor in keep or not self.is_unknown(access.tensor, known) or access.tensor not in self.carries:
                return None
            return self.statements.get(access.tensor)

        return Normal(lambda expr: self.side(expr, known), define, self.signs.of)


def walks(cascade: Cascade, rank: str, variable: str) -> bool:
    """Does a variable walk a rank, or a factor of it?"""
    own = rank_of_variable(cascade, variable)
    return own == rank or whole_of(cascade, own) == rank


def roles_of(cascade: Cascade, rank: str) -> Roles:
    """Classify the tensors of a flat cascade. Raises Unsupported for what the laws on flat cascades do not cover."""
    rank = canonical(cascade, rank)
    if any(section.kind != "flat" for section in cascade.sections):
        raise Unsupported("the cascade has iterative sections")
    statements: dict[str, Einsum] = {}
    carries = {d.tensor for d in cascade.inputs if any(walks(cascade, rank, v) for v in d.variables)}
    needs: dict[str, frozenset[str]] = {}
    closed: list[str] = []
    for einsum in cascade.einsums:
        names = [i.name for i in einsum.left if isinstance(i, Variable)]
        if einsum.tensor in statements or len(names) != len(einsum.left) or len(set(names)) != len(names):
            raise Unsupported(f"{einsum.tensor} is not written by one statement at plain variables")
        statements[einsum.tensor] = einsum
        reads = [n for n in walk(einsum.right) if isinstance(n, Access)]
        found = frozenset[str]().union(*(needs.get(a.tensor, frozenset()) for a in reads))
        kept = [v for v in names if walks(cascade, rank, v)]
        gone = [v for v in reduced_variables(einsum) if walks(cascade, rank, v)]
        if kept:
            carries.add(einsum.tensor)
        if gone and any(a.tensor in carries for a in reads):
            if kept:
                raise Unsupported(f"{einsum.tensor} goes over {rank} with two variables")
            if len(reductions_of(einsum, reduced_variables(einsum))) > 1:
                raise Unsupported(f"{einsum.tensor} reduces with several operators")
            closed.append(einsum.tensor)
            found |= {einsum.tensor}
        if (gone or (kept and found)) and any(i.filter is not None for a in reads for i in a.indices):
            raise Unsupported(f"{einsum.tensor} filters what it reduces")
        needs[einsum.tensor] = found
    return Roles(cascade, rank, statements, frozenset(carries), tuple(closed), needs, Signs(cascade.einsums))
