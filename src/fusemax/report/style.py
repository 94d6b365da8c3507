"""What every chart shares: the library imported late, its configuration, scales and number formats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fusemax.base.errors import MissingExtra
from fusemax.base.units import format_length
from fusemax.report.palette import SHAPES, colours, ramp, series

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "FONT",
    "altair",
    "design_scale",
    "finish",
    "inline",
    "length_labels",
    "log_axis",
    "ordered_scale",
    "series_scale",
    "shape_scale",
]

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def altair() -> ModuleType:
    """The altair library; MissingExtra names the command that installs it."""
    try:
        import altair as library
    except ImportError as error:
        raise MissingExtra("altair", "charts") from error
    return library


def inline(rows: Sequence[object]) -> Any:
    """Rows carried inside the chart: a chart is one file, and works without a server."""
    return altair().InlineData(values=list(rows))


def design_scale(designs: Sequence[str]) -> Any:
    """The colour scale of designs."""
    return altair().Scale(domain=list(designs), range=list(colours(designs).values()))


def ordered_scale(names: Sequence[str]) -> Any:
    """The colour scale of things in an order: the Einsums of a cascade."""
    return altair().Scale(domain=list(names), range=ramp(len(names)))


def series_scale(names: Sequence[str]) -> Any:
    """The colour scale of lines that are no designs: workloads, cascades."""
    return altair().Scale(domain=list(names), range=list(series(names).values()))


def shape_scale(names: Sequence[str]) -> Any:
    """Point shapes by order: a second cue beside colour."""
    return altair().Scale(domain=list(names), range=[SHAPES[i % len(SHAPES)] for i in range(len(names))])


def length_labels(seq_lens: Sequence[int]) -> list[str]:
    """Lengths as people write them, in their order: the domain of a length axis."""
    return [format_length(n) for n in seq_lens]


def log_axis(values: Iterable[float], labels: str = "~s", steps: Sequence[float] = (1, 2, 5)) -> dict[str, Any]:
    """`scale` and `axis` of a logarithmic axis that hugs the positive values, with round ticks few enough to read.

    `labels` is a d3 number format. Over more than two decades the ticks are powers of ten; where the values are close
    together they are evenly apart.
    """
    positive = [value for value in values if value > 0 and math.isfinite(value)] or [1.0]
    ratio = max(positive) / min(positive)
    room = 1.25 if ratio > 3 or ratio == 1 else ratio**0.15
    low, high = min(positive) / room, max(positive) * room
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    chosen = (1.0,) if math.log10(high / low) > 2.5 else tuple(steps)
    ticks = [float(f"{step:g}e{n}") for n in decades for step in chosen if low <= float(f"{step:g}e{n}") <= high]
    if len(ticks) < 3:
        ticks = _even(low, high)
    scale = altair().Scale(type="log", domain=[low, high], nice=False)
    return {"scale": scale, "axis": altair().Axis(values=ticks, format=labels)}


def _even(low: float, high: float) -> list[float]:
    """Three to seven round numbers evenly apart."""
    power = math.floor(math.log10(high - low))
    step = next(s * 10.0**n for n in (power - 1, power) for s in (1, 2, 5) if (high - low) / (s * 10.0**n) < 6)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def finish(chart: Any, title: str = "", subtitle: str = "") -> Any:
    """The chart with the shared configuration and, if given, a title."""
    if title:
        given = {"text": title, "subtitle": subtitle} if subtitle else {"text": title}
        chart = chart.properties(title=altair().TitleParams(**given))
    return chart.configure(
        font=FONT,
        background="white",
        axis=altair().AxisConfig(labelFontSize=12, titleFontSize=13, titleFontWeight="normal", gridColor="#8884"),
        header=altair().HeaderConfig(labelFontSize=13, labelFontWeight="bold", titleFontSize=13),
        legend=altair().LegendConfig(
            labelFontSize=13,
            titleFontSize=13,
            labelLimit=220,
            symbolStrokeWidth=2,
            orient="bottom",
            direction="horizontal",
        ),
        title=altair().TitleConfig(
            fontSize=15, subtitleFontSize=12, subtitleFontWeight="normal", anchor="start", offset=12
        ),
        view=altair().ViewConfig(stroke="#8886"),
    )
