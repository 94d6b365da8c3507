"""Comparison tables for the terminal: one per part, a headline in every accounting, area by component."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fusemax.base.units import format_length, format_si
from fusemax.report.grid import Grid, Row, default_baselines, means

__all__ = ["area_table", "compare_tables", "headline_rows", "headline_table", "lay_out", "missing_points", "part_table"]

UNKNOWN = "unknown"
NO_ROOM = "no room"  # of a ratio: one of the two designs needs more memory than there is
BOUNDS = {"array2d": "2D", "array1d": "1D", "dram": "DRAM"}  # how the model's bounds are shown
MANY_POINTS = 8  # more points than this and a table shows means over workloads unless asked for all


def compare_tables(
    rows: Iterable[Row],
    *,
    accounting: str = "",
    baselines: Sequence[str] | None = None,
    detail: bool | None = None,
    width: int = 100,
) -> str:
    """Every table of a comparison as one text of at most `width` columns.

    `baselines` are the designs that speed and energy are compared with, by default the first two. `detail` shows every
    workload instead of means over workloads; None decides by the number of points.
    """
    grid = Grid.of(rows)
    texts = [
        part_table(grid, part, accounting=accounting, baselines=baselines, detail=detail, width=width)
        for part in grid.parts
    ]
    if grid.has_area:
        texts.append(area_table(grid, width=width))
    return "\n\n".join(texts)


def part_table(
    grid: Grid,
    part: str,
    *,
    accounting: str = "",
    baselines: Sequence[str] | None = None,
    detail: bool | None = None,
    width: int = 100,
) -> str:
    """One part: speed-up over and energy relative to the baselines, utilization, bound; then means of all points."""
    over = tuple(baselines) if baselines is not None else default_baselines(grid)
    points = grid.points(part)
    every = detail if detail is not None else len(points) <= MANY_POINTS
    used = any(grid.value(part, d, *p, "utilization_2d") is not None for d in grid.designs for p in points)
    bounded = any(grid.text(part, d, *p, "bound") for d in grid.designs for p in points)
    heads = ["\ndesign", *_over("speedup over", over), *_over("energy vs", over)]
    heads += ["\nlatency"] * every + ["utilization\n2D", "\n1D"] * used + ["\nbound"] * bounded
    body: list[list[str]] = []
    for label, group in _groups(points, every=every):
        body.append([label])
        for design in grid.designs:
            line = [f"  {design}", *_ratio_cells(grid, part, design, over, group, "arithmetic")]
            line += [_latency(grid, part, design, group)] * every
            line += [_busy(grid, part, design, group, q) for q in ("utilization_2d", "utilization_1d")] * used
            body.append(line + [_bound(grid, part, design, group)] * bounded)
    for kind in ("arithmetic", "geometric"):
        body.append([f"{kind} mean of {_points(grid, part, over, points)}"])
        body += [[f"  {d}", *_ratio_cells(grid, part, d, over, points, kind)] for d in grid.designs]
    title = f"{part}: {_count(points)}" + (f", {accounting} accounting" if accounting else "")
    if not every and len({w for w, _ in points}) > 1:
        title += "; by length: arithmetic means over workloads"
    return title[:width] + "\n" + lay_out(heads, body, width)


def _over(what: str, baselines: Sequence[str]) -> list[str]:
    return [f"{what if i == 0 else ''}\n{name}" for i, name in enumerate(baselines)]


def _points(grid: Grid, part: str, over: Sequence[str], points: Sequence[tuple[str, int]]) -> str:
    """How many points the means are of; where a value is unknown, how many at least are known."""
    known = [means(grid.speedup(part, d, other, p) for p in points).known for d in grid.designs for other in over]
    least = min(known, default=len(points))
    whole = _plural(len(points), "point")
    return whole if least == len(points) else f"the points that fit and are known (at least {least} of {whole})"


def _groups(points: Sequence[tuple[str, int]], *, every: bool) -> list[tuple[str, list[tuple[str, int]]]]:
    if every:
        return [(f"{workload}, {format_length(n)}", [(workload, n)]) for workload, n in points]
    lengths = sorted({n for _, n in points})
    return [(format_length(n), [p for p in points if p[1] == n]) for n in lengths]


def _latency(grid: Grid, part: str, design: str, group: Sequence[tuple[str, int]]) -> str:
    value = grid.value(part, design, *group[0], "latency")
    return UNKNOWN if value is None else format_si(value, "s")


def _busy(grid: Grid, part: str, design: str, group: Sequence[tuple[str, int]], quantity: str) -> str:
    return _ratio(means(grid.value(part, design, *p, quantity) for p in group).arithmetic, 3)


def _ratio_cells(
    grid: Grid, part: str, design: str, over: Sequence[str], group: Sequence[tuple[str, int]], kind: str
) -> list[str]:
    speed = [means(grid.speedup(part, design, other, p) for p in group) for other in over]
    energy = [means(grid.energy_ratio(part, design, other, p) for p in group) for other in over]
    absent = [NO_ROOM if _without_room(grid, part, (design, other), group) else UNKNOWN for other in over]
    cells = [(m, 2, word) for m, word in zip(speed, absent, strict=True)]
    cells += [(m, 3, word) for m, word in zip(energy, absent, strict=True)]
    return [_ratio(getattr(m, kind), digits, word) for m, digits, word in cells]


def _without_room(grid: Grid, part: str, designs: Sequence[str], group: Sequence[tuple[str, int]]) -> bool:
    return any(grid.value(part, design, *point, "feasible") == 0 for design in designs for point in group)


def _ratio(value: float | None, digits: int, absent: str = UNKNOWN) -> str:
    return absent if value is None else f"{value:.{digits}f}"


def _bound(grid: Grid, part: str, design: str, group: Sequence[tuple[str, int]]) -> str:
    found = dict.fromkeys(grid.text(part, design, *p, "bound") for p in group)
    return ", ".join(BOUNDS.get(name, name) for name in found if name)


def _count(points: Sequence[tuple[str, int]]) -> str:
    workloads, lengths = len({w for w, _ in points}), len({n for _, n in points})
    return f"{_plural(workloads, 'workload')} x {_plural(lengths, 'length')}"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def headline_rows(
    results: Mapping[str, Iterable[Row]], *, subject: str | None = None, baselines: Sequence[str] | None = None
) -> list[dict[str, object]]:
    """The headline ratios of one design (by default the last) in every accounting.

    One row per ratio and baseline: `part`, `ratio` (speedup or energy), `design`, `over`, and per accounting
    `ACCOUNTING` (arithmetic mean) and `ACCOUNTING geometric`, None where unknown, and `ACCOUNTING points` (`24 of 24`:
    the known ones). The baselines run from the last to the first, so that the closest rival comes first.
    """
    grids = {name: Grid.of(rows) for name, rows in results.items()}
    first = next(iter(grids.values()), None)
    if first is None or not first.designs:
        return []
    design = subject if subject is not None else first.designs[-1]
    over = tuple(baselines) if baselines is not None else default_baselines(first)
    rows: list[dict[str, object]] = []
    for other in reversed(over):
        for part in (p for p in first.parts if p != "linear"):
            for ratio in ("speedup", "energy"):
                row: dict[str, object] = {"part": part, "ratio": ratio, "design": design, "over": other}
                for name, grid in grids.items():
                    find = grid.speedup if ratio == "speedup" else grid.energy_ratio
                    found = means(find(part, design, other, p) for p in grid.points(part))
                    row[name] = found.arithmetic
                    row[f"{name} geometric"] = found.geometric
                    row[f"{name} points"] = f"{found.known} of {found.total}"
                rows.append(row)
    return rows


def headline_table(
    results: Mapping[str, Iterable[Row]], *, subject: str | None = None, baselines: Sequence[str] | None = None
) -> str:
    """The headline ratios as text: arithmetic means, geometric in brackets, one column per accounting."""
    rows = headline_rows(results, subject=subject, baselines=baselines)
    if not rows:
        return ""
    names = list(results)
    body: list[list[str]] = []
    for row in rows:
        what = "times faster than" if row["ratio"] == "speedup" else "of the energy of"
        line = [str(row["part"]), f"{what} {row['over']}"]
        for name in names:
            digits = 2 if row["ratio"] == "speedup" else 3
            cell = f"{_ratio(_float(row[name]), digits)} ({_ratio(_float(row[f'{name} geometric']), digits)})"
            line.append(cell + missing_points(str(row[f"{name} points"])))
        body.append(line)
    heads = ["part", f"{rows[0]['design']} is / takes", *names]
    return "headline: arithmetic mean of the ratios (geometric mean) over the points that are known\n" + lay_out(
        heads, body
    )


def missing_points(known: str) -> str:
    """`, 8 of 24 points` where not all are known, else nothing."""
    first, _, last = known.partition(" of ")
    return "" if first == last else f", {known} points"


def _float(value: object) -> float | None:
    return value if isinstance(value, float) else None


def area_table(grid: Grid, width: int = 100) -> str:
    """Area by component in mm^2, one line per design, the share of the total in brackets."""
    parts = [q for q in grid.quantities("area.") if any(grid.area(d, q) is not None for d in grid.designs)]
    body = []
    for design in grid.designs:
        line = [design, *(_area(grid, design, quantity) for quantity in [*parts, "area"])]
        body.append(line)
    heads = ["design", *(q.removeprefix("area.") for q in parts), "total"]
    return "area in mm^2 (share of the total)\n" + lay_out(heads, body, width)


def _area(grid: Grid, design: str, quantity: str) -> str:
    area, total = grid.area(design, quantity), grid.area(design)
    if area is None:
        return UNKNOWN
    return f"{area * 1e-6:.1f}" + (f" ({area / total:.0%})" if total and quantity != "area" else "")


def lay_out(heads: Sequence[str], body: Sequence[Sequence[str]], width: int = 100) -> str:
    """Aligned columns: text to the left, numbers to the right; a head may have several lines.

    A line of one cell is a heading and may run across columns. What is wider than `width` gives way: the widest text
    column is shortened, names losing their middle.
    """
    deep = max(head.count("\n") for head in heads) + 1
    top = [[(["", *[""] * deep, *head.split("\n")])[-deep:][i] for head in heads] for i in range(deep)]
    columns = range(len(heads))
    full = [line if len(line) == 1 else [*line, *[""] * (len(heads) - len(line))] for line in body]
    cells = [line for line in full if len(line) > 1]
    right = [_is_numbers([line[i] for line in cells]) for i in columns]
    widths = [max(len(line[i]) for line in [*top, *cells]) for i in columns]
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > 9:
        widths[max(columns, key=lambda i: (widths[i] > 9 and not right[i], widths[i]))] -= 1

    def lay(line: Sequence[str]) -> str:
        if len(line) == 1:
            return line[0][:width]
        texts = [_shorten(text, widths[i]) for i, text in enumerate(line)]
        return "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(texts, widths, right, strict=True)).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([*map(lay, top), rule, *map(lay, full)])


def _shorten(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return text[: width - 1 - tail] + "…" + text[len(text) - tail :]


def _is_numbers(cells: Iterable[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(cell[0].isdigit() or cell in (UNKNOWN, NO_ROOM) for cell in filled)
