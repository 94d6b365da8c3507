"""Cards of designs from a real comparison."""

from __future__ import annotations

import pytest

from fusemax.model.compare import compare
from fusemax.report.cards import design_cards


def test_cards_say_where_time_and_energy_go() -> None:
    found = compare(["flat", "fusemax"], ["bert"], ["1K", "4K", "16K"], ["attention"], "published")
    flat, fusemax = design_cards(found)
    assert (flat.name, fusemax.name) == ("flat", "fusemax")
    assert "bert at 4K, published accounting: array1d bounds the time" in fusemax.summary
    assert fusemax.loop_nest.startswith("for b in 64:")
    assert ("array2d", "SLNV", 78.0, 142.0) in fusemax.epoch
    energy = sum(float(str(row["value"])) for row in fusemax.parts if row["quantity"] == "energy")
    assert energy == pytest.approx(30.8975, abs=1e-4)
    time = {row["einsum"]: row["value"] for row in fusemax.parts if row["quantity"] == "time"}
    assert time["QK"] == pytest.approx(12582912 / 940e6)
