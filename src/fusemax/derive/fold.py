"""Write a product with the tensors a cascade already has, where they hold just that."""

from __future__ import annotations

from fractions import Fraction

from fusemax.cascade.ir import Access
from fusemax.derive.algebra import MIXED, REFERENCE, Base, Mono, mono_side
from fusemax.derive.normal import reduced_variables, simple_access
from fusemax.derive.roles import Roles
from fusemax.derive.signs import ANY
from fusemax.derive.terms import gathered_unit

_AS_READ = "="


def atom_of(tensor: str, access: Access) -> Base:
    """A read as a base that no law takes apart."""
    return Base(f"{_AS_READ}{tensor}", "atom", MIXED, ANY, expr=access)


def folded(roles: Roles, known: frozenset[str], inner: Mono) -> Mono:
    """The product with factors replaced by elements of the cascade that depend on references not in `known`."""
    normal = roles.normal(known)
    for tensor, statement in reversed(roles.statements.items()):
        waits = roles.needs[tensor] - known
        if tensor not in roles.carries or not waits or reduced_variables(statement) or statement.reductions:
            continue
        body = gathered_unit(normal(statement.right))
        if len(body.terms) != 1 or body.terms[0][1] != 1 or not mono_side(body.terms[0][0]) & REFERENCE:
            continue
        inner = divided(inner, body.terms[0][0], atom_of(tensor, simple_access(tensor, *statement.left)))
    return inner


def divided(inner: Mono, by: Mono, atom: Base) -> Mono:
    """`inner` with as many factors `by` as it has replaced by powers of `atom`."""
    here = {base.text: power for base, power in inner}
    times = 0
    while all(_holds(here.get(base.text, 0), power) for base, power in by):
        for base, power in by:
            here[base.text] = here[base.text] - power
        times += 1
    if not times:
        return inner
    kept = tuple((base, here[base.text]) for base, _ in inner if here[base.text] != 0)
    return tuple(sorted((*kept, (atom, times)), key=lambda power: power[0].text))


def _holds(power: int | Fraction, least: int | Fraction) -> bool:
    return power >= least if least > 0 else power <= least


def reading_order(mono: Mono) -> Mono:
    """Elements that wait for references first, as one writes them."""
    return tuple(sorted(mono, key=lambda p: (p[0].kind == "atom" and p[0].side != MIXED, p[0].text)))
