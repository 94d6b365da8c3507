"""A page from a store: the front with design files that measure the same again, and never all points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fusemax.design.load import load_design
from fusemax.model.evaluate import evaluate
from fusemax.report.contents import Report, Section
from fusemax.report.export import specification
from fusemax.report.page import page
from fusemax.report.read import read_report
from fusemax.report.stored import MOST_GROUPS
from fusemax.search.store import open_store
from fusemax.search.study import Study
from fusemax.search.sweep import sweep

SPEC = """\
sweep: buffers
designs: [fusemax]
workloads: [bert]
seq_lens: [1K, 4K]
vary: {edge: [64, 128, 256], buffer.banks: [8, 32], schedule.streams: [1, 2]}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    (folder / "spec.yaml").write_text(SPEC)
    sweep(folder / "spec.yaml", folder / "runs.db")
    return folder / "runs.db"


@pytest.fixture(scope="module")
def report(store: Path) -> Report:
    return read_report(store, "fusemax report runs.db -o out")


def rows(section: Section) -> list[dict[str, object]]:
    return [
        row
        for chart in section.charts.values()
        for values in specification(chart)["datasets"].values()
        for row in values
        if "text" in row
    ]


def test_what_the_page_has(report: Report) -> None:
    titles = [section.title for section in report.sections]
    assert titles == ["What the store holds", "bert at 1K, corrected accounting", "bert at 4K, corrected accounting"]
    assert report.sections[0].paragraphs[0].startswith("24 points of 2 studies. ")
    assert [row["points"] for row in report.sections[0].table] == [12, 12]
    assert report.provenance.inputs["points"] == "24"
    assert "code of the points" in report.provenance.versions
    assert report.provenance.command == "fusemax report runs.db -o out"


def test_the_text_of_a_point_is_a_design_that_measures_the_same(report: Report, tmp_path: Path) -> None:
    front = [row for row in rows(report.sections[2]) if row["point"] == "on the front"]
    assert front
    for row in front[:3]:
        text = str(row["text"])
        (tmp_path / "point.yaml").write_text(text)
        assert "# fusemax model FILE --workload bert --seq-len 4096 --accounting corrected" in text
        again = evaluate(load_design(str(tmp_path / "point.yaml")), "bert", 4096, "corrected")
        assert again.latency_s == pytest.approx(float(str(row["latency_s"])), rel=1e-12)


def test_the_table_is_the_fronts(report: Report) -> None:
    table = report.sections[1].table
    assert {"front of", "design", "inputs", "latency (s)", "energy (J)", "area (mm²)"} <= set(table[0])
    assert any("edge 256" in str(row["inputs"]) for row in table)


def test_a_design_that_changed_has_no_text(tmp_path: Path) -> None:
    with open_store(tmp_path / "x.db") as store:
        about = {"design": "fusemax", "workload": "bert", "accounting": "corrected", "version": "0", "code": "old"}
        study = Study.of({"design": "of another time"}, about, ("seq_len", "edge"), ("latency_s", "energy_pj"))
        store.add(study, [(1024, 64), (1024, 128)], [(1.0, 2.0), (2.0, 1.0)])
    texts = [str(row["text"]) for row in rows(read_report(tmp_path / "x.db").sections[1])]
    assert texts
    assert all(text.startswith("design: fusemax\naccounting: corrected\n") and "mapping" not in text for text in texts)


def test_the_page_of_a_large_store_is_small(tmp_path: Path) -> None:
    names = ("latency_s", "traffic_bytes", "energy_pj", "area_um2", "useful_utilization_2d", "roofline_fraction")
    random = np.random.default_rng(0)
    with open_store(tmp_path / "x.db") as store:
        for i in range(MOST_GROUPS + 2):
            about = {"design": f"{i}-{'x' * 30}", "workload": f"w{i}", "accounting": "corrected", "code": "c" * 16}
            study = Study.of({"design": "?"}, about, ("seq_len", "edge", "buffer.capacity", "array1d.registers"), names)
            figures = random.lognormal(size=(700, len(names)))
            figures[:, 2] = figures[:, 3] = figures[:, 1] = 1 / figures[:, 0]  # every point is of every front
            points = [(4096, n, n << 20, n) for n in range(1, 701)]
            store.add(study, points, figures)
    report = read_report(tmp_path / "x.db")
    assert len(report.sections) == 1 + MOST_GROUPS
    assert f"Of {MOST_GROUPS + 2} groups the {MOST_GROUPS} with most points are shown." in report.sections[0].paragraphs
    assert len(page(report).encode()) < 3_000_000


def test_an_empty_store_is_a_page(tmp_path: Path) -> None:
    open_store(tmp_path / "x.db").close()
    assert "0 points of 0 studies" in page(read_report(tmp_path / "x.db"))
