"""Rows alone give the whole page again where they are what comparing gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusemax.base.result import to_csv, to_json
from fusemax.model.compare import Comparison, compare
from fusemax.report.again import report_again
from fusemax.report.comparison import whole_report
from fusemax.report.read import read_report


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(["fusemax-architecture", "fusemax"], ["bert"], ["1K"], ["attention"], "published")


def test_json_and_csv_give_the_page_that_comparing_writes(comparison: Comparison, tmp_path: Path) -> None:
    whole = whole_report(comparison, "as written").document()
    (tmp_path / "run.json").write_text(to_json(comparison.to_json_document()))
    (tmp_path / "run.csv").write_text(to_csv(comparison.rows()))
    for name in ("run.json", "run.csv"):
        assert read_report(tmp_path / name, "as written").document() == whole, name
    assert json.dumps(whole).count('"einsum"') > 10


def test_other_rows_are_left_alone(comparison: Comparison) -> None:
    rows = [dict(row) for row in comparison.rows()]
    changed = [row | {"value": float(str(row["value"])) * (1 + 1e-15)} if i == 0 else row for i, row in enumerate(rows)]
    renamed = [row | {"design": f"my-{row['design']}"} for row in rows]
    unknown = [row | {"workload": "nobody's"} for row in rows]
    for others in (changed, renamed, unknown, rows[1:]):
        assert report_again(others, {}) is None
    assert report_again(rows, {"accounting": "corrected"}) is None
    assert report_again(rows, {"workloads": [{"name": 3}]}) is None
