"""The area sweep against the published one."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from fusemax.model.areasweep import area_sweep

NAMES = {
    "traffic": "traffic_bytes",
    "mem_lat": "memory_s",
    "comp_2d_lat": "array2d_s",
    "comp_1d_lat": "array1d_s",
    "latency": "latency_s",
    "array_2d_area": "array2d_area_um2",
    "area": "area_um2",
}


@pytest.mark.parametrize("workload", ["bert", "t5"])
def test_sweep_is_the_published_one(workload: str) -> None:
    ours = {row["edge"]: row for row in area_sweep([workload])}
    text = (files("fusemax") / "catalogue" / "tables" / "published-sweep.csv").read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(text.splitlines()) if row["workload"] == workload]
    assert len(rows) == 42
    for row in rows:
        expected = float(row["value"])
        assert ours[int(row["edge"])][NAMES[row["quantity"]]] == pytest.approx(expected, rel=1e-9), row
