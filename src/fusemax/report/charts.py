"""Charts of plain rows: roofline, traffic against capacity, Pareto scatter, stacked parts.

Each function takes rows (dictionaries) and returns an altair chart; `fusemax.report.export.picture` makes it a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fusemax.base.errors import UsageError
from fusemax.base.units import format_bytes, format_rate, format_si
from fusemax.report.grid import Row, ordered
from fusemax.report.palette import SHAPES, colours, ramp
from fusemax.report.style import (
    altair,
    design_scale,
    finish,
    inline,
    log_axis,
    series_scale,
    shape_scale,
)

__all__ = ["capacity_traffic", "pareto", "roofline", "stacked"]

WIDTH, HEIGHT = 560, 320
FRONT = "#ee6611"


def _numbers(rows: Sequence[Row], column: str) -> list[float]:
    """A column of numbers; raises UsageError for a row that has none there."""
    found = []
    for row in rows:
        value = row.get(column)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"column {column!r} needs a number in every row, found {value!r}")
        found.append(float(value))
    return found


def roofline(
    rows: Sequence[Row],
    *,
    peak: float,
    bandwidth: float,
    title: str = "Roofline",
    designs: Sequence[str] = (),
    unit: str = "operation",
) -> Any:
    """A dot per row under the roof of a machine with `peak` operations/s and `bandwidth` bytes/s.

    Rows have `label`, `intensity` (operations per byte of traffic), `performance` (operations/s), and `group`: dots of
    one group have one colour and shape. Where groups are designs, `designs` gives all of them in their order, so that
    they have the colours they have elsewhere. `unit` names what is counted. Axes are logarithmic.
    """
    alt = altair()
    x, y = _numbers(rows, "intensity"), _numbers(rows, "performance")
    ridge = peak / bandwidth
    low, high = min([ridge / 8, *x]) / 1.5, max([ridge * 8, *x]) * 1.5
    corners = [(low / 2, low / 2 * bandwidth), (ridge, peak), (high * 2, peak)]  # past the frame, which cuts it off
    roof = [{"intensity": i, "performance": p, "place": n} for n, (i, p) in enumerate(corners)]
    groups = ordered(rows, "group")
    x_axis = alt.X("intensity:Q", title=f"{unit}s per byte", **log_axis([low, high], "~r"))
    y_axis = alt.Y("performance:Q", title=f"{unit}s per second", **log_axis([low * bandwidth, peak, *y], "~s"))
    line = (
        alt.Chart(inline(roof))
        .mark_line(strokeWidth=2, color="#888", clip=True)
        .encode(x=x_axis, y=y_axis, order="place:Q")
    )
    colour = design_scale(designs) if designs else series_scale(groups)
    dots = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=90, opacity=0.95)
        .encode(
            x=x_axis,
            y=y_axis,
            color=alt.Color("group:N", scale=colour, sort=groups, title=None),
            shape=alt.Shape("group:N", scale=shape_scale(list(designs) or groups), sort=groups, title=None),
            tooltip=[
                alt.Tooltip("label:N"),
                alt.Tooltip("group:N"),
                alt.Tooltip("intensity:Q", title=f"{unit}s per byte", format=".4~g"),
                alt.Tooltip("performance:Q", title=f"{unit}s per second", format=".4~s"),
            ],
        )
    )
    names = (
        alt.Chart(inline(_named_once(rows, x, y)))
        .mark_text(align="left", dx=8, dy=8, fontSize=11)
        .encode(x=x_axis, y=y_axis, text="label:N")
    )
    chart = alt.layer(line, dots, names).properties(width=WIDTH, height=HEIGHT)
    return finish(chart, title, f"peak {format_si(peak, '')} {unit}s/s, {format_rate(bandwidth)}")


def _named_once(rows: Sequence[Row], x: Sequence[float], y: Sequence[float]) -> list[Row]:
    """The rows to label: of dots with one name at (nearly) one place, only the first."""
    found: dict[tuple[str, int, int], Row] = {}
    for row, across, up in zip(rows, x, y, strict=True):
        place = (round(20 * math.log10(across)), round(20 * math.log10(up))) if across > 0 and up > 0 else (0, 0)
        found.setdefault((str(row["label"]), *place), row)
    return list(found.values())


def capacity_traffic(
    rows: Sequence[Row],
    *,
    title: str = "Traffic against buffer capacity",
    marks: Sequence[Row] = (),
    dots: Sequence[Row] = (),
    designs: Sequence[str] = (),
) -> Any:
    """Least traffic by buffer capacity: a step line per cascade.

    Rows have `cascade`, `capacity` (bytes) and `traffic` (bytes). `marks` are machines: `label` and `capacity`,
    drawn as vertical rules. `dots` are what designs move: `design`, `capacity`, `traffic`, in the colours they have
    among `designs`.
    """
    alt = altair()
    cascades = ordered(rows, "cascade")
    capacities = [*_numbers(rows, "capacity"), *_numbers(marks, "capacity"), *_numbers(dots, "capacity")]
    x = _bytes_axis("X", "capacity", "buffer capacity", capacities)
    y = _bytes_axis("Y", "traffic", "traffic to memory", [*_numbers(rows, "traffic"), *_numbers(dots, "traffic")])
    line = (
        alt.Chart(inline(rows))
        .mark_line(interpolate="step-after", strokeWidth=2, point=alt.OverlayMarkDef(size=45, filled=True))
        .encode(
            x=x,
            y=y,
            color=alt.Color("cascade:N", scale=series_scale(cascades), sort=cascades, title=None, legend=_rows_of(3)),
            shape=alt.Shape("cascade:N", scale=shape_scale(cascades), sort=cascades, title=None, legend=_rows_of(3)),
            tooltip=["cascade:N", *_bytes_tooltips()],
        )
    )
    layers = [line]
    layers += _machines(marks, x, capacities)
    if dots:
        layers.append(_design_dots(dots, designs or ordered(dots, "design"), x, y))
    chart = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    if dots:
        chart = chart.resolve_scale(color="independent", shape="independent")
    return finish(chart, title)


def _machines(marks: Sequence[Row], x: Any, capacities: Sequence[float]) -> list[Any]:
    """A rule per machine; names below each other, to the left of a rule in the right half."""
    alt = altair()
    middle = math.sqrt(min(capacities) * max(capacities))
    layers = []
    for i, mark in enumerate(marks):
        data = inline([mark])
        layers.append(alt.Chart(data).mark_rule(strokeDash=[5, 4], color="#888").encode(x=x))
        right = float(str(mark["capacity"])) > middle
        text = alt.Chart(data).mark_text(
            align="right" if right else "left", baseline="top", dx=-4 if right else 4, dy=4 + 15 * i, fontSize=11
        )
        layers.append(text.encode(x=x, y=alt.value(0), text="label:N"))
    return layers


def _design_dots(dots: Sequence[Row], designs: Sequence[str], x: Any, y: Any) -> Any:
    """A filled point per design; those without one are not in the legend."""
    alt = altair()
    there = [name for name in designs if any(dot["design"] == name for dot in dots)]
    fill = colours(designs)
    shape = {name: SHAPES[i % len(SHAPES)] for i, name in enumerate(designs)}
    return (
        alt.Chart(inline(dots))
        .mark_point(filled=True, size=130, opacity=1, stroke="#fff", strokeWidth=0.7)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "design:N",
                scale=alt.Scale(domain=there, range=[fill[n] for n in there]),
                sort=there,
                title=None,
                legend=_rows_of(3),
            ),
            shape=alt.Shape(
                "design:N", scale=alt.Scale(domain=there, range=[shape[n] for n in there]),
                sort=there, title=None,
            ),
            tooltip=["design:N", *_bytes_tooltips()],
        )
    )  # fmt: skip


def _rows_of(columns: int) -> Any:
    return altair().Legend(columns=columns)


def _bytes_tooltips() -> list[Any]:
    alt = altair()
    return [alt.Tooltip(f"{name}:Q", title=f"{name} (B)", format=",.0f") for name in ("capacity", "traffic")]


def _bytes_axis(channel: str, field: str, title: str, values: Sequence[float]) -> Any:
    """A logarithmic axis in powers of two, labelled in KiB, MiB, GiB."""
    alt = altair()
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive) / 1.3, max(positive) * 1.3
    ticks = [2.0**n for n in range(90) if low <= 2.0**n <= high]
    step = -(-len(ticks) // 8) or 1
    kept = ticks[::step]
    names = {tick: format_bytes(tick) for tick in kept}
    label = "".join(f"datum.value == {tick:.0f} ? '{name}' : " for tick, name in names.items()) + "''"
    scale = alt.Scale(type="log", base=2, domain=[low, high], nice=False)
    kind = alt.X if channel == "X" else alt.Y
    return kind(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(values=kept, labelExpr=label))


def pareto(
    rows: Sequence[Row],
    *,
    x: tuple[str, str],
    y: tuple[str, str],
    title: str = "Design points",
    detail: Sequence[str] = (),
    group: str = "",
    interactive: bool = False,
) -> Any:
    """A scatter of design points with the front joined: `x` and `y` are (column, axis title), less of each is better.

    Give values in units without prefix (J, not pJ): ticks have SI prefixes. The front is computed here. `detail`
    names further columns for the tooltip. `group` names a column that gives points their colours; else the front has
    one and the rest another. With `interactive`, a click chooses a point (selection `chosen`), for a page that shows
    more about it.
    """
    alt = altair()
    across, up = _numbers(rows, x[0]), _numbers(rows, y[0])
    best = _front(across, up)
    kinds = ["on the front", "beaten"]
    data = [{**row, "point": kinds[0] if i in best else kinds[1]} for i, row in enumerate(rows)]
    x_axis = alt.X(f"{x[0]}:Q", title=x[1], **log_axis(across))
    y_axis = alt.Y(f"{y[0]}:Q", title=y[1], **log_axis(up))
    tooltip = [alt.Tooltip(f"{name}:Q", title=what, format=".4~s") for name, what in (x, y)]
    tooltip += [alt.Tooltip(f"{name}:N") for name in detail]
    front = sorted((data[i] for i in best), key=lambda row: float(str(row[x[0]])))
    places = [{name: row[name] for name in (x[0], y[0])} for row in front]
    line = alt.Chart(inline(places)).mark_line(
        interpolate="step-after", strokeWidth=1.5, color="#888" if group else FRONT
    )
    fill = alt.Color("point:N", scale=alt.Scale(domain=kinds, range=[FRONT, "#777777"]), title=None)
    if group:
        names = ordered(rows, group)
        fill = alt.Color(f"{group}:N", scale=series_scale(names), sort=names, title=None, legend=_rows_of(3))
    dots = (
        alt.Chart(inline([*(d for d in data if d["point"] == kinds[1]), *front]))  # the front over the rest
        .mark_point(filled=True, size=70)
        .encode(
            x=x_axis,
            y=y_axis,
            color=fill,
            shape=alt.Shape("point:N", scale=alt.Scale(domain=kinds, range=["diamond", "circle"]), title=None),
            opacity=alt.Opacity("point:N", scale=alt.Scale(domain=kinds, range=[1.0, 0.55]), legend=None),
            tooltip=tooltip,
        )
    )
    if interactive:
        chosen = alt.selection_point(name="chosen", nearest=True, on="click", toggle=False)
        dots = dots.add_params(chosen).encode(size=alt.condition(chosen, alt.value(90), alt.value(45)))
    chart = alt.layer(line.encode(x=x_axis, y=y_axis), dots).properties(width=WIDTH, height=HEIGHT)
    return finish(chart, title, f"{len(best)} of {len(data)} points on the front")


def _front(across: Sequence[float], up: Sequence[float]) -> set[int]:
    """Places of the points that no other point beats in both coordinates; of equal points the first."""
    order = sorted(range(len(across)), key=lambda i: (across[i], up[i], i))
    best: set[int] = set()
    least = float("inf")
    for i in order:
        if up[i] < least:
            best.add(i)
            least = up[i]
    return best


def stacked(
    rows: Sequence[Row],
    *,
    by: str,
    part: str,
    value: str,
    unit: str,
    title: str,
    colours: Mapping[str, str] | None = None,
) -> Any:
    """Horizontal bars, one per `by`, stacked from the rows' `part`s (Einsums, components), `value` in `unit`.

    Give values in units without prefix (J, not pJ): ticks have SI prefixes.
    `colours` gives parts the colours they have elsewhere, and their order; without, they have a ramp by appearance.
    """
    alt = altair()
    _numbers(rows, value)
    bars, parts = ordered(rows, by), ordered(rows, part)
    if colours is not None:
        parts = [name for name in colours if name in parts] + [name for name in parts if name not in colours]
    places = {name: i for i, name in enumerate(parts)}
    data = [{**row, "place": places[str(row[part])]} for row in rows]
    fill = dict(zip(parts, ramp(len(parts)), strict=True)) | dict(colours or {})
    scale = alt.Scale(domain=parts, range=[fill[name] for name in parts])
    tick = "datum.value == 0 ? '0' : format(datum.value, '~s')"
    chart = (
        alt.Chart(inline(data))
        .mark_bar(stroke="#666", strokeWidth=0.6)
        .encode(
            x=alt.X(f"sum({value}):Q", title=_titled(value, unit), axis=alt.Axis(labelExpr=tick, tickCount=6)),
            y=alt.Y(f"{by}:N", sort=bars, title=None, axis=alt.Axis(labelLimit=200)),
            color=alt.Color(f"{part}:N", scale=scale, sort=parts, title=part, legend=alt.Legend(columns=8)),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip(f"{by}:N"),
                alt.Tooltip(f"{part}:N"),
                alt.Tooltip(f"sum({value}):Q", title=_titled(value, unit), format=".4~s"),
            ],
        )
        .properties(width=WIDTH, height=30 * len(bars) + 10)
    )
    return finish(chart, title)


def _titled(name: str, unit: str) -> str:
    return f"{name.replace('_', ' ')} ({unit})" if unit else name.replace("_", " ")
