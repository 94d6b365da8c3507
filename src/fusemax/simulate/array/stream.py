"""Which tile goes when: keys and queries in order, masked tiles left out, tiles of one query far enough apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UsageError

__all__ = ["Mask", "Stream", "Work", "stream"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Mask:
    """Which keys a query sees: none after itself when `causal`, the last `window` of those when given.

    `keys` is the number of keys there are, where the last tile is not full.
    """

    causal: bool = False
    window: int | None = None
    keys: int | None = None

    @property
    def conditions(self) -> frozenset[str]:
        """`above`: tiles may hold keys after a query's last; `below`: before its first."""
        above = {"above"} if self.causal or self.keys is not None else set()
        return frozenset(above | ({"below"} if self.window is not None else set()))

    def bounds(self, queries: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """First and last visible key of queries given by their positions."""
        last = queries if self.causal else np.full_like(queries, np.inf)
        if self.keys is not None:
            last = np.minimum(last, self.keys - 1)
        first = np.full_like(queries, -np.inf) if self.window is None else queries - self.window + 1
        return first, last


@dataclass(frozen=True)
class Work:
    """`heads` heads of `key_tiles` key tiles and `queries` query tiles each, whose tiles take turns.

    The last query tile ends where the keys end, as in self-attention. `skip` leaves wholly masked tiles out.
    """

    key_tiles: int
    queries: int
    heads: int = 1
    mask: Mask = Mask()
    skip: bool = True

    def __post_init__(self) -> None:
        if min(self.key_tiles, self.queries, self.heads) < 1:
            raise UsageError("a run needs at least one key tile, one query tile and one head")
        if self.mask.window is not None and self.mask.window < 1:
            raise UsageError(f"a window holds at least one key, found {self.mask.window}")

    def positions(self, edge: int) -> NDArray[np.float64]:
        """Position of every query of a head, as [query tile, lane]; negative where there are more than keys."""
        return (np.arange(self.queries * edge, dtype=np.float64) + (self.key_tiles - self.queries) * edge).reshape(
            self.queries, edge
        )


@dataclass(frozen=True)
class Stream:
    """The tiles in the order in which they enter. Key and query tiles are counted over all heads.

    `epoch` is the epoch in which a tile enters, `last` marks a query's last tile, `above` and `below` tiles that need
    a mask. `bubbles` is the number of epochs in which no tile enters though more will come.
    """

    key: Ints
    query: Ints
    epoch: Ints
    last: NDArray[np.bool_]
    above: NDArray[np.bool_]
    below: NDArray[np.bool_]

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.key)

    @property
    def epochs(self) -> int:
        """Epochs from the first to the last entering tile, both counted."""
        return int(self.epoch[-1]) + 1

    @property
    def bubbles(self) -> int:
        """Epochs in which no tile enters though more will come."""
        return self.epochs - self.tiles

    @property
    def span(self) -> int:
        """Epochs from the first tile of a query to its last, at most."""
        first: dict[int, int] = {}
        longest = 0
        for query, epoch in zip(self.query.tolist(), self.epoch.tolist(), strict=True):
            longest = max(longest, epoch - first.setdefault(query, epoch))
        return longest


def stream(work: Work, edge: int, order: str, separation: int) -> Stream:
    """Lay the tiles of `work` out; `order` names the outer loop, `separation` is in epochs."""
    outer = order == "keys"
    tiles = [
        (k, h, q)
        for a in range(work.key_tiles if outer else work.queries)
        for h in range(work.heads)
        for b in range(work.queries if outer else work.key_tiles)
        for k, q in [(a, b) if outer else (b, a)]
    ]
    first, last = work.mask.bounds(work.positions(edge))
    seen = [t for t in tiles if not work.skip or _visible(first[t[2]], last[t[2]], t[0] * edge, edge)]
    if not seen:
        raise UsageError("the mask hides every key from every query")
    key, query, epoch, above, below = [], [], [], [], []
    free: dict[int, int] = {}
    ends: dict[int, int] = {}
    now = 0
    for n, (k, h, q) in enumerate(seen):
        number = h * work.queries + q
        now = max(now, free.get(number, 0))
        key.append(h * work.key_tiles + k)
        query.append(number)
        epoch.append(now)
        above.append(bool(np.any(last[q] < k * edge + edge - 1)))
        below.append(bool(np.any(first[q] > k * edge)))
        free[number] = now + separation
        ends[number] = n
        now += 1
    ending = np.zeros(len(seen), np.bool_)
    ending[list(ends.values())] = True
    return Stream(
        np.array(key), np.array(query), np.array(epoch), ending, np.array(above, np.bool_), np.array(below, np.bool_)
    )


def _visible(first: NDArray[np.float64], last: NDArray[np.float64], start: int, edge: int) -> bool:
    """Whether a tile of keys from `start` on holds one that any of its queries sees."""
    low = np.maximum(first, float(start))
    high = np.minimum(last, float(start + edge - 1))
    return bool(np.any(low <= high)) and not math.isnan(float(low[0]))
