"""Comparison tables: they fit, they say what they average, unknown stays unknown."""

from __future__ import annotations

import pytest

from fusemax.report.grid import Grid, means
from fusemax.report.tables import area_table, compare_tables, headline_rows, headline_table, lay_out, part_table
from tests.report.synthetic import WORKLOADS, comparison

LONG = tuple(f"a-rather-long-design-name-{i}-of-somebody" for i in range(4))


@pytest.mark.parametrize(
    "text",
    [
        compare_tables(comparison(), accounting="corrected"),
        compare_tables(comparison(), detail=True),
        compare_tables(comparison(workloads=("bert",), designs=LONG)),
        headline_table({"published": comparison(), "corrected": comparison(factor=0.8)}),
    ],
)
def test_tables_fit_a_hundred_columns(text: str) -> None:
    assert max(map(len, text.split("\n"))) <= 100
    assert not any(line.endswith(" ") for line in text.split("\n"))


def test_a_part_says_points_means_and_bound() -> None:
    text = part_table(Grid.of(comparison()), "attention", accounting="corrected")
    lines = text.split("\n")
    assert lines[0].startswith("attention: 4 workloads x 6 lengths, corrected accounting; by length: arithmetic means")
    assert lines[1].split() == ["speedup", "over", "energy", "vs", "utilization"]
    assert lines[2].split() == ["design", "unfused", "flat", "unfused", "flat", "2D", "1D", "bound"]
    assert "  fusemax                       6.40  4.92      0.767  0.787        0.600  1.000  DRAM" in lines
    assert "arithmetic mean of 24 points" in lines
    assert "geometric mean of 24 points" in lines


def test_means_are_of_the_ratios_of_all_points() -> None:
    grid = Grid.of(comparison())
    wanted = means(grid.speedup("attention", "fusemax", "flat", p) for p in grid.points("attention"))
    tail = part_table(grid, "attention").split("arithmetic mean of 24 points")[1]
    line = next(text for text in tail.split("\n") if text.startswith("  fusemax "))
    assert line.split()[2] == f"{wanted.arithmetic:.2f}"


def test_few_points_are_shown_one_by_one() -> None:
    text = part_table(Grid.of(comparison(workloads=WORKLOADS[:1])), "attention")
    assert "bert, 4K" in text
    assert "39.02 ms" in text


def test_unknown_stays_unknown() -> None:
    rows = [dict(r) for r in comparison(workloads=("bert",))]
    for r in rows:
        if r["design"] == "flat" and r["quantity"] == "energy":
            r["value"] = None
    line = next(x for x in part_table(Grid.of(rows), "attention").split("\n") if x.startswith("  flat "))
    assert line.split()[3:5] == ["unknown", "unknown"]


def test_headline_in_both_accountings() -> None:
    results = {"published": comparison(), "corrected": comparison(factor=0.8)}
    rows = headline_rows(results)
    assert [(r["part"], r["ratio"], r["over"]) for r in rows[:4]] == [
        ("attention", "speedup", "flat"),
        ("attention", "energy", "flat"),
        ("end-to-end", "speedup", "flat"),
        ("end-to-end", "energy", "flat"),
    ]
    grid = Grid.of(results["published"])
    ratios = means(grid.speedup("attention", "fusemax", "flat", p) for p in grid.points("attention"))
    assert rows[0]["published"] == ratios.arithmetic
    assert rows[0]["published geometric"] == ratios.geometric
    assert f"{ratios.arithmetic:.2f} ({ratios.geometric:.2f})" in headline_table(results)
    assert headline_rows({}) == []
    assert headline_table({}) == ""


def test_area_by_component() -> None:
    lines = area_table(Grid.of(comparison())).split("\n")
    assert lines[1].split() == ["design", "buffer", "array2d", "total"]
    assert lines[-1].split() == ["fusemax", "100.0", "(18%)", "460.0", "(82%)", "560.0"]


def test_long_names_lose_their_middle() -> None:
    text = lay_out(["design", "value"], [["abcdefghijklmnopqrstuvwxyz", "1.5"], ["b", "22.5"]], width=20)
    assert text.split("\n")[2] == "abcdef…uvwxyz    1.5"
    assert text.split("\n")[3] == "b               22.5"


def test_a_design_that_does_not_fit_is_told_from_one_that_is_unknown() -> None:
    rows = comparison(workloads=("bert",))
    points = {tuple(row[name] for name in ("part", "design", "workload", "seq_len")) for row in rows}
    marks = [
        {**dict(zip(("part", "design", "workload", "seq_len"), point, strict=True)), "quantity": "feasible",
         "value": int(point[1] != "unfused" or point[3] == 1024), "unit": ""}
        for point in points
    ]  # fmt: skip
    lines = part_table(Grid.of([*rows, *marks]), "attention").split("\n")
    after = lines[lines.index("bert, 4K") + 1 : lines.index("bert, 4K") + 3]
    assert [line.count("no room") for line in after] == [4, 2]
    assert "unknown" not in "".join(lines)
