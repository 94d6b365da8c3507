"""Which tiles an Einsum runs at that runs at a share of them: spread evenly, the same in every run."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import lcm

__all__ = ["num_running", "period_of", "runs_at"]


def runs_at(share: Fraction, tile: int) -> bool:
    """Whether the ``tile``-th tile (the first is 0) runs: where the share of the tiles so far passes a whole number."""
    return num_running(share, tile, 1) == 1


def num_running(share: Fraction, first: int, number: int) -> int:
    """How many of some tiles from one on run."""
    of, part = share.denominator, share.numerator
    return (first + number) * part // of - first * part // of


def period_of(shares: Iterable[Fraction]) -> int:
    """Tiles after which all shares begin again."""
    return lcm(*(share.denominator for share in shares))
