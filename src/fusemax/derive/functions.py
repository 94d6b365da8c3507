"""What is known of each function: how it takes products, exponentials and sums apart."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from fusemax.derive import signs
from fusemax.derive.algebra import (
    MIXED,
    ONE,
    REFERENCE,
    ZERO,
    Base,
    Mono,
    Poly,
    add,
    as_factor,
    expanded,
    exponential_base,
    inverse,
    mono_side,
    mono_sign,
    number,
    of_base,
    opaque,
    poly,
    power_sign,
    scale,
    split_sides,
    subtract,
    times,
    times_flat,
)

HALF = Fraction(1, 2)


def exponential(kind: str, argument: Poly) -> Poly:
    """exp or exp2 of a sum; logarithms in it become powers, `where` with -inf a factor 0 or 1."""
    argument = _spread(argument)
    plain: list[tuple[Mono, Fraction]] = []
    factor = ONE
    for mono, coefficient in argument.terms:
        inner = _logarithm(kind, mono)
        if inner is not None and (coefficient.denominator == 1 or signs.is_positive(inner.sign)):
            factor = times(factor, power(inner, coefficient))
        else:
            plain.append((mono, coefficient))
    rest = poly(plain)
    if not rest.terms:
        return factor
    if rest.terms and all(_is_minus_infinity(m, c) for m, c in rest.terms):
        return ZERO
    return times(factor, of_base(exponential_base(kind, rest)))


def _spread(p: Poly) -> Poly:
    return add(ZERO, *(expanded(Poly((t,))) if mono_side(t[0]) == MIXED else Poly((t,)) for t in p.terms))


def _logarithm(kind: str, mono: Mono) -> Poly | None:
    if len(mono) == 1 and mono[0][1] == 1:
        base = mono[0][0]
        if base.kind == "call" and base.name == ("log" if kind == "exp" else "log2"):
            return base.parts[0]
    return None


def _is_minus_infinity(mono: Mono, coefficient: Fraction) -> bool:
    return len(mono) == 1 and mono[0][0].text == "inf" and mono[0][1] == 1 and coefficient < 0


def power(p: Poly, exponent: Fraction | int) -> Poly:
    """p ** exponent, for whole exponents and square roots of what is not negative."""
    exponent = Fraction(exponent)
    if exponent < 0:
        return inverse(power(p, -exponent))
    if exponent.denominator == 1:
        found = ONE
        for _ in range(int(exponent)):
            found = times(found, p)
        return found
    factored = as_factor(p)
    if len(factored.terms) == 1 and factored.terms[0][1] > 0:
        mono, coefficient = factored.terms[0]
        if all(signs.is_not_negative(base.sign) or own % 2 == 0 for base, own in mono):
            found = _power_of_number(coefficient, exponent)
            for base, own in mono:
                size = of_base(base) if signs.is_not_negative(base.sign) else absolute(of_base(base))
                found = times_flat(found, _power_of(size, own * exponent))
            return found
    return of_base(opaque(f"power {exponent}", (p,)))


def _power_of(p: Poly, exponent: Fraction) -> Poly:
    """A power of what is one base with coefficient 1 and not negative."""
    found = ONE
    for base, own in p.terms[0][0]:
        found = times_flat(found, _base_power(base, own * exponent))
    return found


def _base_power(base: Base, exponent: Fraction) -> Poly:
    if base.kind in ("exp", "exp2"):
        return of_base(exponential_base(base.kind, scale(base.parts[0], exponent)))
    return of_base(base, int(exponent) if exponent.denominator == 1 else exponent)


def _power_of_number(value: Fraction, exponent: Fraction) -> Poly:
    if value == 1:
        return ONE
    return of_base(opaque("sqrt", (number(value),), signs.PLUS), exponent * 2)


def logarithm(name: str, p: Poly) -> Poly:
    """log or log2: exponentials come out, positive factors become terms."""
    factored = as_factor(p)
    if len(factored.terms) != 1:
        return of_base(opaque(name, (p,)))
    mono, coefficient = factored.terms[0]
    unknown = [b for b, e in mono if not signs.is_not_negative(power_sign(b, e))]
    if len(mono) + (coefficient != 1) < 2 and not (mono and mono[0][0].kind in ("exp", "exp2")):
        return _log_of_power(name, mono, p)
    if len(unknown) > 1 or (unknown and coefficient < 0) or (coefficient < 0 and not unknown):
        return of_base(opaque(name, (p,)))
    found = ZERO if coefficient == 1 else of_base(opaque(name, (number(coefficient),)))
    for base, exponent in mono:
        found = add(found, _log_of_base(name, base, Fraction(exponent)))
    return found


def _log_of_power(name: str, mono: Mono, p: Poly) -> Poly:
    if len(mono) == 1 and mono[0][1] != 1 and signs.is_positive(mono[0][0].sign):
        return _log_of_base(name, mono[0][0], Fraction(mono[0][1]))
    return of_base(opaque(name, (p,)))


def _log_of_base(name: str, base: Base, exponent: Fraction) -> Poly:
    if base.kind in ("exp", "exp2"):
        natural = base.kind == "exp"
        if natural == (name == "log"):
            return scale(base.parts[0], exponent)
        two = of_base(opaque("log", (number(2),), signs.PLUS))
        ratio = inverse(two) if natural else two
        return scale(times(base.parts[0], ratio), exponent)
    if base.kind == "inverse" and signs.is_not_negative(base.sign):
        return scale(logarithm(name, base.parts[0]), -exponent)
    if signs.is_not_negative(base.sign):
        return scale(of_base(opaque(name, (of_base(base),))), exponent)
    return of_base(opaque(name, (of_base(base, int(exponent) if exponent.denominator == 1 else exponent),)))


def absolute(p: Poly) -> Poly:
    """abs: of a product the product of abs, of what is not negative itself."""
    if signs.is_not_negative(p.sign):
        return p
    factored = as_factor(p)
    if len(factored.terms) != 1:
        return of_base(opaque("abs", (p,), signs.NOT_NEGATIVE))
    mono, coefficient = factored.terms[0]
    found = number(abs(coefficient))
    for base, exponent in mono:
        if signs.is_not_negative(power_sign(base, exponent)):
            found = times_flat(found, of_base(base, exponent))
        elif base.kind == "inverse":
            found = times_flat(found, power(inverse(absolute(base.parts[0])), int(exponent)))
        else:
            sign = signs.PLUS if signs.is_not_zero(base.sign) else signs.NOT_NEGATIVE
            found = times_flat(found, of_base(opaque("abs", (of_base(base),), sign), exponent))
    return found


def extreme(name: str, parts: tuple[Poly, ...]) -> Poly:
    """max or min of several: equal terms move out, and so does a shared factor that is not negative."""
    unique = {p.text: p for p in parts}
    parts = tuple(unique[text] for text in sorted(unique))
    if len(parts) == 1:
        return parts[0]
    if (outer := _shared_terms(parts)).terms:
        return add(outer, extreme(name, tuple(subtract(p, outer) for p in parts)))
    if (factor := _shared_factor(parts)).terms != ONE.terms:
        return times(factor, extreme(name, tuple(times_flat(p, inverse(factor)) for p in parts)))
    found = parts[0].sign
    for p in parts[1:]:
        found = signs.largest(found, p.sign) if name == "max" else signs.smallest(found, p.sign)
    return of_base(opaque(name, parts, found))


def _shared_terms(parts: tuple[Poly, ...]) -> Poly:
    if any(not p.terms for p in parts):
        return ZERO
    common = {t for t in parts[0].terms if mono_side(t[0]) & REFERENCE}
    for p in parts[1:]:
        common &= set(p.terms)
    return poly(sorted(common, key=lambda term: term[0][0][0].text if term[0] else ""))


def _shared_factor(parts: tuple[Poly, ...]) -> Poly:
    """A product of positive references in every term of every part (a part that is 0 has them all)."""
    monos = [m for p in parts for m, _ in p.terms]
    if not monos:
        return ONE
    common = {(b.text, e): (b, e) for b, e in monos[0] if b.side == REFERENCE and signs.is_positive(power_sign(b, e))}
    for mono in monos[1:]:
        here = {(b.text, e) for b, e in mono}
        common = {key: value for key, value in common.items() if key in here}
    return Poly(((tuple(sorted(common.values(), key=lambda v: v[0].text)), Fraction(1)),))


def choice(condition: Poly, yes: Poly, no: Poly) -> Poly:
    """where: of one side whole; with an infinite branch a masked element plus references; else a sum of both."""
    if yes.text == no.text:
        return yes
    if (condition.side | yes.side | no.side) != MIXED:
        return of_base(opaque("where", (condition, yes, no), yes.sign | no.sign))
    infinite = [is_infinite(yes), is_infinite(no)]
    if any(infinite) and not all(infinite):
        finite = no if infinite[0] else yes
        own, reference, mixed = split_sides(finite)
        if not mixed.terms and condition.side != REFERENCE:
            inner = (condition, yes, own) if infinite[0] else (condition, own, no)
            return add(reference, of_base(opaque("where", inner)))
        return of_base(opaque("where", (condition, yes, no)))
    test = indicator(condition)
    return add(times(test, yes), times(subtract(ONE, test) if no.terms else ZERO, no)) if no.terms else times(test, yes)


def is_infinite(p: Poly) -> bool:
    """inf or -inf."""
    return len(p.terms) == 1 and len(p.terms[0][0]) == 1 and p.terms[0][0][0][0].text == "inf"


def indicator(condition: Poly) -> Poly:
    """1 where a condition holds, else 0: conditions are that already, other numbers are compared with 0."""
    if condition.constant is not None:
        return ONE if condition.constant else ZERO
    if len(condition.terms) == 1 and all(b.kind == "test" for b, _ in condition.terms[0][0]):
        return Poly(((condition.terms[0][0], Fraction(1)),))
    return of_base(opaque("!=", (condition, ZERO), signs.NOT_NEGATIVE))


def comparison(name: str, left: Poly, right: Poly) -> Poly:
    """A comparison; positive factors on the reference side of a single product do not matter against 0."""
    difference = as_factor(subtract(left, right))
    if right.constant == 0 and len(difference.terms) == 1 and difference.side == MIXED:
        mono, coefficient = difference.terms[0]
        kept: list[tuple[Base, int | Fraction]] = []
        for base, exponent in mono:
            if base.kind in ("exp", "exp2"):
                own, _, mixed = split_sides(base.parts[0])
                if not mixed.terms:
                    if own.terms:
                        kept.append((exponential_base(base.kind, own), 1))
                    continue
            if base.side == REFERENCE and signs.is_positive(power_sign(base, exponent)):
                continue
            kept.append((base, exponent))
        left = Poly(((tuple(kept), coefficient),))
    return of_base(opaque(name, (left, right), signs.NOT_NEGATIVE))


def guarded_ratio(p: Poly, q: Poly) -> Poly:
    """div0(p, q) = p times a guarded inverse of q: a sum of masked exponentials can be 0 although each is positive."""
    if q.constant is not None and q.constant != 0:
        return times(p, inverse(q))
    return times(p, of_base(opaque("div0", (ONE, q), q.sign | signs.ZERO)))


def rectified(p: Poly) -> Poly:
    """relu(p) = max(p, 0)."""
    if signs.is_not_negative(p.sign):
        return p
    return extreme("max", (as_factor(p), ZERO))


UNARY: dict[str, Callable[[Poly], Poly]] = {
    "exp": lambda p: exponential("exp", p),
    "exp2": lambda p: exponential("exp2", p),
    "log": lambda p: logarithm("log", p),
    "log2": lambda p: logarithm("log2", p),
    "sqrt": lambda p: power(p, HALF),
    "abs": absolute,
    "relu": rectified,
    "tanh": lambda p: of_base(opaque("tanh", (p,), p.sign)),
    "sigmoid": lambda p: of_base(opaque("sigmoid", (p,), signs.PLUS)),
    "floor": lambda p: of_base(opaque("floor", (p,))),
    "ceil": lambda p: of_base(opaque("ceil", (p,))),
    "round": lambda p: of_base(opaque("round", (p,), p.sign | signs.ZERO)),
}


def call(name: str, parts: tuple[Poly, ...]) -> Poly:
    """The normal form of a function's call."""
    if name in UNARY:
        return UNARY[name](parts[0])
    if name in ("max", "min"):
        return extreme(name, parts)
    if name == "where":
        return choice(*parts)
    if name == "div0":
        return guarded_ratio(*parts)
    if name == "expsub":
        return exponential("exp", subtract(*parts))
    return of_base(opaque(name, parts))


__all__ = ["call", "comparison", "exponential", "indicator", "mono_sign", "power"]
