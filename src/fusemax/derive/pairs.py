"""The pairs g(x), h(y) that a law uses: what it accumulates, and what accumulators are multiplied by.

A running form accumulates g with old references and repairs it when they move, so that its pairs are
F(x, new) = sum of g(x, old) * h(old, new) for any old: the binomial theorem and exp(a + b) = exp(a) exp(b).
"""

from __future__ import annotations

from collections.abc import Callable

from fusemax.cascade.ir import Access, Binary, Call, Expr, Shape
from fusemax.cascade.print import print_expr
from fusemax.cascade.ranks import canonical
from fusemax.cascade.resolve import rewrite
from fusemax.derive import signs
from fusemax.derive.algebra import REFERENCE, Base, Poly, Power, mono_side, subtract
from fusemax.derive.atoms import map_atoms
from fusemax.derive.emit import product, to_expr
from fusemax.derive.laws.expand import raw_terms
from fusemax.derive.names import Names
from fusemax.derive.plan import body_of, is_location
from fusemax.derive.roles import Roles
from fusemax.derive.terms import Shifted, Term, as_terms, exponentials_of, reference_part, shifted

Pair = tuple[Expr, Expr]


def old_names(roles: Roles, known: frozenset[str]) -> dict[str, str]:
    """Reference that is not in `known` -> the name of its value before it moved."""
    names = Names(roles.cascade)
    references = [t for t in roles.statements if roles.is_unknown(t, known) and t not in roles.carries]
    return {tensor: names.tensor(f"{tensor}_old") for tensor in references}


def streamed_pairs(roles: Roles, tensor: str, known: frozenset[str], eager: bool, old: dict[str, str]) -> list[Pair]:
    """The accumulators of a sum in a running form with their repairs, one pair for each accumulator."""
    body = body_of(roles, tensor, known)
    terms = (
        [Term(c, (), m) for m, c in body.terms]
        if eager
        else as_terms(body, is_location(roles), lambda base: _is_size(roles, base))
    )
    before = _before(old)
    return _joined(
        [
            (rewrite(product(shift.inner), before), _repair(term, shift, before))
            for term in terms
            for shift in shifted(term.inner)
        ]
    )


def split_pairs(roles: Roles, tensor: str, law: str) -> list[Pair]:
    """The sums without references that deferral or expansion leaves, with what multiplies each.

    None at all when a sum keeps references: it is not the last step then.
    """
    body = body_of(roles, tensor)
    expands = law == "expand"
    terms = as_terms(raw_terms(body) if expands else body, _nothing if expands else is_location(roles), _nothing)
    if any(mono_side(term.inner) & REFERENCE for term in terms):
        return []
    return _joined([(product(term.inner), product(term.outer, term.coefficient)) for term in terms])


def _nothing(_: Base) -> bool:
    return False


def _is_size(roles: Roles, base: Base) -> bool:
    return isinstance(base.expr, Shape) and canonical(roles.cascade, base.expr.rank) == roles.rank


def _before(old: dict[str, str]) -> Callable[[Expr], Expr]:
    """Reads of references as they were."""

    def leaf(node: Expr) -> Expr:
        return Access(old[node.tensor], node.indices) if isinstance(node, Access) and node.tensor in old else node

    return leaf


def _repair(term: Term, shift: Shifted, before: Callable[[Expr], Expr]) -> Expr:
    """The factor of one accumulator in the sum for the new references."""

    def moved(p: Poly) -> Poly:
        return subtract(p, map_atoms(p, lambda e: rewrite(e, before)))

    bases = exponentials_of(term.inner)
    factors: list[Power] = [
        *term.outer,
        *((_whole(Call(base.kind, (to_expr(moved(reference_part(base))),))), 1) for base in bases),
    ]
    for base, power in term.inner:
        if base.side == REFERENCE:
            read = rewrite(product(((base, 1),)), before)
            factors += [(base, power), (_whole(read), -power)]
    factors += [(_whole(to_expr(moved(reference_part(base)))), power) for base, power in shift.differences]
    return product(tuple(factors), term.coefficient * shift.factor)


def _whole(expr: Expr) -> Base:
    """An expression as one factor."""
    return Base(print_expr(expr), "atom", REFERENCE, signs.ANY, expr=expr)


def _joined(pairs: list[Pair]) -> list[Pair]:
    """One pair for each g: what multiplies the same accumulator is added."""
    found: dict[str, Pair] = {}
    for g, h in pairs:
        key = print_expr(g)
        found[key] = (g, Binary("+", found[key][1], h)) if key in found else (g, h)
    return list(found.values())
