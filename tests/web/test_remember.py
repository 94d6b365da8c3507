"""Answers that are kept."""

from __future__ import annotations

from fusemax.web.remember import Remembered


def test_what_was_not_used_for_longest_goes() -> None:
    kept = Remembered(most_bytes=40)
    kept.put(b"1", (b"A", b"x" * 14))
    kept.put(b"2", (b"A", b"y" * 14))
    assert kept.get(b"1") == (b"A", b"x" * 14)
    kept.put(b"3", (b"A", b"z" * 14))
    assert kept.get(b"2") is None and kept.get(b"1") is not None
    kept.put(b"4", (b"A", b"w" * 40))
    assert kept.get(b"4") is None and kept.num_bytes <= 40
