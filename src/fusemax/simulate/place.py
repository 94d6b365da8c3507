"""Room in the buffer for what Einsums of one phase hand to one another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, field

__all__ = ["KEPT", "Place"]

KEPT = 4096
"""Records of what is done before old ones are dropped."""


@dataclass
class Place:
    """Room in the buffer for results: ``limit`` words, taken by a writer's tile till its last reader is past it."""

    tensor: str
    limit: float
    reader: int
    running: bool
    """Written over for each key tile; left when the reader has had the last."""
    taken: float = 0.0
    left: float = 0.0
    peak: float = 0.0
    items: deque[list[float]] = field(default_factory=deque)
    """What is there, the oldest first: [number of the reader's last tile that needs it, of how many tiles with numbers
    one after the other, words of each]."""
    version: int = 0
    """Grows with what is left."""
    ends: list[tuple[int, float]] = field(default_factory=list)
    """(time, words left in all) of the latest departures."""

    def free_at(self, words: float, begin: int) -> int | None:
        """When so many words more find room, None as long as that is not known; what is larger takes all of it."""
        there = self.taken - self.left
        if there + words <= self.limit or there <= 0:
            limit = self.limit if words <= self.limit else 0.0
            need = self.taken + words - max(limit, words)
            at = bisect_left(self.ends, need, key=lambda e: e[1])
            return self.ends[at][0] if at < len(self.ends) and need > 0 else begin
        return None

    def ends_after(self, now: int, more: int = 0) -> list[tuple[int, float]]:
        """Departures after a time, and so many before it."""
        return self.ends[max(0, bisect_right(self.ends, now, key=lambda e: e[0]) - more) :]

    @property
    def held(self) -> float:
        """Words that are there."""
        return min(self.taken - self.left, self.limit)

    def take(self, words: float, code: int) -> None:
        """Take room for a result that the reader needs up to its tile with a number."""
        if not words:
            return
        self.taken += words
        self.peak = max(self.peak, self.held)
        latest = self.items[-1] if self.items else None
        if latest is not None and latest[1] == 1 and latest[0] == code:
            latest[2] += words
        elif latest is not None and latest[0] + latest[1] == code and latest[2] == words:
            latest[1] += 1
        else:
            self.items.append([code, 1, words])

    def leave(self, code: int, end: int) -> None:
        """At ``end`` the reader is past all its tiles before the one with a number."""
        before = self.left
        while self.items and self.items[0][0] < code:
            item = self.items[0]
            number = min(item[1], code - item[0])
            self.left += number * item[2]
            item[0] += number
            item[1] -= number
            if not item[1]:
                self.items.popleft()
        if self.left != before:
            self.version += 1
            self.ends.append((end, self.left))
            if len(self.ends) > KEPT:
                del self.ends[: KEPT // 2]
