"""The table of best mappings: all of its commands have been run, and they find what it says."""

from __future__ import annotations

import json

import pytest

from docs.best_mappings import DATA, PARTS, ROWS, Row, found_by, page

KNOWN = json.loads(DATA.read_text(encoding="utf-8"))


def test_every_row_was_run() -> None:
    assert list(dict.fromkeys(row.command for row in ROWS)) == list(KNOWN)  # one stands in two parts
    assert {row.part for row in ROWS} == set(PARTS) == set("abcde")
    assert all(found.get("optimal", True) for found in KNOWN.values())
    assert all(f"fusemax {row.command}\n" in page() for row in ROWS)


QUICK = [row for row in ROWS if row.command.startswith("model") or "attn_3pass" in row.command]


@pytest.mark.parametrize("row", QUICK, ids=lambda row: str(row.about))
def test_rows_that_take_no_time_say_what_comes_out(row: Row) -> None:
    again, before = found_by(row), KNOWN[row.command]
    for name in ("latency_s", "energy_pj", "traffic_bytes", "roofline_fraction"):
        assert again[name] == pytest.approx(before[name], rel=1e-9)
    assert again["bound"] == before["bound"]
