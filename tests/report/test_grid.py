"""Lookups, ratios and means over comparison rows."""

from __future__ import annotations

import math

import pytest

from fusemax.base.errors import UsageError
from fusemax.base.result import to_csv
from fusemax.report.grid import Grid, default_baselines, means, rows_from_csv
from tests.report.synthetic import DESIGNS, LENGTHS, WORKLOADS, comparison


def row(**changes: object) -> dict[str, object]:
    base: dict[str, object] = {"part": "attention", "design": "a", "workload": "w", "seq_len": 1024}
    return base | {"quantity": "latency", "value": 2.0, "unit": "s"} | changes


def test_orders_follow_the_rows() -> None:
    grid = Grid.of(comparison())
    assert (grid.designs, grid.workloads, grid.seq_lens) == (DESIGNS, WORKLOADS, LENGTHS)
    assert grid.parts == ("attention", "linear", "end-to-end")
    assert len(grid.points("attention")) == 24
    assert default_baselines(grid) == ("unfused", "flat")


def test_ratios() -> None:
    grid = Grid.of([row(), row(design="b", value=0.5), row(design="c", value=None), row(design="d", value=0)])
    point = ("w", 1024)
    assert grid.speedup("attention", "b", "a", point) == 4.0
    assert grid.speedup("attention", "a", "b", point) == 0.25
    assert grid.speedup("attention", "c", "a", point) is None
    assert grid.speedup("attention", "d", "a", point) is None
    assert grid.speedup("attention", "nobody", "a", point) is None
    assert grid.energy_ratio("attention", "b", "a", point) is None


def test_means_of_known_values() -> None:
    found = means([1.0, 4.0, 16.0])
    assert (found.arithmetic, found.known) == (7.0, 3)
    assert found.geometric == pytest.approx(4.0, rel=1e-15)
    assert means([None, None]) == means([None]) or means([None]).arithmetic is None
    assert means([0.0, 1.0]).geometric is None


def test_the_same_rows_come_back_from_csv() -> None:
    rows = [*comparison(workloads=("bert",)), row(value=None), row(quantity="bound", value="dram", unit="")]
    again = rows_from_csv(to_csv(rows))
    assert Grid.of(again).index == Grid.of(rows).index


def test_values_that_are_no_numbers() -> None:
    grid = Grid.of([row(value=math.inf), row(design="b", value=True), row(design="c", value="1.5")])
    values = [grid.value("attention", d, "w", 1024, "latency") for d in "abc"]
    assert values == [None, None, 1.5]


def test_bad_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="lacks part"):
        Grid.of([{"design": "a"}])
    with pytest.raises(UsageError, match="column 'seq_len' is missing"):
        rows_from_csv("part,design,workload\n")
    with pytest.raises(UsageError, match="seq_len is a whole number, found 'x'"):
        rows_from_csv(to_csv([row(seq_len="x")]))
