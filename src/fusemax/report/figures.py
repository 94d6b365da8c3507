"""The paper's Figures 6 to 12 from comparison rows.

6a, 6b   utilization of the 1D and of the 2D array          grouped by length, one panel per workload
7        share of time the 2D array spends per Einsum       one panel per length, one workload
8, 9     attention: speed-up, energy over the first design  as 6
10, 11   the same with linear layers                        as 6
12       area against attention latency at one length       a line per workload, from an area sweep
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusemax.base.units import format_length
from fusemax.report.grid import Grid, Row, ordered
from fusemax.report.style import (
    altair,
    design_scale,
    finish,
    inline,
    length_labels,
    log_axis,
    ordered_scale,
    series_scale,
    shape_scale,
)

__all__ = ["figures"]

PANEL_WIDTH, PANEL_HEIGHT = 300, 150


@dataclass(frozen=True)
class _Bars:
    """What a grouped bar chart shows: a number per design and point, with the axis's title."""

    title: str
    axis: str
    value: Callable[[str, tuple[str, int]], float | None]
    largest: float | None = None


def figures(
    rows: Iterable[Row],
    *,
    area_sweep: Sequence[Row] = (),
    accounting: str = "",
    share_workload: str | None = None,
    interactive: bool = False,
) -> dict[str, Any]:
    """The figures that the rows have data for: name (`fig6a`, ..., `fig12`) -> altair chart.

    `area_sweep` rows have `workload, edge, area_um2, latency_s`. `share_workload` is the workload of Figure 7, by
    default the first. With `interactive`, a click in a legend shows one design alone. Raises MissingExtra without
    altair.
    """
    grid = Grid.of(rows)
    note = f"{accounting} accounting" if accounting else ""
    charts: dict[str, Any] = {}
    for name, part, bars in _bar_figures(grid):
        data = _bar_rows(grid, part, bars)
        if data:
            notes = "; ".join(filter(None, (note, _missing(grid, part, bars) if bars.largest is None else "")))
            charts[name] = finish(_bar_chart(grid, data, bars, interactive=interactive), bars.title, notes)
    workload = share_workload if share_workload is not None else next(iter(grid.workloads), "")
    shares = _share_rows(grid, workload)
    if shares:
        title = f"Time of the 2D array by Einsum, {workload}"
        charts["fig7"] = finish(_share_chart(grid, shares, interactive=interactive), title, note)
    if area_sweep:
        charts["fig12"] = finish(
            _area_chart(area_sweep, interactive=interactive), "Area against attention latency", note
        )
    order = ["fig6a", "fig6b", "fig7", "fig8", "fig9", "fig10", "fig11", "fig12"]
    return {name: charts[name] for name in order if name in charts}


def _bar_figures(grid: Grid) -> list[tuple[str, str, _Bars]]:
    if not grid.designs:
        return []
    base = grid.designs[0]

    def used(quantity: str) -> Callable[[str, tuple[str, int]], float | None]:
        return lambda design, point: grid.value("attention", design, *point, quantity)

    def faster(part: str) -> Callable[[str, tuple[str, int]], float | None]:
        return lambda design, point: grid.speedup(part, design, base, point)

    def energy(part: str) -> Callable[[str, tuple[str, int]], float | None]:
        return lambda design, point: grid.energy_ratio(part, design, base, point)

    whole = "attention and linear layers"
    speed_axis, energy_axis = f"speed-up over {base}", f"energy / {base}'s"
    return [
        ("fig6a", "attention", _Bars("Utilization of the 1D array", "utilization", used("utilization_1d"), 1.0)),
        ("fig6b", "attention", _Bars("Utilization of the 2D array", "utilization", used("utilization_2d"), 1.0)),
        ("fig8", "attention", _Bars("Speed-up, attention", speed_axis, faster("attention"))),
        ("fig9", "attention", _Bars("Energy, attention", energy_axis, energy("attention"))),
        ("fig10", "end-to-end", _Bars(f"Speed-up, {whole}", speed_axis, faster("end-to-end"))),
        ("fig11", "end-to-end", _Bars(f"Energy, {whole}", energy_axis, energy("end-to-end"))),
    ]


def _bar_rows(grid: Grid, part: str, bars: _Bars) -> list[dict[str, object]]:
    found = ((design, point, bars.value(design, point)) for point in grid.points(part) for design in grid.designs)
    return [
        {"design": design, "workload": point[0], "length": format_length(point[1]), "value": value}
        for design, point, value in found
        if value is not None
    ]


def _missing(grid: Grid, part: str, bars: _Bars) -> str:
    """Where there are no bars because the first design, which the others are compared with, has no figure."""
    base = grid.designs[0]
    points = [point for point in grid.points(part) if bars.value(base, point) is None]
    lengths = [n for n in grid.seq_lens if any(point[1] == n for point in points)]
    return f"{base} does not fit or is unknown at {', '.join(length_labels(lengths))}" if lengths else ""


def _bar_chart(grid: Grid, data: list[dict[str, object]], bars: _Bars, *, interactive: bool) -> Any:
    alt = altair()
    top = alt.Scale(domain=[0, bars.largest]) if bars.largest is not None else alt.Scale(zero=True)
    workloads = [w for w in grid.workloads if any(row["workload"] == w for row in data)]
    chart = (
        alt.Chart(inline(data))
        .mark_bar()
        .encode(
            x=alt.X("length:N", sort=length_labels(grid.seq_lens), title=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("design:N", sort=list(grid.designs)),
            y=alt.Y("value:Q", title=bars.axis, scale=top, axis=alt.Axis(tickCount=5)),
            color=alt.Color("design:N", scale=design_scale(grid.designs), title=None, legend=_legend(grid.designs)),
            tooltip=[
                alt.Tooltip("design:N"),
                alt.Tooltip("workload:N"),
                alt.Tooltip("length:N"),
                alt.Tooltip("value:Q", title=bars.axis, format=".4~g"),
            ],
        )
        .properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)
    )
    chart = _clickable(_chosen(chart, grid.designs, interactive=interactive), "design", interactive=interactive)
    header = alt.Header(title=None)
    return chart.facet(facet=alt.Facet("workload:N", sort=workloads, header=header), columns=min(2, len(workloads)))


def _legend(names: Sequence[str]) -> Any:
    """A legend in as many columns as fit below two panels."""
    widest = max(map(len, names), default=1)
    return altair().Legend(columns=max(1, min(len(names), 2 * PANEL_WIDTH // (40 + 8 * widest))))


def _clickable(chart: Any, field: str, *, interactive: bool) -> Any:
    """With `interactive`, a click on a legend entry fades the others; shift adds entries."""
    if not interactive:
        return chart
    alt = altair()
    chosen = alt.selection_point(fields=[field], bind="legend")
    return chart.add_params(chosen).encode(opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)))


def _chosen(chart: Any, designs: Sequence[str], *, interactive: bool) -> Any:
    """With `interactive`, the signal `shown` lists the designs to draw: a page's own filter sets it in every chart."""
    if not interactive:
        return chart
    shown = altair().param(name="shown", value=list(designs))
    return chart.add_params(shown).transform_filter("indexof(shown, datum.design) >= 0")


def _share_rows(grid: Grid, workload: str) -> list[dict[str, object]]:
    prefix = "share_2d."
    rows: list[dict[str, object]] = []
    for n in grid.seq_lens:
        for design in grid.designs:
            for i, einsum in enumerate(_einsums(grid)):
                value = grid.value("attention", design, workload, n, prefix + einsum)
                if value is not None:
                    row = {"design": design, "length": format_length(n), "Einsum": einsum}
                    rows.append({**row, "place": i, "value": value})
    return rows


def _einsums(grid: Grid) -> list[str]:
    """The Einsums of all designs in one order: that of the design with most, others before what follows them."""
    lists: dict[str, list[str]] = {}
    for row in grid.rows:
        if str(row["quantity"]).startswith("share_2d."):
            names = lists.setdefault(str(row["design"]), [])
            name = str(row["quantity"]).removeprefix("share_2d.")
            if name not in names:
                names.append(name)
    found: list[str] = []
    for names in sorted(lists.values(), key=len, reverse=True):
        for i, name in enumerate(names):
            if name not in found:
                after = next((found.index(other) for other in names[i + 1 :] if other in found), len(found))
                found.insert(after, name)
    return found


def _share_chart(grid: Grid, data: list[dict[str, object]], *, interactive: bool) -> Any:
    alt = altair()
    designs = [d for d in grid.designs if any(row["design"] == d for row in data)]
    einsums = _einsums(grid)
    lengths = [n for n in length_labels(grid.seq_lens) if any(row["length"] == n for row in data)]
    chart = (
        alt.Chart(inline(data))
        .mark_bar(stroke="#666", strokeWidth=0.6)
        .encode(
            x=alt.X("design:N", sort=designs, title=None, axis=alt.Axis(labelAngle=-35, labelLimit=170)),
            y=alt.Y("value:Q", title="share of time", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5)),
            color=alt.Color("Einsum:N", scale=ordered_scale(einsums), sort=einsums, title="Einsum"),
            order=alt.Order("place:Q"),
            tooltip=["design:N", "length:N", "Einsum:N", alt.Tooltip("value:Q", title="share of time", format=".4~g")],
        )
        .properties(width=190, height=PANEL_HEIGHT)
    )
    chart = _clickable(_chosen(chart, designs, interactive=interactive), "Einsum", interactive=interactive)
    header = alt.Header(title=None)
    return chart.facet(facet=alt.Facet("length:N", sort=lengths, header=header), columns=min(3, len(lengths)))


def _area_chart(rows: Sequence[Row], *, interactive: bool) -> Any:
    alt = altair()
    workloads = ordered(rows, "workload")
    data = [_area_row(row) for row in rows]
    encoded = (
        alt.Chart(inline(data))
        .mark_line(point=alt.OverlayMarkDef(size=70, filled=True), strokeWidth=2)
        .encode(
            x=alt.X("area:Q", title="area (cm²)", **log_axis([row["area"] for row in data], "~r")),
            y=alt.Y("latency:Q", title="attention latency (s)", **log_axis([row["latency"] for row in data], ",~r")),
            color=alt.Color("workload:N", scale=series_scale(workloads), sort=workloads, title="workload"),
            shape=alt.Shape("workload:N", scale=shape_scale(workloads), sort=workloads, title="workload"),
            tooltip=[
                alt.Tooltip("workload:N"),
                alt.Tooltip("edge:Q", title="array edge"),
                alt.Tooltip("area:Q", title="area (cm²)", format=".4~g"),
                alt.Tooltip("latency:Q", title="latency (s)", format=".4~g"),
            ],
        )
        .properties(width=2 * PANEL_WIDTH, height=300)
    )
    return _clickable(encoded, "workload", interactive=interactive)


def _area_row(row: Mapping[str, object]) -> dict[str, Any]:
    """A sweep row as the chart wants it; 1 um^2 is 1e-8 cm^2."""
    area, latency = (float(str(row[name])) for name in ("area_um2", "latency_s"))
    return {"workload": row["workload"], "edge": row.get("edge"), "area": area * 1e-8, "latency": latency}
