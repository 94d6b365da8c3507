"""The published comparison, whole."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.workload import Workload
from fusemax.model.accounting import check, effects
from fusemax.model.compare import PARTS, Comparison, compare, default_plan, headline_ratios
from fusemax.model.profile import PUBLISHED


@cache
def published() -> Comparison:
    return compare(accounting="published")


def test_every_published_figure_is_ours() -> None:
    found = check()
    assert found.compared == 648
    assert not found.differing


def test_headline_ratios_are_those_of_the_abstract() -> None:
    four = headline_ratios(published(), "fusemax", "flat")
    assert {name: round(value or 0, 4) for name, value in four.items()} == {
        "attention speedup": 6.7226,
        "attention energy": 0.7875,
        "end-to-end speedup": 5.3017,
        "end-to-end energy": 0.8335,
    }


@pytest.mark.parametrize(
    ("design", "speedup", "energy"),
    [
        ("flat", 1.507, 0.975),
        ("fusemax-cascade", 1.358, 0.885),
        ("fusemax-architecture", 3.270, 0.767),
        ("fusemax", 10.052, 0.767),
    ],
)
def test_means_over_unfused(design: str, speedup: float, energy: float) -> None:
    found = {
        r["ratio"]: r["mean"]
        for r in published().means
        if (r["part"], r["design"], r["over"]) == ("attention", design, "unfused")
    }
    assert found["speedup"] == pytest.approx(speedup, abs=5e-4)
    assert found["energy"] == pytest.approx(energy, abs=5e-4)


@pytest.mark.parametrize(
    ("switches", "energy"),
    [
        (["exact-counts"], 0.7945),
        (["exact-counts", "all-registers"], 0.8783),
        (["exact-counts", "all-registers", "register-size"], 0.8423),
    ],
)
def test_effects_on_energy_that_the_literature_states(switches: list[str], energy: float) -> None:
    found = compare(["flat", "fusemax"], parts=["attention"], accounting=PUBLISHED.but(on=switches))
    assert found.ratios("attention", "fusemax", "flat", "energy").mean() == pytest.approx(energy, abs=5e-5)


def test_exponentials_charged_cost_the_cascade_on_flat_hardware_what_is_stated() -> None:
    rules = PUBLISHED.but(on=["exact-counts", "exp-energy"])
    found = compare(["flat", "fusemax-cascade"], parts=["attention"], accounting=rules)
    assert found.ratios("attention", "fusemax-cascade", "flat", "energy").mean() == pytest.approx(0.9260, abs=5e-5)


def test_flat_searched_for_what_is_reported_is_faster() -> None:
    found = compare(["flat", "fusemax"], ["bert"], ["256K"], accounting=PUBLISHED.but(on=["flat-objective"]))
    assert found.figures["attention", "flat"].latency[0] == pytest.approx(877.27, abs=5e-3)


def test_rows_are_tidy_and_end_to_end_is_the_sum() -> None:
    rows = published().rows()
    assert list(rows[0]) == ["part", "design", "workload", "seq_len", "quantity", "value", "unit"]
    assert all(isinstance(row["value"], float) for row in rows)
    latency: dict[tuple[object, ...], dict[object, float]] = {}
    for row in rows:
        if row["quantity"] == "latency":
            point = (row["design"], row["workload"], row["seq_len"])
            latency.setdefault(point, {})[row["part"]] = float(str(row["value"]))
    assert len(latency) == 5 * 24
    for parts in latency.values():
        assert parts["end-to-end"] == parts["attention"] + parts["linear"]


def test_layers_multiply_totals_and_nothing_else() -> None:
    bert = Workload(name="one", batch=64, model_width=768, heads=12, head_size=64, ffn_width=3072)
    deep = bert.model_copy(update={"name": "deep", "layers": 12})
    found = compare(["fusemax"], [bert, deep], ["4K"], accounting="published")
    for part in PARTS:
        figures = found.figures[part, "fusemax"]
        assert figures.energy[1] == pytest.approx(12 * figures.energy[0], rel=1e-15)
    busy = found.figures["attention", "fusemax"].utilization["utilization_2d"]
    assert busy[0] == busy[1]


def test_shipped_table_covers_the_plan() -> None:
    text = (files("fusemax") / "catalogue" / "tables" / "published-figures.csv").read_text(encoding="utf-8")
    designs = {row["design"] for row in csv.DictReader(text.splitlines())}
    assert designs == set(default_plan().designs)


def test_wrong_names_are_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'attention'"):
        compare(parts=["atention"])
    with pytest.raises(UsageError, match="given twice"):
        compare(["fusemax", "fusemax"])


def test_a_length_that_does_not_divide_is_refused_by_published_accounting() -> None:
    with pytest.raises(UsageError, match=r"M = 1000 is not M1 = 4 x M0 = 256.*corrected has"):
        compare(["fusemax"], ["bert"], ["1000"], accounting="published")


@pytest.mark.proof
def test_the_page_on_accounting_shows_what_the_command_prints() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "accounting.md").read_text(encoding="utf-8")
    shown = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[1].replace(".", "").isdigit():
            for name in cells[0].replace("`", "").replace("*", "").split(", "):
                shown[name] = cells[1:]
    found = effects()
    for name, four in {**found.alone, "published": found.published, "corrected": found.corrected}.items():
        digits = (2, 3, 2, 3)
        expected = [f"{value:.{n}f}" for value, n in zip(four.values(), digits, strict=True) if value is not None]
        assert shown[name] == expected, name
