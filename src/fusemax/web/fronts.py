"""Fronts that were found a moment ago: a page asks every second, a large store takes longer than that to read."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Fronts", "stamp_of"]

_MOST = 64
_SHARE = 0.1

Stamp = tuple[tuple[int, int], ...]


def stamp_of(store: str) -> Stamp:
    """What changes when the store does: times and sizes of its files."""
    found = []
    for name in (store, f"{store}-wal"):
        try:
            status = os.stat(name)
        except OSError:
            continue
        found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


@dataclass(frozen=True)
class _Front:
    body: bytes
    stamp: Stamp
    found: float
    seconds: float


class Fronts:
    """The fronts asked for last. One that took long is asked for less often, while its store grows."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Front] = OrderedDict()

    def get(self, key: str, stamp: Stamp, *, is_growing: bool) -> bytes | None:
        """A front that is as the store is, or while the store grows not older than ten times what it took."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        is_young = is_growing and time.monotonic() - kept.found < kept.seconds / _SHARE
        return kept.body if kept.stamp == stamp or is_young else None

    def put(self, key: str, stamp: Stamp, seconds: float, body: bytes) -> None:
        """Keep a front; ``stamp`` is that of the store before it was read."""
        self._kept[key] = _Front(body, stamp, time.monotonic(), seconds)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
