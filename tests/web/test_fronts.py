"""Fronts that are kept."""

from __future__ import annotations

from pathlib import Path

from fusemax.web.fronts import Fronts, stamp_of


def test_one_that_took_long_is_asked_for_less_often(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    assert stamp_of(str(store)) == ()
    store.write_bytes(b"1")
    before = stamp_of(str(store))
    fronts = Fronts()
    fronts.put("quick", before, 0.0, b"q")
    fronts.put("slow", before, 60.0, b"s")
    assert (fronts.get("quick", before, is_growing=True), fronts.get("other", before, is_growing=True)) == (b"q", None)
    store.write_bytes(b"12")
    after = stamp_of(str(store))
    assert after != before
    assert (fronts.get("quick", after, is_growing=True), fronts.get("slow", after, is_growing=True)) == (None, b"s")
    assert fronts.get("slow", after, is_growing=False) is None  # a sweep that is done shows all it found
    for number in range(100):
        fronts.put(str(number), after, 0.0, b"")
    assert fronts.get("slow", after, is_growing=True) is None
