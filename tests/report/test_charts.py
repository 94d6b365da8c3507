"""Charts of plain rows: what they plot, and that bad rows are refused."""

from __future__ import annotations

from typing import Any

import pytest

from fusemax.base.errors import UsageError
from fusemax.report.charts import capacity_traffic, pareto, roofline, stacked
from fusemax.report.export import picture
from fusemax.report.palette import DESIGN_COLOURS
from fusemax.report.style import log_axis

DOTS: list[dict[str, object]] = [
    {"label": "QK", "group": "fusemax", "intensity": 300, "performance": 5e13},
    {"label": "softmax", "group": "unfused", "intensity": 1.0, "performance": 2e11},
]
CURVE: list[dict[str, object]] = [{"cascade": "c1", "capacity": 2**k, "traffic": 2 ** (40 - k)} for k in range(10, 20)]


def rows_of(spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return list(spec["datasets"].values())


def test_roofline_has_its_corner_at_the_ridge() -> None:
    spec = roofline(DOTS, peak=6e13, bandwidth=4e11, designs=("unfused", "flat", "fusemax")).to_dict()
    roof = next(rows for rows in rows_of(spec) if "place" in rows[0])
    assert (roof[1]["intensity"], roof[1]["performance"]) == (150.0, 6e13)
    assert all(point["performance"] <= min(6e13, point["intensity"] * 4e11 * (1 + 1e-12)) for point in roof)
    assert spec["title"]["subtitle"] == "peak 60 T operations/s, 372.5 GiB/s"
    assert spec["layer"][1]["encoding"]["color"]["scale"]["range"] == list(DESIGN_COLOURS[:3])


def test_capacity_axis_is_in_binary_units() -> None:
    spec = capacity_traffic(CURVE, marks=[{"label": "here", "capacity": 4096}]).to_dict()
    axis = spec["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"][0] == 1024
    assert "datum.value == 1024 ? '1 KiB'" in axis["labelExpr"]


def test_pareto_front() -> None:
    points: list[dict[str, object]] = [{"t": t, "e": e} for t, e in [(1, 9), (2, 5), (3, 5), (3, 2), (4, 8), (1, 9)]]
    spec = pareto(points, x=("t", "time (s)"), y=("e", "energy (J)"), interactive=True).to_dict()
    data = next(rows for rows in rows_of(spec) if len(rows) == 6)
    front = [(row["t"], row["e"]) for row in data if row["point"] == "on the front"]
    assert front == [(1, 9), (2, 5), (3, 2)]
    assert [row["point"] for row in data[:3]] == ["beaten"] * 3, "the front is drawn over the rest"
    assert spec["title"]["subtitle"] == "3 of 6 points on the front"


def test_pareto_points_have_the_colours_of_their_group() -> None:
    points: list[dict[str, object]] = [{"t": i, "e": 9 - i, "who": "ab"[i % 2]} for i in range(1, 5)]
    spec = pareto(points, x=("t", "t"), y=("e", "e"), group="who").to_dict()
    colour = next(layer["encoding"]["color"] for layer in spec["layer"] if "color" in layer["encoding"])
    assert (colour["field"], colour["scale"]["domain"]) == ("who", ["b", "a"])


def test_axes_of_close_values_have_several_round_ticks() -> None:
    axis = log_axis([2.137, 2.338])["axis"].to_dict()
    assert axis["values"] == [2.15, 2.2, 2.25, 2.3, 2.35]
    assert len(log_axis([5.0, 5.0])["axis"].to_dict()["values"]) >= 2


def test_stacked_keeps_the_order_of_parts() -> None:
    rows: list[dict[str, object]] = [
        {"design": d, "Einsum": e, "energy": 1.0} for d in ("b", "a") for e in ("QK", "LM", "AV")
    ]
    spec = stacked(rows, by="design", part="Einsum", value="energy", unit="J", title="Energy").to_dict()
    assert spec["encoding"]["color"]["sort"] == ["QK", "LM", "AV"]
    assert spec["encoding"]["y"]["sort"] == ["b", "a"]
    assert spec["encoding"]["x"]["title"] == "energy (J)"


@pytest.mark.parametrize("value", [None, "x", True])
def test_rows_without_numbers_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="column 'intensity' needs a number"):
        roofline([{**DOTS[0], "intensity": value}], peak=1.0, bandwidth=1.0)


def test_charts_draw() -> None:
    """vl-convert compiles every chart: what altair accepts but Vega-Lite does not would show here."""
    charts = [
        roofline(DOTS, peak=6e13, bandwidth=4e11),
        capacity_traffic(CURVE),
        pareto(DOTS, x=("intensity", "x"), y=("performance", "y"), interactive=True),
        stacked(DOTS, by="group", part="label", value="intensity", unit="op/B", title="t"),
    ]
    for chart in charts:
        assert picture(chart, "svg").startswith(b"<svg")
