"""Counts that grow with an iterative rank, as formulas: found at a few sizes, checked at more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

from fusemax.base.errors import UsageError

Sizes = Mapping[str, int]
Count = int | str
"""A number of passes, or how it grows: `I+1`, `2*I`, `(I+1)//2`."""

UNKNOWN = "unknown"
"""A count that depends on sizes in a way that no formula here follows."""

MOST_DIVISOR = 4


def fit(ranks: Sequence[str], samples: Sequence[tuple[Sizes, int]]) -> Count | None:
    """The simplest `(a*I + b*J + c)//d` that gives every sample's count; None if there is none.

    Samples should vary one rank at a time and also several together: what fits has then been checked at sizes
    that did not determine it.
    """
    counts = [count for _, count in samples]
    if len(set(counts)) == 1:
        return counts[0]
    for divisor in range(1, MOST_DIVISOR + 1):
        choices = [_slopes(rank, samples, divisor) for rank in ranks]
        for slopes in product(*choices):
            rest = [
                divisor * count - sum(a * sizes[rank] for a, rank in zip(slopes, ranks, strict=True))
                for sizes, count in samples
            ]
            low, high = max(rest), min(rest) + divisor - 1  # d*count <= a*n + c <= d*count + d-1
            if low <= high:
                return _text(ranks, slopes, min(range(low, high + 1), key=abs), divisor)
    return None


def _slopes(rank: str, samples: Sequence[tuple[Sizes, int]], divisor: int) -> list[int]:
    """Numerators near the growth along one rank, between samples that differ in that rank only."""
    found: set[int] = set()
    for sizes, count in samples:
        for other, grown in samples:
            others_agree = all(sizes[r] == other[r] for r in sizes if r != rank)
            if others_agree and other[rank] - sizes[rank] >= 2:
                slope = Fraction(grown - count, other[rank] - sizes[rank]) * divisor
                found.update((int(slope), int(slope) + 1))
    return sorted(a for a in found if a >= 0) or [0]


def _text(ranks: Sequence[str], slopes: Sequence[int], constant: int, divisor: int) -> Count:
    terms = [rank if a == 1 else f"{a}*{rank}" for a, rank in zip(slopes, ranks, strict=True) if a]
    if not terms:
        return constant // divisor
    text = "+".join(terms)
    if constant:
        text += f"{constant:+d}"
    if divisor == 1:
        return text
    return f"({text})//{divisor}" if "+" in text or "-" in text else f"{text}//{divisor}"


def value(count: Count, sizes: Sizes) -> int:
    """A count at given sizes. Raises `UsageError` for an unknown one.

    >>> value("(I+1)//2", {"I": 6}), value("2*I+1", {"I": 3}), value(3, {})
    (3, 7, 3)
    """
    if isinstance(count, int):
        return count
    if count == UNKNOWN:
        raise UsageError("this number of passes depends on sizes in a way that no formula follows")
    body, slashes, divisor = count.partition("//")
    total = 0
    for term in body.strip("()").replace("-", "+-").split("+"):
        sign, rest = (-1, term[1:]) if term.startswith("-") else (1, term)
        amount = sign
        for factor in rest.split("*"):
            amount *= int(factor) if factor.isdigit() else sizes[factor]
        total += amount
    return total // int(divisor) if slashes else total
