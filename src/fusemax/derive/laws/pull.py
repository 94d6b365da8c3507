"""Write a sum as references times sums without them: the common step of deferral and expansion."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from fusemax.cascade.ir import Binary, Cascade, Einsum, Expr, Number, Shape, Variable
from fusemax.cascade.ranks import rank_of
from fusemax.derive.algebra import Base, Mono, Poly, mono_text, of_base, poly, times_flat
from fusemax.derive.emit import NotAnExpression, product, to_expr
from fusemax.derive.flat import with_statements
from fusemax.derive.fold import folded, reading_order
from fusemax.derive.names import Names
from fusemax.derive.normal import mono_variables, poly_variables, simple_access
from fusemax.derive.plan import body_of, operator_of
from fusemax.derive.roles import Roles
from fusemax.derive.signs import ANY
from fusemax.derive.terms import Term

NOTHING: frozenset[str] = frozenset()


def pulled(roles: Roles, tensor: str, terms: list[Term], is_size: Callable[[Base], bool]) -> Cascade | None:
    """The cascade with a closed sum written as the sum of outer * (sum of inner), one new sum for each outer.

    None when some part has no expression in the language.
    """
    statement = roles.statements[tensor]
    names = [i.name for i in statement.left if isinstance(i, Variable)]
    body = body_of(roles, tensor)
    summed = sorted(poly_variables(body) - set(names))
    writer = _Writer(roles, statement, names, summed)
    try:
        parts = writer.parts(terms)
    except NotAnExpression:
        return None
    return with_statements(roles.cascade, {tensor: [*writer.before, *writer.total(parts)]})


class _Writer:
    def __init__(self, roles: Roles, statement: Einsum, names: list[str], summed: list[str]) -> None:
        self.roles, self.statement, self.names, self.summed = roles, statement, names, summed
        self.fresh = Names(roles.cascade)
        self.before: list[Einsum] = []

    def parts(self, terms: list[Term]) -> list[tuple[Poly, tuple[str, ...]]]:
        """Each outer product times its sum, with the ranks still to be summed."""
        groups: dict[str, tuple[Mono, dict[str, list[Term]]]] = {}
        for term in terms:
            used = mono_variables(term.inner) & set(self.summed)
            _, by_ranks = groups.setdefault(mono_text(term.outer), (term.outer, {}))
            by_ranks.setdefault(",".join(sorted(used)), []).append(term)
        return [self._part(outer, some) for outer, by_ranks in groups.values() for some in by_ranks.values()]

    def _part(self, outer: Mono, terms: list[Term]) -> tuple[Poly, tuple[str, ...]]:
        inner = poly((t.inner, t.coefficient) for t in terms)
        variables = poly_variables(inner)
        late = tuple(v for v in self.summed if v in mono_variables(outer))
        early = [v for v in self.summed if v not in late]
        factor = Poly(((outer, Fraction(1)),))
        for variable in early:
            if variable not in variables:
                factor = times_flat(factor, of_base(_size(variable)))
        if not variables & set(early):
            return times_flat(inner, factor), late
        sign = Fraction(-1) if all(c < 0 for _, c in inner.terms) else Fraction(1)
        sign = inner.terms[0][1] if len(inner.terms) == 1 else sign
        inner = Poly(tuple((m, c / sign) for m, c in inner.terms))
        left = [v for v in (*self.names, *late) if v in variables]
        read = self._existing(inner, left) or self._new(inner, left)
        return times_flat(Poly(((((read, 1),), sign),)), factor), late

    def _existing(self, inner: Poly, left: list[str]) -> Base | None:
        """A sum the cascade has already."""
        for tensor in self.roles.closed:
            other = self.roles.statements[tensor]
            if tensor == self.statement.tensor or operator_of(self.roles, tensor) != "+":
                continue
            own = [i.name for i in other.left if isinstance(i, Variable)]
            earlier = self.roles.closed.index(tensor) < self.roles.closed.index(self.statement.tensor)
            if earlier and set(own) == set(left) and body_of(self.roles, tensor).text == inner.text:
                return _atom(tensor, own, self.roles)
        return None

    def _new(self, inner: Poly, left: list[str]) -> Base:
        name = self.fresh.tensor(f"S{self.statement.tensor}")
        shown = [(reading_order(folded(self.roles, NOTHING, m)), c) for m, c in inner.terms]
        right = product(*shown[0]) if len(shown) == 1 else to_expr(poly(shown))
        self.before.append(Einsum(name, tuple(Variable(v) for v in left), right))
        return Base(name, "atom", 0, ANY, expr=simple_access(name, *(Variable(v) for v in left)))

    def total(self, parts: list[tuple[Poly, tuple[str, ...]]]) -> list[Einsum]:
        """The statements that put the parts together again."""
        found: list[Einsum] = []
        whole = Poly(())
        exprs: list[Expr] = []
        for part, late in parts:
            if late and len(parts) > 1:
                name = self.fresh.tensor(f"T{self.statement.tensor}")
                found.append(Einsum(name, self.statement.left, to_expr(part)))
                exprs.append(simple_access(name, *self.statement.left))
            else:
                whole = poly((*whole.terms, *part.terms))
        right = to_expr(whole) if whole.terms else None
        for expr in exprs:
            right = expr if right is None else Binary("+", right, expr)
        return [*found, Einsum(self.statement.tensor, self.statement.left, right or Number(0))]


def _atom(tensor: str, names: list[str], roles: Roles) -> Base:
    expr = simple_access(tensor, *(Variable(v) for v in names))
    from fusemax.cascade.print import print_expr

    return Base(print_expr(expr), "atom", 0, roles.signs.of(expr), expr=expr)


def _size(variable: str) -> Base:
    rank = rank_of(variable)
    return Base(rank, "atom", 0, ANY, expr=Shape(rank))
