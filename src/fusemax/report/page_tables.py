"""The page's tables: the headline in every accounting, each part by length and point by point, area by component."""

from __future__ import annotations

from collections.abc import Sequence

from fusemax.base.units import format_length, format_si
from fusemax.report.contents import Report
from fusemax.report.grid import Grid, Row, default_baselines, means
from fusemax.report.html import Markup, element
from fusemax.report.tables import BOUNDS, headline_rows, missing_points

__all__ = ["headline_part", "line", "scroll", "table", "tables_part"]

Point = tuple[str, int]


def headline_part(report: Report) -> Markup:
    """The headline ratios, one column per accounting."""
    rows = headline_rows(report.results, subject=report.subject, baselines=report.baselines)
    if not rows:
        return Markup("")
    names = list(report.results)
    head = [element("td"), *(element("th", text, scope="col") for text in names)]
    body = []
    for row in rows:
        faster = row["ratio"] == "speedup"
        what = "times as fast as" if faster else "times the energy of"
        cells = [_both(row, name, 2 if faster else 3) for name in names]
        body.append(element("tr", element("th", f"{row['part']}: {what} {row['over']}", scope="row"), *cells))
    words = f"{rows[0]['design']}, by accounting: arithmetic mean over the known points (geometric mean)."
    caption = element("caption", words, class_="spoken")
    found = element("table", caption, element("thead", element("tr", *head)), element("tbody", *body))
    note = element("p", words, class_="note", aria_hidden="true")
    return element("section", element("h2", "Headline"), note, scroll(found, "Headline"), id="headline")


def _both(row: Row, accounting: str, digits: int) -> Markup:
    def text(value: object) -> str:
        return f"{value:.{digits}f}" if isinstance(value, float) else "unknown"

    missing = missing_points(str(row[f"{accounting} points"]))
    mean = element("strong", text(row[accounting]))
    return element("td", mean, f" ({text(row[f'{accounting} geometric'])}){missing}")


def scroll(child: Markup, label: str) -> Markup:
    """A region with a scroll bar of its own, for what may be wider than the screen; reachable by keyboard."""
    return element("div", child, class_="scroll", tabindex="0", role="region", aria_label=label)


def line(cells: Sequence[object], names: int, class_: str | None = None) -> Markup:
    """A table row; past the first `names` cells, what reads as a number stands to the right."""
    row = [element("td", cell, class_=_side(cell) if i >= names else None) for i, cell in enumerate(cells)]
    return element("tr", *row, class_=class_)


def _side(cell: object) -> str | None:
    text = str(cell)
    return "number" if text == "unknown" or (text[:1].isdigit() and not text.endswith("D")) else None


def table(
    caption: str,
    heads: Sequence[str],
    body: Sequence[Markup],
    groups: Sequence[tuple[str, int]] = (),
    numbers: Sequence[str] = (),
) -> Markup:
    """A table; `groups` is a line above the heads, of names with the number of columns each spans.

    `numbers` are the heads of columns of numbers.
    """
    top = [
        element("th", name, colspan=span, scope="colgroup") if name else element("td", colspan=span)
        for name, span in groups
    ]
    low = element("tr", *(element("th", t, scope="col", class_="number" if t in numbers else None) for t in heads))
    head = element("thead", element("tr", *top) if top else None, low)
    return element("table", element("caption", caption, class_="spoken"), head, element("tbody", *body))


def tables_part(report: Report) -> Markup:
    """Per accounting and part: means by length; folded away, every point; and the areas."""
    parts = []
    for i, (accounting, rows) in enumerate(report.results.items()):
        grid = Grid.of(rows)
        over = tuple(report.baselines) if report.baselines is not None else default_baselines(grid)
        for part in grid.parts:
            title = f"{part}, {accounting} accounting"
            if len({workload for workload, _ in grid.points(part)}) > 1:
                found = scroll(_by_length(grid, part, over, f"{title}: means over workloads"), title)
                words = element("summary", f"{title}: means over workloads")
                parts.append(element("details", words, found, open=i == 0 and part == grid.parts[0]))
            every = f"{title}: every point"
            points = scroll(_by_point(grid, part, over, every), every)
            parts.append(element("details", element("summary", every), points))
        if grid.has_area:
            title = f"area, {accounting} accounting"
            parts.append(element("details", element("summary", title), scroll(_areas(grid, title), title)))
    if not parts:
        return Markup("")
    return element("section", element("h2", "Tables"), *parts, id="tables")


def _groups(first: int, over: Sequence[str]) -> list[tuple[str, int]]:
    count = len(over)
    ratios = [("speed-up over", count), ("energy relative to", count)] if over else []
    return [("", first), *ratios, ("utilization", 2), ("", 1)]


def _by_length(grid: Grid, part: str, over: Sequence[str], title: str) -> Markup:
    points = grid.points(part)
    sets = [(format_length(n), [p for p in points if p[1] == n], "arithmetic") for n in grid.seq_lens]
    sets += [(f"all, {kind} mean", list(points), kind) for kind in ("arithmetic", "geometric")]
    body = []
    for label, group, kind in sets:
        for i, design in enumerate(grid.designs):
            cells = [label if i == 0 else "", design, *_ratios(grid, part, design, over, group, kind)]
            cells += [*_used(grid, part, design, group, kind), _bound(grid, part, design, group)]
            body.append(line(cells, 2, class_="group" if i == 0 else None))
    heads = ["length", "design", *over, *over, "2D", "1D", "bound"]
    return table(title, heads, body, _groups(2, over), heads[2:-1])


def _by_point(grid: Grid, part: str, over: Sequence[str], title: str) -> Markup:
    body = []
    for point in grid.points(part):
        for i, design in enumerate(grid.designs):
            cells = [point[0], format_length(point[1]), design]
            cells += [_si(grid.value(part, design, *point, q), u) for q, u in (("latency", "s"), ("traffic", "B"))]
            energy = grid.value(part, design, *point, "energy")
            cells.append(_si(None if energy is None else energy * 1e-12, "J"))
            cells += _ratios(grid, part, design, over, [point], "arithmetic")
            cells += [*_used(grid, part, design, [point], "arithmetic"), _bound(grid, part, design, [point])]
            body.append(line(cells, 3, class_="group" if i == 0 else None))
    heads = ["workload", "length", "design", "latency", "traffic", "energy", *over, *over, "2D", "1D", "bound"]
    return table(title, heads, body, _groups(6, over), heads[3:-1])


def _ratios(grid: Grid, part: str, design: str, over: Sequence[str], group: Sequence[Point], kind: str) -> list[str]:
    speed = [means(grid.speedup(part, design, other, p) for p in group) for other in over]
    energy = [means(grid.energy_ratio(part, design, other, p) for p in group) for other in over]
    return [_fixed(getattr(m, kind), 2) for m in speed] + [_fixed(getattr(m, kind), 3) for m in energy]


def _used(grid: Grid, part: str, design: str, group: Sequence[Point], kind: str) -> list[str]:
    found = [means(grid.value(part, design, *p, f"utilization_{a}") for p in group) for a in ("2d", "1d")]
    return [_fixed(getattr(m, kind), 3, absent="") for m in found]


def _bound(grid: Grid, part: str, design: str, group: Sequence[Point]) -> str:
    found = dict.fromkeys(grid.text(part, design, *p, "bound") for p in group)
    return ", ".join(BOUNDS.get(name, name) for name in found if name)


def _areas(grid: Grid, title: str) -> Markup:
    parts = grid.quantities("area.")
    heads = ["design", *(f"{q.removeprefix('area.')} (mm²)" for q in parts), "total (mm²)"]
    body = []
    for design in grid.designs:
        areas = [grid.area(design, quantity) for quantity in (*parts, "area")]
        body.append(line([design, *(_fixed(None if a is None else a * 1e-6, 2) for a in areas)], 1))
    return table(title, heads, body, numbers=heads[1:])


def _si(value: float | None, unit: str) -> str:
    return "unknown" if value is None else format_si(value, unit)


def _fixed(value: float | None, digits: int, absent: str = "unknown") -> str:
    return absent if value is None else f"{value:.{digits}f}"
