"""A page from the JSON of a search."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusemax.base.errors import UsageError
from fusemax.design.load import load_design
from fusemax.report.export import specification
from fusemax.report.found import found_report
from fusemax.report.read import read_report
from fusemax.search.rewrite import design_document

BEST = design_document(load_design("fusemax"))


def document(**changes: object) -> dict[str, object]:
    front = [
        {"latency_s": 1.0, "energy_pj": 3e12, "traffic_bytes": 5.0, "design": BEST},
        {"latency_s": 2.0, "energy_pj": 2e12, "traffic_bytes": 5.0, "design": BEST},
    ]
    found: dict[str, object] = {
        "schema": "fusemax/search/1", "objective": "latency", "value": 1.0, "unit": "s", "roofline_fraction": 0.5,
        "bound": "array1d", "workload": "bert", "seq_len": 4096, "accounting": "corrected", "best": BEST,
        "certificate": {"space": 9, "evaluated": 2, "pruned": {"compulsory traffic": 7}, "optimal": True, "seed": None},
        "front": front,
    }  # fmt: skip
    return found | changes


def test_best_design_front_and_certificate(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(document()))
    report = read_report(tmp_path / "s.json")
    assert report.title == "Search: fusemax, bert at 4K"
    assert [section.title for section in report.sections] == ["Best design", "Front", "What was searched"]
    (tmp_path / "best.yaml").write_text(report.sections[0].code)
    assert design_document(load_design(str(tmp_path / "best.yaml"))) == BEST
    ((caption, chart),) = report.sections[1].charts.items()
    assert caption.startswith("Latency and energy, bert at 4K."), "traffic is the same everywhere"
    texts = [row["text"] for values in specification(chart)["datasets"].values() for row in values if "text" in row]
    assert set(texts) == {report.sections[0].code + "\n"}
    assert {"what": "pruned: compulsory traffic", "value": "7"} in report.sections[2].table


def test_a_front_of_one_point_needs_no_chart() -> None:
    report = found_report(document(front=[{"latency_s": 1.0, "energy_pj": None, "traffic_bytes": 5.0}]), "s.json")
    assert not report.sections[1].charts
    assert report.sections[1].table[0]["energy (J)"] is None


@pytest.mark.parametrize("change", [{"best": None}, {"front": 3}, {"seq_len": "x"}, {"certificate": []}])
def test_what_is_incomplete_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"s\.json: a search's results are incomplete"):
        found_report(document(**change), "s.json")
