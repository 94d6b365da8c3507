"""Answers given before. Every answer is a pure function of its call and arguments, so one that is kept never ages."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Remembered"]

Entry = tuple[bytes, bytes]


class Remembered:
    """The answers used last, up to a sum of their bytes."""

    def __init__(self, most_bytes: int = 64 << 20) -> None:
        self.most_bytes = most_bytes
        self.num_bytes = 0
        self._kept: OrderedDict[bytes, Entry] = OrderedDict()

    def get(self, key: bytes) -> Entry | None:
        """The answer, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: bytes, answer: Entry) -> None:
        """Keep an answer; those not used for longest go."""
        if key in self._kept or len(key) + len(answer[1]) > self.most_bytes:
            return
        self._kept[key] = answer
        self.num_bytes += len(key) + len(answer[1])
        while self.num_bytes > self.most_bytes:
            gone, (_, body) = self._kept.popitem(last=False)
            self.num_bytes -= len(gone) + len(body)
