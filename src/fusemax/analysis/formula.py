"""Counts that grow with an iterative rank, as formulas: found at a few sizes, checked at more."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
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
    terms = [
        f"{a:+d}*{rank}".replace("1*", "", 1) if abs(a) == 1 else f"{a:+d}*{rank}"
        for a, rank in zip(slopes, ranks, strict=True)
        if a
    ]
    if not terms:
        return constant // divisor
    text = "".join(terms).removeprefix("+")
    if constant:
        text += f"{constant:+d}"
    if divisor == 1:
        return text
    return f"({text})//{divisor}" if "+" in text or "-" in text else f"{text}//{divisor}"


def fit_turning(growing: Sequence[str], others: Sequence[str], samples: Sequence[tuple[Sizes, int]]) -> Count | None:
    """The simplest `(a*I + b*N + c)//(d*N + e)`, one rank of each kind: steps I that turn around a rank N."""
    slopes = sorted(product(range(1, 4), range(-2, 3)), key=lambda pair: pair[0] + abs(pair[1]))
    divisors = sorted(product((1, 2), (0, -1, 1)), key=lambda pair: pair[0] + abs(pair[1]))
    for rank, other in product(growing, others):
        for (d, e), (a, b) in product(divisors, slopes):
            if any(d * sizes[other] + e < 1 for sizes, _ in samples):
                continue
            low, high = -(10**9), 10**9
            for sizes, count in samples:
                divisor = d * sizes[other] + e
                rest = divisor * count - a * sizes[rank] - b * sizes[other]
                low, high = max(low, rest), min(high, rest + divisor - 1)
            if low <= high:
                top = _text((rank, other), (a, b), min(range(low, high + 1), key=abs), 1)
                below = _text((other,), (d,), e, 1)
                return "//".join(str(part) if str(part).isidentifier() else f"({part})" for part in (top, below))
    return None


def value(count: Count, sizes: Sizes) -> int:
    """A count at given sizes. Raises `UsageError` for an unknown one.

    >>> value("(I+1)//2", {"I": 6}), value("2*I+1", {"I": 3}), value(3, {})
    (3, 7, 3)
    """
    if isinstance(count, int):
        return count
    if count == UNKNOWN:
        raise UsageError("this number of passes depends on sizes in a way that no formula follows")
    return _value(ast.parse(count, mode="eval").body, sizes)


def _value(node: ast.expr, sizes: Sizes) -> int:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=rank):
            return sizes[rank]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, sizes)
        case ast.BinOp(left=left, op=action, right=right) if type(action) in _OPERATORS:
            return _OPERATORS[type(action)](_value(left, sizes), _value(right, sizes))
        case _:
            raise UsageError(f"{ast.unparse(node)} is no formula of ranks")


_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
