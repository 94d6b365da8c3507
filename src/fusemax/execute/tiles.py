"""Boxes of a statement's iteration space, small enough for the memory a statement may use."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from math import ceil, prod

Ranges = tuple[tuple[int, int], ...]
"""(start, size) along each of some axes."""


def tile_sizes(sizes: Sequence[int], order: Sequence[int], limit: int) -> tuple[int, ...]:
    """Sizes of a tile of at most `limit` points (at least one): axes are split in `order`, slowest axis first."""
    found = list(sizes)
    for axis in order:
        rest = prod(found) // found[axis]
        if rest * found[axis] <= limit:
            break
        # Tiles of nearly equal size, as many as are needed.
        pieces = ceil(sizes[axis] / max(1, limit // rest))
        found[axis] = ceil(sizes[axis] / pieces)
    return tuple(found)


def tiles(sizes: Sequence[int], tile: Sequence[int], axes: Sequence[int]) -> Iterator[Ranges]:
    """All tiles over `axes`, each as (start, size) per axis of `axes`, in row-major order."""
    ranges = [[(start, min(tile[a], sizes[a] - start)) for start in range(0, sizes[a], tile[a])] for a in axes]
    return itertools.product(*ranges)
