"""Bounds by capacity, and the designs above them."""

from __future__ import annotations

from fusemax.design.load import load_design
from fusemax.design.workload import load_workload
from fusemax.model.evaluate import Evaluation, evaluate
from fusemax.report.curves import capacity_section
from fusemax.report.export import specification

DESIGNS = ("flat", "fusemax")


def evaluations(mask: str = "none") -> list[Evaluation]:
    workload = load_workload("bert").model_copy(update={"mask": mask})
    return [evaluate(load_design(name), workload, 4096, "corrected") for name in DESIGNS]


def rows(chart: object) -> dict[str, list[dict[str, object]]]:
    """The rows of every layer by what they hold."""
    found: dict[str, list[dict[str, object]]] = {}
    for values in specification(chart)["datasets"].values():
        kind = "line" if "cascade" in values[0] else "dot" if "design" in values[0] else "machine"
        found.setdefault(kind, []).extend(values)
    return found


def number(row: dict[str, object], name: str) -> float:
    return float(str(row[name]))


def test_no_design_is_below_its_cascades_line() -> None:
    section = capacity_section(evaluations(), DESIGNS)
    assert section is not None
    (chart,) = section.charts.values()
    found = rows(chart)
    assert [dot["design"] for dot in found["dot"]] == list(DESIGNS)
    for dot, cascade in zip(found["dot"], ("attn_3pass", "attn_1pass_fusemax"), strict=True):
        below = [
            r
            for r in found["line"]
            if r["cascade"] == cascade and float(str(r["capacity"])) <= float(str(dot["capacity"]))
        ]
        assert float(str(dot["traffic"])) >= min(float(str(row["traffic"])) for row in below)
    assert {mark["label"] for mark in found["machine"]} == {"flat-cloud", "fusemax-cloud"}
    assert [row["passes"] for row in section.table] == [3, 1]


def test_lines_reach_the_largest_machine() -> None:
    section = capacity_section(evaluations(), DESIGNS)
    assert section is not None
    found = rows(next(iter(section.charts.values())))
    most = max(number(mark, "capacity") for mark in found["machine"])
    assert max(number(row, "capacity") for row in found["line"]) >= most


def test_a_mask_is_said_not_to_be_in_the_lines() -> None:
    section = capacity_section(evaluations("causal"), DESIGNS)
    assert section is not None
    assert "without its mask" in section.paragraphs[1]


def test_nothing_to_show() -> None:
    assert capacity_section([], ()) is None
