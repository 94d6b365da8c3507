"""Exact sums of products: the normal form in which laws look for factors, references and equal functions.

A `Poly` is a sum of coefficient * product of powers of bases. A base is a read of a tensor, a coordinate or size, an
unknown function of Polys, an exponential, a sum kept whole (a *group*), or a reduction over other ranks (*nested*).
Every base has a *side*: which of the streamed elements (`ELEMENT`) and the references known only after the whole
fiber (`REFERENCE`) it needs; 0 is neither, `MIXED` both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

from fusemax.cascade.ir import Expr
from fusemax.derive import signs

ELEMENT, REFERENCE, MIXED = 1, 2, 3
TESTS = frozenset(("<=", "<", ">=", ">", "==", "!=", "and", "or", "not"))
_MOST_TERMS = 400


class TooLarge(Exception):
    """An expansion with more terms than is worth looking at."""


@dataclass(frozen=True, slots=True)
class Base:
    """One factor. Two bases are the same when their texts are."""

    text: str
    kind: str = field(compare=False)  # atom, call, test (0 or 1), exp, exp2, group, nested, inverse
    side: int = field(compare=False)
    sign: int = field(compare=False)
    name: str = field(default="", compare=False)  # of a call's function, or a nested reduction's operator
    expr: Expr | None = field(default=None, compare=False)  # of an atom
    parts: tuple[Poly, ...] = field(default=(), compare=False)
    variables: tuple[str, ...] = field(default=(), compare=False)  # reduced by a nested reduction


Power = tuple[Base, int | Fraction]
Mono = tuple[Power, ...]


def mono_text(mono: Mono) -> str:
    """The identity of a product."""
    return "*".join(base.text if power == 1 else f"{base.text}^{power}" for base, power in mono)


def mono_side(mono: Mono) -> int:
    """The sides of all factors together."""
    return reduce(lambda side, power: side | power[0].side, mono, 0)


def mono_sign(mono: Mono) -> int:
    """The signs a product can have."""
    return reduce(signs.product, (power_sign(base, power) for base, power in mono), signs.PLUS)


def power_sign(base: Base, power: int | Fraction) -> int:
    """The signs of base ** power."""
    if isinstance(power, Fraction) and power.denominator != 1:
        return signs.NOT_NEGATIVE if base.sign & signs.ZERO else signs.PLUS
    if power % 2 == 0:
        return signs.NOT_NEGATIVE if base.sign & signs.ZERO else signs.PLUS
    return base.sign


@dataclass(frozen=True, slots=True)
class Poly:
    """A sum of terms (product, coefficient), sorted by the products' texts, no coefficient 0."""

    terms: tuple[tuple[Mono, Fraction], ...]

    @property
    def text(self) -> str:
        """The identity of the sum."""
        if not self.terms:
            return "0"
        parts = []
        for mono, coefficient in self.terms:
            name = mono_text(mono)
            parts.append(str(coefficient) if not name else name if coefficient == 1 else f"{coefficient}*{name}")
        return "(" + " + ".join(parts) + ")" if len(parts) > 1 else parts[0]

    @property
    def side(self) -> int:
        """The sides of all terms together."""
        return reduce(lambda side, term: side | mono_side(term[0]), self.terms, 0)

    @property
    def sign(self) -> int:
        """The signs the sum can have."""
        if not self.terms:
            return signs.ZERO
        each = (signs.product(mono_sign(m), signs.of_number(float(c))) for m, c in self.terms)
        found = reduce(signs.total, each)
        if len(self.terms) > 1 and found == signs.ANY and _is_square_sum(self):
            return signs.NOT_NEGATIVE
        return found

    @property
    def constant(self) -> Fraction | None:
        """The value of a number, None for anything else."""
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None


def _is_square_sum(poly: Poly) -> bool:
    return all(c > 0 and all(p % 2 == 0 for _, p in m) for m, c in poly.terms)


def poly(terms: Iterable[tuple[Mono, Fraction]]) -> Poly:
    """Collect equal products and sort."""
    found: dict[str, tuple[Mono, Fraction]] = {}
    for mono, coefficient in terms:
        key = mono_text(mono)
        old = found.get(key)
        found[key] = (mono, coefficient + (old[1] if old else 0))
    if len(found) > _MOST_TERMS:
        raise TooLarge
    return Poly(tuple(found[key] for key in sorted(found) if found[key][1] != 0))


ZERO = Poly(())
ONE = Poly((((), Fraction(1)),))


def number(value: int | float | Fraction) -> Poly:
    """A number; decimals are taken as written."""
    exact = Fraction(value) if isinstance(value, (int, Fraction)) else Fraction(repr(value))
    return Poly((((), exact),)) if exact else ZERO


def of_base(base: Base, power: int | Fraction = 1) -> Poly:
    """base ** power."""
    return Poly(((((base, power),), Fraction(1)),))


def add(*polys: Poly) -> Poly:
    """Their sum."""
    return poly(term for p in polys for term in p.terms)


def scale(p: Poly, factor: Fraction | int) -> Poly:
    """p times a number."""
    return Poly(tuple((m, c * factor) for m, c in p.terms)) if factor else ZERO


def subtract(p: Poly, q: Poly) -> Poly:
    """p - q."""
    return add(p, scale(q, -1))


def times_mono(first: Mono, second: Mono) -> tuple[Mono, Fraction]:
    """The product of two products: powers of one base join, exponentials of one kind join."""
    powers: dict[str, Power] = {}
    exponents: dict[str, Poly] = {}
    for base, power in (*first, *second):
        if base.kind in ("exp", "exp2"):
            argument = scale(base.parts[0], Fraction(power))
            exponents[base.kind] = add(exponents[base.kind], argument) if base.kind in exponents else argument
            continue
        old = powers.get(base.text)
        powers[base.text] = (base, 1 if base.kind == "test" else power + (old[1] if old else 0))
    coefficient = Fraction(1)
    found = [power for power in powers.values() if power[1] != 0]
    for kind, argument in exponents.items():
        if argument.terms:
            found.append((exponential_base(kind, argument), 1))
    return tuple(sorted(found, key=lambda power: power[0].text)), coefficient


def exponential_base(kind: str, argument: Poly) -> Base:
    """The base exp(argument) or exp2(argument)."""
    return Base(f"{kind}({argument.text})", kind, argument.side, signs.PLUS, parts=(argument,))


def times_flat(p: Poly, q: Poly) -> Poly:
    """The product, multiplied out one level (groups inside stay whole)."""
    if len(p.terms) * len(q.terms) > _MOST_TERMS:
        raise TooLarge
    products = []
    for m, c in p.terms:
        for n, d in q.terms:
            mono, e = times_mono(m, n)
            products.append((mono, c * d * e))
    return poly(products)


def is_unit(p: Poly) -> bool:
    """A sum of terms that each need elements only or references only, with both kinds: `x - mean`."""
    sides = {mono_side(m) for m, _ in p.terms}
    return MIXED not in sides and ELEMENT in sides and REFERENCE in sides


def is_kept(p: Poly) -> bool:
    """A sum that stays whole as a factor: of one side only, or an element against a reference."""
    return p.side != MIXED or is_unit(p)


def common_factor(p: Poly) -> tuple[Mono, Fraction, Poly]:
    """p = number * product * rest: what all terms share, and the sign of the first term."""
    shared: dict[str, Power] = {
        base.text: (base, power) for base, power in p.terms[0][0] if base.kind not in ("exp", "exp2")
    }
    for mono, _ in p.terms[1:]:
        here: dict[str, int | Fraction] = {base.text: power for base, power in mono}
        for text, (base, power) in list(shared.items()):
            other: int | Fraction = here.get(text, 0)
            if power * other <= 0:
                del shared[text]
            elif abs(Fraction(other)) < abs(Fraction(power)):
                shared[text] = (base, other)
    outer: Mono = tuple(sorted(shared.values(), key=lambda power: power[0].text))
    coefficient = _content(p)
    rest = []
    for mono, c in p.terms:
        left = []
        for base, power in mono:
            remaining = power - shared[base.text][1] if base.text in shared else power
            if remaining != 0:
                left.append((base, remaining))
        rest.append((tuple(left), c / coefficient))
    return outer, coefficient, poly(rest)


def _content(p: Poly) -> Fraction:
    sizes = {abs(c) for _, c in p.terms}
    size = sizes.pop() if len(sizes) == 1 else Fraction(1)
    elements = [c for m, c in p.terms if mono_side(m) & ELEMENT] or [c for _, c in p.terms]
    return -size if elements[0] < 0 else size


def as_factor(p: Poly) -> Poly:
    """p as one product: its shared factors times a group of the rest."""
    if len(p.terms) < 2:
        return p
    outer, coefficient, rest = common_factor(p)
    if len(rest.terms) < 2:
        return scale(times_flat(Poly(((outer, Fraction(1)),)), rest), coefficient)
    mono, c = times_mono(outer, ((group(rest), 1),))
    return Poly(((mono, c * coefficient),))


def group(p: Poly) -> Base:
    """The base that is the whole of a sum."""
    return Base(p.text, "group", p.side, p.sign, parts=(p,))


def times(p: Poly, q: Poly) -> Poly:
    """The product: sums that `is_kept` stay whole, others are multiplied out."""
    if p.constant is not None:
        return scale(q, p.constant)
    if q.constant is not None:
        return scale(p, q.constant)
    return times_flat(_keep(p), _keep(q))


def _keep(p: Poly) -> Poly:
    if len(p.terms) < 2:
        return p
    factored = as_factor(p)
    if len(factored.terms) == 1 and all(
        base.kind != "group" or is_kept(base.parts[0]) for base, _ in factored.terms[0][0]
    ):
        return factored
    return p


def inverse(p: Poly) -> Poly:
    """1 / p. A factor that may be 0 becomes an `inverse` base, which never cancels."""
    if p.constant is not None and p.constant != 0:
        return number(1 / p.constant)
    if len(p.terms) != 1:
        p = as_factor(p) if p.terms else p
    if len(p.terms) != 1:
        return of_base(opaque("/", (ONE, p)))
    mono, coefficient = p.terms[0]
    found = Poly((((), 1 / coefficient),))
    for base, power in mono:
        if base.kind in ("exp", "exp2"):
            factor = of_base(exponential_base(base.kind, scale(base.parts[0], -power)))
        elif base.kind == "inverse" or signs.is_not_zero(base.sign):
            factor = of_base(base, -power)
        else:
            factor = of_base(_inverse_base(base), power)
        found = times_flat(found, factor)
    return found


def _inverse_base(base: Base) -> Base:
    return Base(f"1/{base.text}", "inverse", base.side, base.sign, parts=(of_base(base),))


def opaque(name: str, parts: tuple[Poly, ...], sign: int = signs.ANY) -> Base:
    """A function of Polys that no law takes apart."""
    side = reduce(lambda s, p: s | p.side, parts, 0)
    kind = "test" if name in TESTS else "call"
    return Base(f"{name}({', '.join(p.text for p in parts)})", kind, side, sign, name, parts=parts)


def raised(p: Poly, power: int) -> Poly:
    """p ** power for a small positive integer, multiplied out."""
    return reduce(times_flat, [p] * power, ONE)


def expanded(p: Poly) -> Poly:
    """p with every group under a positive integer power multiplied out, through and through."""
    found: list[Poly] = []
    for mono, coefficient in p.terms:
        product = Poly((((), coefficient),))
        for base, power in mono:
            if base.kind == "group" and power > 0 and power == int(power):
                product = times_flat(product, raised(expanded(base.parts[0]), int(power)))
            elif base.kind == "nested" and base.side == MIXED and power == 1:
                from fusemax.derive.normal import nested

                product = times_flat(product, nested(base.name, base.variables, expanded(base.parts[0])))
            else:
                product = times_flat(product, of_base(base, power))
        found.append(product)
    return add(*found) if found else ZERO


def split_sides(p: Poly) -> tuple[Poly, Poly, Poly]:
    """The terms without references, those of references only, and the mixed ones."""

    def pick(keep: Callable[[int], bool]) -> Poly:
        return Poly(tuple(term for term in p.terms if keep(mono_side(term[0]))))

    return pick(lambda s: not s & REFERENCE), pick(lambda s: s == REFERENCE), pick(lambda s: s == MIXED)


def split_mono(mono: Mono, side: Callable[[Base], bool]) -> tuple[Mono, Mono]:
    """The factors for which `side` holds, and the others."""
    return tuple(p for p in mono if side(p[0])), tuple(p for p in mono if not side(p[0]))
