"""The tiles of a phase in the order in which they are executed, and where that order repeats itself.

A `TileSpace` is a nest of loops in time (axes, outermost first). A tile is one index per axis. Under a causal or
windowed mask the tiles without a seen pair of query and key are not there: for any prefix of indices the next
axis has a span of indices, found from the mask, not from a list. Query row r of a group of heads that share their
keys stands at position M - P/group + r // group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Axis", "Mask", "TileSpace"]

Index = tuple[int, ...]


@dataclass(frozen=True)
class Axis:
    """A loop in time: ``bound`` iterations of ``unit`` coordinates of rank ``root`` each."""

    variable: str
    root: str
    unit: int
    bound: int
    merged: bool = False
    """Whether an iteration stands for several of the loop, which may be there in part."""


@dataclass(frozen=True)
class Mask:
    """Rows see keys up to their own position, with a window the last ``window`` of them (0: all)."""

    rows: int
    keys: int
    group: int
    window: int

    def position(self, row: int) -> int:
        """The position of a query row among the keys."""
        return self.keys - self.rows // self.group + row // self.group

    def keys_of(self, first: int, last: int) -> tuple[int, int]:
        """The first key and the key after the last one that rows ``first`` .. ``last`` see."""
        low = max(0, self.position(first) - self.window + 1) if self.window else 0
        return low, min(self.keys, self.position(last) + 1)

    def rows_of(self, first: int, last: int) -> tuple[int, int]:
        """The first row and the row after the last one that see any of the keys ``first`` .. ``last``."""
        start = self.keys - self.rows // self.group
        low = max(0, (first - start) * self.group)
        high = min(self.rows, (last + self.window - start) * self.group) if self.window else self.rows
        return low, high


class TileSpace:
    """Axes, the sizes of the ranks they run over, and the mask between ranks P and M, if there is one."""

    def __init__(self, axes: tuple[Axis, ...], sizes: dict[str, int], mask: Mask | None = None) -> None:
        self.axes = axes
        self.sizes = sizes
        roots = {axis.root for axis in axes}
        self.mask = mask if {"P", "M"} <= set(sizes) else None
        self._of = {root: tuple(i for i, axis in enumerate(axes) if axis.root == root) for root in roots}

    def interval(self, prefix: Index, root: str) -> tuple[int, int]:
        """Coordinates [low, high) of a rank that a prefix of indices covers."""
        low, size, size_of = 0, self.sizes[root], self.sizes[root]
        for i in self._of.get(root, ()):
            if i < len(prefix):
                axis = self.axes[i]
                low += prefix[i] * axis.unit
                size = axis.unit
        return low, min(low + size, size_of)

    def span(self, prefix: Index) -> tuple[int, int]:
        """Indices [low, high) of the axis after a prefix under which there are tiles."""
        axis = self.axes[len(prefix)]
        base, end = self.interval(prefix, axis.root)
        low, high = 0, min(axis.bound, -((base - end) // axis.unit))
        mask = self.mask
        if mask is None or axis.root not in ("P", "M"):
            return low, high
        other = self.interval(prefix, "M" if axis.root == "P" else "P")
        first, after = (mask.rows_of if axis.root == "P" else mask.keys_of)(other[0], other[1] - 1)
        low = max(low, (first - base) // axis.unit)
        return low, max(low, min(high, -((base - after) // axis.unit)))

    def first(self, prefix: Index = (), depth: int | None = None) -> Index | None:
        """The first tile under a prefix, or its first ``depth`` indices; None when there is none."""
        depth = len(self.axes) if depth is None else depth
        if len(prefix) == depth:
            return prefix
        low, high = self.span(prefix)
        for i in range(low, high):
            found = self.first((*prefix, i), depth)
            if found is not None:
                return found
        return None

    def next(self, index: Index) -> Index | None:
        """The tile, or prefix of the same depth, after one; None after the last."""
        for depth in range(len(index) - 1, -1, -1):
            prefix = index[:depth]
            _, high = self.span(prefix)
            for i in range(index[depth] + 1, high):
                found = self.first((*prefix, i), len(index))
                if found is not None:
                    return found
        return None

    def tiles(self) -> Iterator[Index]:
        """All tiles in order."""
        index = self.first()
        while index is not None:
            yield index
            index = self.next(index)

    @cached_property
    def num_tiles(self) -> int:
        """Number of tiles, counted axis by axis where the order is regular and one by one where a mask makes it not."""
        return self._count(())

    def _count(self, prefix: Index) -> int:
        if len(prefix) == len(self.axes):
            return 1
        low, high = self.span(prefix)
        if len(prefix) == len(self.axes) - 1:
            return high - low
        if self.mask is None or self.axes[len(prefix)].root not in ("P", "M"):
            if high - low <= 1:
                return self._count((*prefix, low)) if high > low else 0
            return (high - low - 1) * self._count((*prefix, low)) + self._count((*prefix, high - 1))
        return sum(self._count((*prefix, i)) for i in range(low, high))

    def ends(self, index: Index) -> tuple[bool, bool]:
        """Whether a tile is the first and the last over the keys for its queries."""
        low, high = self.interval(index, "M") if "M" in self.sizes else (0, 0)
        first, after = 0, self.sizes.get("M", 0)
        if self.mask is not None:
            begin, end = self.interval(index, "P")
            first, after = self.mask.keys_of(begin, end - 1)
        return low <= first, high >= after

    def regular_until(self, prefix: Index) -> int:
        """An index of the prefix's last axis up to which (it excluded) all iterations from this one on are alike.

        Alike: the same tiles below with the same `ends`. A loop's last iteration, which may be partial, is left out.
        """
        *outer, i = prefix
        _, high = self.span(tuple(outer))
        axis = self.axes[len(outer)]
        if axis.root not in ("P", "M"):
            return high - 1
        shape = self._shape(prefix)
        if self.mask is None:
            return high - 1 if i + 1 < high - 1 and self._shape((*outer, i + 1)) == shape else i + 1
        end = i + 1
        while end < high - 1 and self._shape((*outer, end)) == shape:
            end += 1
        return end

    def _shape(self, prefix: Index) -> tuple[object, ...]:
        """What lies below a prefix: spans at its first and last iteration, and which tiles there end their keys."""
        if len(prefix) == len(self.axes):
            return self.ends(prefix)
        low, high = self.span(prefix)
        if high <= low:
            return (0, 0)
        if len(prefix) == len(self.axes) - 1:
            return (low, high, self._turns(prefix, low, high))
        return (low, high, self._shape((*prefix, low)), self._shape((*prefix, high - 1)))

    def _turns(self, prefix: Index, low: int, high: int) -> tuple[object, ...]:
        """Where in a row of tiles `ends` changes; it does so at most once at either side."""
        at = [low, high - 1]
        kinds = [self.ends((*prefix, i)) for i in at]
        if kinds[0] == kinds[1]:
            return (kinds[0],)
        found, j = [], low
        while j < high:
            kind = self.ends((*prefix, j))
            step = j
            width = 1
            while step + width < high and self.ends((*prefix, step + width)) == kind:
                step += width
                width *= 2
            while width > 1:
                width //= 2
                while step + width < high and self.ends((*prefix, step + width)) == kind:
                    step += width
            found.append((j - low, kind))
            j = step + 1
        return tuple(found)
