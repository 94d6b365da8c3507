"""A report as a folder, from a real comparison, and made again from its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusemax.base.errors import FileError, UsageError
from fusemax.design.workload import load_workload
from fusemax.model.compare import compare
from fusemax.report.comparison import comparison_report
from fusemax.report.contents import Report
from fusemax.report.grid import Grid, rows_from_csv
from fusemax.report.page import page
from fusemax.report.read import read_report
from fusemax.report.write import write_report


@pytest.fixture(scope="module")
def report() -> Report:
    found = compare(["unfused", "fusemax"], ["bert"], ["1K", "4K"], ["attention"], "published")
    return comparison_report(found, command="fusemax compare --accounting published -o out")


def test_a_comparison_as_a_report(report: Report) -> None:
    assert list(report.results) == ["published", "corrected"]
    assert (report.subject, report.baselines) == ("fusemax", ("unfused",))
    assert report.provenance.inputs["workload bert"].startswith("batch 64, layers 1, model_width 768, heads 12")
    assert {"fusemax", "numpy", "python"} <= set(report.provenance.versions)
    assert all(row["on"] is False for row in report.provenance.switches)


def test_each_design_has_its_part(report: Report) -> None:
    assert [card.name for card in report.designs] == ["unfused", "fusemax"]
    card = report.designs[1]
    assert "For bert at 1K, published accounting: " in card.summary
    assert card.loop_nest.startswith("for b in 64:")
    assert max(end for _, _, _, end in card.epoch) == 154, "142 cycles per tile at 4K, and at 1K more of AV's"
    energy = sum(float(str(row["value"])) for row in card.parts if row["quantity"] == "energy")
    grid = Grid.of(report.results["published"])
    assert energy * 1e12 == pytest.approx(grid.value("attention", "fusemax", "bert", 1024, "energy"), rel=1e-12)
    assert [section.title for section in report.sections] == ["Roofline", "Traffic by capacity"]


def test_a_point_the_published_model_lacks_leaves_it_out() -> None:
    causal = load_workload("bert").model_copy(update={"mask": "causal"})
    found = compare(["unfused", "fusemax"], [causal], ["4K"], ["attention"])
    assert list(comparison_report(found).results) == ["corrected"]


def test_the_folder(report: Report, tmp_path: Path) -> None:
    heard: list[str] = []

    def observe(done: int, total: int | None, what: str) -> None:
        assert total is not None
        assert done < total
        heard.append(what)

    index = write_report(tmp_path / "deep" / "out", report, formats=("svg",), observe=observe)
    names = {p.relative_to(index.parent).as_posix() for p in index.parent.rglob("*.*") if p.suffix != ".parquet"}
    own = [f"{design}-{what}" for design in ("unfused", "fusemax") for what in ("epoch", "time", "energy")]
    figures = {f"figures/{n}.svg" for n in ("fig6a", "fig6b", "fig7", "fig8", "fig9", "traffic-by-capacity", *own)}
    roofs = {name for name in names if name.startswith("figures/roofline")}
    tables = {"results-corrected.csv", "results.csv", "traffic-by-capacity.csv"}
    assert names - roofs == figures | tables | {"index.html", "results.json"}
    assert len(roofs) == len(report.sections[0].charts)
    assert heard[0] == "results"
    assert heard[-1] == "index.html"
    rows = rows_from_csv((index.parent / "results.csv").read_text())
    ours = Grid.of(report.results["published"])
    assert Grid.of(rows).value("attention", "fusemax", "bert", 4096, "latency") == ours.value(
        "attention", "fusemax", "bert", 4096, "latency"
    )
    again = Report.from_document(json.loads((index.parent / "results.json").read_text()))
    assert Grid.of(again.results["published"]).index == ours.index
    assert page(read_report(index.parent)) == page(report), "the page made from what was stored is the same page"


def test_a_folder_that_cannot_be_made(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"):
        write_report(tmp_path / "file" / "out", report)


@pytest.mark.parametrize("document", [{}, {"schema": "fusemax/report/1"}, {"schema": "fusemax/report/1", "results": 3}])
def test_other_documents_are_refused(document: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Report.from_document(document)
