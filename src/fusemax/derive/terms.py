"""A reduction's terms: what moves out of it, what stays, and what a change of reference does to what stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product as combinations
from math import comb

from fusemax.cascade.ir import Access, Shape
from fusemax.derive.algebra import (
    ELEMENT,
    MIXED,
    ONE,
    REFERENCE,
    ZERO,
    Base,
    Mono,
    Poly,
    add,
    as_factor,
    exponential_base,
    group,
    is_unit,
    mono_side,
    mono_text,
    of_base,
    poly,
    raised,
    scale,
    split_sides,
    times_flat,
)
from fusemax.derive.normal import base_variables


@dataclass(frozen=True)
class Term:
    """coefficient * outer * inner: `outer` needs no streamed element, `inner` is summed."""

    coefficient: Fraction
    outer: Mono
    inner: Mono


def is_separable(mono: Mono) -> bool:
    """Has the product finitely many accumulators, whatever the references: units to whole powers, exponentials."""
    return all(_is_separable_base(base, power) for base, power in mono)


def _is_separable_base(base: Base, power: int | Fraction) -> bool:
    if base.side != MIXED:
        return True
    if base.kind == "group":
        return is_unit(base.parts[0]) and power > 0 and power == int(power) and power <= 8
    if base.kind in ("exp", "exp2"):
        return not split_sides(base.parts[0])[2].terms
    return False


def blame(mono: Mono) -> Base | None:
    """The first factor that keeps a product from being separable."""
    return next((base for base, power in mono if not _is_separable_base(base, power)), None)


def as_terms(p: Poly, is_location: Callable[[Base], bool], is_scale: Callable[[Base], bool]) -> list[Term]:
    """The terms of a reduction's body, references that need not be streamed moved out.

    `is_location` tells which references may stay inside a unit or an exponential, `is_scale` which factors
    without references move out too (sizes of the streamed rank, divisions).
    """
    found: list[Term] = []
    for mono, coefficient in settled(gathered_unit(p), is_location).terms:
        outer = tuple(
            power for power in mono if power[0].side == REFERENCE or (power[0].side == 0 and _moves(power, is_scale))
        )
        inner = tuple(power for power in mono if power not in outer)
        found.append(Term(coefficient, outer, inner))
    return found


def _moves(power: tuple[Base, int | Fraction], is_scale: Callable[[Base], bool]) -> bool:
    base, exponent = power
    if base.side:
        return base.side == REFERENCE
    return exponent < 0 or base.kind == "inverse" or is_scale(base) or not base_variables(base)


def gathered_unit(p: Poly) -> Poly:
    """A body that is an element against a reference becomes one group, so that it is streamed as such."""
    return as_factor(p) if len(p.terms) > 1 and is_unit(p) else p


def settled(p: Poly, is_location: Callable[[Base], bool]) -> Poly:
    """The sum with each unit and exponential holding the references that are locations, the others moved out."""
    found: list[Poly] = []
    for mono, coefficient in p.terms:
        term = Poly((((), coefficient),))
        for base, power in mono:
            term = times_flat(term, _settled_base(base, power, is_location))
        found.append(term)
    return add(ZERO, *found)


def _settled_base(base: Base, power: int | Fraction, is_location: Callable[[Base], bool]) -> Poly:
    streamed = base.side == MIXED and _is_separable_base(base, power)
    if not streamed:
        return of_base(base, power)
    inside = base.parts[0]
    kept = poly(t for t in inside.terms if mono_side(t[0]) != REFERENCE or _has_location(t[0], is_location))
    moved = poly(t for t in inside.terms if t not in kept.terms)
    if not moved.terms or not kept.side & REFERENCE:
        return of_base(base, power)
    if base.kind != "group":
        return times_flat(of_base(exponential_base(base.kind, kept)), of_base(exponential_base(base.kind, moved)))
    found = ZERO
    whole = int(power)
    for j in range(whole + 1):
        part = times_flat(of_base(group(kept), j) if j else ONE, raised(moved, whole - j))
        found = add(found, scale(part, comb(whole, j)))
    return found


def _has_location(mono: Mono, is_location: Callable[[Base], bool]) -> bool:
    return any(is_location(base) for base, _ in mono if base.side == REFERENCE)


@dataclass(frozen=True)
class Shifted:
    """One old accumulator in the new one: factor * product of differences ** powers * accumulator of `inner`."""

    factor: int
    differences: tuple[tuple[Base, int], ...]
    inner: Mono


def units_of(mono: Mono) -> list[tuple[Base, int]]:
    """The units of a product with their powers."""
    return [(base, int(power)) for base, power in mono if base.kind == "group" and base.side == MIXED]


def exponentials_of(mono: Mono) -> list[Base]:
    """The exponentials that hold a reference."""
    return [base for base, _ in mono if base.kind in ("exp", "exp2") and base.side == MIXED]


def shifted(mono: Mono) -> list[Shifted]:
    """The binomial expansion of a product when each unit U becomes U + D; the product itself first."""
    units = units_of(mono)
    rest = tuple(power for power in mono if not (power[0].kind == "group" and power[0].side == MIXED))
    found = []
    for powers in combinations(*(range(n, -1, -1) for _, n in units)):
        factor = 1
        differences = []
        kept = list(rest)
        for (base, n), j in zip(units, powers, strict=True):
            factor *= comb(n, j)
            if n > j:
                differences.append((base, n - j))
            if j:
                kept.append((base, j))
        inner = tuple(sorted(kept, key=lambda power: power[0].text))
        found.append(Shifted(factor, tuple(differences), inner))
    return found


def reference_part(base: Base) -> Poly:
    """The references in a unit or an exponential."""
    return split_sides(base.parts[0])[1]


def element_part(base: Base) -> Poly:
    """The elements (and constants) in a unit or an exponential."""
    return split_sides(base.parts[0])[0]


def moving_factor(mono: Mono) -> Poly:
    """The factor by which a product changes with the references: its exponentials' references, and bare ones."""
    found = ONE
    for base in exponentials_of(mono):
        found = times_flat(found, of_base(exponential_base(base.kind, reference_part(base))))
    for base, power in mono:
        if base.side == REFERENCE:
            found = times_flat(found, of_base(base, power))
    return found


def accumulators(p: Poly) -> list[Mono]:
    """All accumulators that streaming a separable sum needs, larger ones after those they are repaired from."""
    found: dict[str, Mono] = {}
    for mono, _ in p.terms:
        inner = tuple(power for power in mono if power[0].side != REFERENCE)
        for shift in shifted(inner):
            found.setdefault(mono_text(shift.inner), shift.inner)
    return sorted(found.values(), key=lambda mono: (sum(n for _, n in units_of(mono)), mono_text(mono)))


def sizes_of(rank: str) -> Callable[[Base], bool]:
    """Is a base the size of a rank?"""
    return lambda base: isinstance(base.expr, Shape) and base.expr.rank == rank


def reads_of(p: Poly) -> set[str]:
    """The tensors a sum reads."""
    found: set[str] = set()
    for mono, _ in p.terms:
        for base, _ in mono:
            if isinstance(base.expr, Access):
                found.add(base.expr.tensor)
            for part in base.parts:
                found |= reads_of(part)
    return found


__all__ = ["ELEMENT", "Shifted", "Term", "accumulators", "as_terms", "is_separable", "shifted"]
