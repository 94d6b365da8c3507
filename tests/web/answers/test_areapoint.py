"""A point of Figure 12 opens as a design that gives the point's figures again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fusemax.search.sweep import SweepPlan, run_sweep
from fusemax.web.answers import design, store


def test_a_point_of_the_area_sweep_is_modelled_again(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.db")
    run_sweep(SweepPlan("fig12"), path)
    studies: Any = store.studies(path)["studies"]
    points: Any = store.front(path, [one["id"] for one in studies])["points"]
    assert len(points) == 24
    for one in points[::9]:
        found: Any = store.point(path, one["key"])
        again = design.model(found["text"], found["workload"], found["seq_len"], found["accounting"], found["set"])
        assert again["latency_s"] == pytest.approx(one["figures"]["latency_s"], rel=1e-12)
        assert again["area_um2"] == pytest.approx(one["figures"]["area_um2"], rel=1e-12)
