"""What runs where and when, drawn: a Gantt chart as text or as SVG, and as a trace for Perfetto.

Input is plain: spans `(unit, label, start, end)`, in one unit of time. Units stand in order of their first span; spans
of one unit that overlap (Einsums that alternate on an array) share its row in lanes. Labels have a colour each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from fusemax.base.errors import UsageError
from fusemax.base.units import format_si
from fusemax.report.palette import ramp

__all__ = ["Span", "gantt_svg", "gantt_text", "perfetto_trace"]

LANE, GAP, CHARACTER = 26, 8, 7.2  # pixels: height of a lane, space between units, width of a character
AXIS, MARGIN, MOST, LEAST = 34, 10, 2000, 1e-9  # MOST: spans a picture can still show
CODES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Span(NamedTuple):
    """A label on a unit from `start` until `end`."""

    unit: str
    label: str
    start: float
    end: float


class _Lane(NamedTuple):
    unit: str
    first: bool
    spans: list[Span]


def _lanes(spans: Iterable[tuple[str, str, float, float]]) -> list[_Lane]:
    """Units in order of appearance, each in as few lanes as its overlaps need; raises UsageError for a bad span."""
    units: dict[str, list[Span]] = {}
    for given in spans:
        span = Span(*given)
        if not (0 <= span.start <= span.end < float("inf")):
            raise UsageError(f"a span ends before it starts, or is not finite: {tuple(span)!r}")
        units.setdefault(span.unit, []).append(span)
    if sum(map(len, units.values())) > MOST:
        raise UsageError(f"more than {MOST} spans: draw a part of them, or export a trace")
    lanes: list[_Lane] = []
    for unit, found in units.items():
        rows: list[list[Span]] = []
        for span in sorted(found, key=lambda s: (s.start, s.end)):
            row = next((r for r in rows if r[-1].end <= span.start), None)
            if row is None:
                rows.append([span])
            else:
                row.append(span)
        lanes += [_Lane(unit, i == 0, row) for i, row in enumerate(rows)]
    return lanes


def gantt_text(spans: Iterable[tuple[str, str, float, float]], width: int = 100, time_unit: str = "cycles") -> str:
    """A Gantt chart of at most `width` columns, and below it every span with its times.

    A span too short for its label shows a letter; the list below says which span the letter means.
    """
    lanes = _lanes(spans)
    if not lanes:
        return ""
    left = min(24, max(len(lane.unit) for lane in lanes)) + 1
    last = max(LEAST, *(span.end for lane in lanes for span in lane.spans))
    columns = max(10, width - left - 1)
    codes: dict[Span, str] = {}
    lines = []
    for lane in lanes:
        cells = [" "] * columns
        for span in lane.spans:
            _draw(cells, span, last, codes)
        lines.append(f"{lane.unit[: left - 1] if lane.first else '':<{left}}{''.join(cells)}".rstrip())
    lines.append(" " * left + _ruler(last, columns))
    names = [lane.unit for lane in lanes]
    table = [
        (codes.get(span, ""), span.unit, span.label, f"{span.start:g}", f"{span.end:g}", f"{span.end - span.start:g}")
        for lane in sorted(lanes, key=lambda lane: names.index(lane.unit))
        for span in lane.spans
    ]
    heads = ("", "unit", "what", "from", "until", time_unit)
    widths = [max(len(row[i]) for row in [heads, *table]) for i in range(6)]
    for row in [heads, *table]:
        texts = [text.ljust(w) if i < 3 else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(texts).rstrip()[:width])
    return "\n".join([*lines[: len(lanes) + 1], "", *lines[len(lanes) + 1 :]])


def _draw(cells: list[str], span: Span, last: float, codes: dict[Span, str]) -> None:
    first = min(len(cells) - 1, int(span.start / last * len(cells)))
    size = max(1, min(len(cells), round(span.end / last * len(cells))) - first)
    if size >= len(span.label) + 2:
        text = "[" + span.label.center(size - 2, "-") + "]"
    else:
        codes[span] = CODES[len(codes) % len(CODES)]
        text = codes[span] if size == 1 else "[" + codes[span].center(size - 2, "-")[: size - 2] + "]"
        text = text if codes[span] in text else codes[span] + "]"  # two columns: no room for both brackets
    cells[first : first + size] = list(text)


def _ruler(last: float, columns: int) -> str:
    text = f"{last:g}"
    return "0" + " " * max(1, columns - len(text) - 1) + text


def gantt_svg(
    spans: Iterable[tuple[str, str, float, float]],
    *,
    width: int = 760,
    time_unit: str = "cycles",
    title: str = "",
    colours: Mapping[str, str] | None = None,
    background: str = "",
) -> str:
    """A Gantt chart as an SVG that takes text and line colours from around it (`currentColor`), black on its own.

    Every span has its times as a tooltip, a label where it fits, and a place in the legend below. `colours` gives
    labels the colours they have elsewhere. Raises UsageError for a span that ends before it starts.
    """
    lanes = _lanes(spans)
    every = [span for lane in lanes for span in lane.spans]
    last = max([LEAST, *(span.end for span in every)])
    left = 16 + CHARACTER * min(24, max((len(lane.unit) for lane in lanes), default=0))
    scale = (width - left - MARGIN) / last
    labels = list(dict.fromkeys(span.label for span in sorted(every, key=lambda s: s.start)))
    fill = dict(zip(labels, ramp(len(labels)), strict=True)) | dict(colours or {})
    parts, y = [], float(MARGIN)
    for lane in lanes:
        y += GAP if lane.first else 0
        if lane.first:
            parts.append(_text(left - 8, y + LANE * 0.65, lane.unit[:24], anchor="end"))
        parts += [
            _bar(span, left + span.start * scale, y, span.end * scale - span.start * scale, fill) for span in lane.spans
        ]
        y += LANE
    parts.append(_axis(left, y + 4, last, scale, time_unit))
    y += AXIS + 12
    legend, y = _legend(labels, every, fill, width, y)
    height = round(y + MARGIN)
    name = _clean(title or "Gantt chart")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    style = 'font-family="Helvetica, Arial, \'Liberation Sans\', sans-serif" font-size="13" fill="currentColor"'
    ground = [f'<rect width="{width}" height="{height}" fill="{background}"/>'] if background else []
    return f'{head} role="img" aria-label="{name}" {style}>\n' + "\n".join([*ground, *parts, *legend]) + "\n</svg>\n"


def _bar(span: Span, x: float, y: float, size: float, fill: dict[str, str]) -> str:
    colour = fill[span.label]
    hover = _clean(f"{span.label} on {span.unit}: {span.start:g} to {span.end:g} ({span.end - span.start:g})")
    box = f'<rect x="{x:.2f}" y="{y:.1f}" width="{max(size, 1):.2f}" height="{LANE - 2}" fill="{colour}"'
    label = ""
    if size >= CHARACTER * len(span.label) + 6:
        label = _text(x + size / 2, y + LANE * 0.65, span.label, anchor="middle", fill=_ink(colour))
    return f'<g><title>{hover}</title>{box} stroke="#666" stroke-width="0.6"/>{label}</g>'


def _ink(colour: str) -> str:
    """White or near black, whichever reads better on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 128 else "#111111"


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = "") -> str:
    colour = f' fill="{fill}"' if fill else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{colour}>{_clean(text)}</text>'


def _clean(text: str) -> str:
    """Text for XML: escaped, characters XML forbids replaced."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _axis(left: float, y: float, last: float, scale: float, time_unit: str) -> str:
    step = _step(last)
    ticks = []
    for i in range(int(last / step + 1e-9) + 1):
        x = left + i * step * scale
        ticks.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{y + 5:.1f}" stroke="currentColor"/>')
        ticks.append(_text(x, y + 19, _short(i * step), anchor="middle"))
    line = f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{left + last * scale:.1f}" y2="{y:.1f}" stroke="currentColor"/>'
    name = _text(left - 8, y + 19, time_unit, anchor="end")
    return "".join([line, *ticks, name])


def _short(number: float) -> str:
    """A number in few characters."""
    if abs(number) >= 1e5:
        return format_si(number, "").replace(" ", "")
    return f"{number:.0f}" if float(number).is_integer() else f"{number:.4g}"


def _step(last: float) -> float:
    """A round step that gives five to ten ticks."""
    power = 10.0 ** len(str(int(last))) / 100 if last >= 1 else last / 8
    return next((power * s for s in (1, 2, 5, 10, 20) if last / (power * s) <= 9), power * 20)


def _legend(
    labels: Sequence[str], spans: Sequence[Span], fill: dict[str, str], width: int, y: float
) -> tuple[list[str], float]:
    """Swatches with each label's time in all; returns the elements and the height reached."""
    parts: list[str] = []
    x = float(MARGIN)
    for label in labels:
        total = sum(span.end - span.start for span in spans if span.label == label)
        text = f"{label} {_short(total)}"
        size = 24 + CHARACTER * len(text)
        if x + size > width - MARGIN and x > MARGIN:
            x, y = float(MARGIN), y + 20
        parts.append(f'<rect x="{x:.1f}" y="{y - 11:.1f}" width="12" height="12" fill="{fill[label]}" stroke="#666"/>')
        parts.append(_text(x + 17, y, text))
        x += size + 8
    return parts, y


def perfetto_trace(spans: Iterable[tuple[str, str, float, float]], microseconds: float = 1.0) -> str:
    """The spans as a JSON trace that ui.perfetto.dev and chrome://tracing open: one thread per unit.

    `microseconds` is the length of one unit of time; 1 shows cycles as microseconds.
    """
    events: list[dict[str, object]] = []
    threads: dict[str, int] = {}
    for given in spans:
        span = Span(*given)
        if span.unit not in threads:
            threads[span.unit] = len(threads) + 1
            name = {"name": "thread_name", "ph": "M", "pid": 1, "tid": threads[span.unit], "args": {"name": span.unit}}
            events.append(name)
        time = {"ts": span.start * microseconds, "dur": (span.end - span.start) * microseconds}
        events.append({"name": span.label, "ph": "X", "pid": 1, "tid": threads[span.unit], **time})
    return json.dumps({"displayTimeUnit": "ns", "traceEvents": events}) + "\n"
