"""A page from a result store: what it holds, and per group of points that compete, the front and a sample."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from fusemax.base.progress import Observer, ignore
from fusemax.base.units import format_bytes, format_length
from fusemax.report.charts import pareto
from fusemax.report.comparison import versions
from fusemax.report.contents import Provenance, Report, Section
from fusemax.report.gather import Group, Point, gather
from fusemax.report.grid import Row
from fusemax.report.point import PointTexts
from fusemax.search.about import info
from fusemax.search.store import open_store

__all__ = ["FIGURES", "axis", "stored_report"]

MOST_GROUPS, MOST_STUDIES = 8, 100
MOST_FRONT, MOST_OTHERS = 480, 1_200
"""Points of fronts, and others, that a page carries in all: it stays below 3 MB whatever the store."""
LEAST_FRONT, LEAST_OTHERS = 20, 50  # per chart
FIGURES = {
    "latency_s": ("latency", "s", 1.0),
    "energy_pj": ("energy", "J", 1e-12),
    "area_um2": ("area", "mm²", 1e-6),
    "traffic_bytes": ("memory traffic", "B", 1.0),
}
"""Figure -> what it is called, in which unit it is shown, and what a stored number is times to be in it."""
_SHOWN = (*FIGURES, "useful_utilization_2d", "roofline_fraction")
WORDS = (
    "Points compete with those of the same workload, length and accounting. The page carries those that none beats and "
    "a sample of the others, never all: fusemax store export writes them."
)
_SHARED = ("design", "workload", "accounting", "version", "code")


def stored_report(path: str | os.PathLike[str], command: str = "", observe: Observer = ignore) -> Report:
    """The report of a store; FileError for what is none. Of its points only the best and a sample are taken in."""
    name = os.path.basename(os.fspath(path))
    about = info(path)
    with open_store(path, write=False) as store:
        groups = gather(store, observe)
    texts = PointTexts()
    shown = [group for group in groups if group.fronts][:MOST_GROUPS]
    limits = _limits(sum(len(group.pairs) for group in shown))
    sections = [_contents(about.rows(), about.num_points, groups, shown)]
    sections += [_section(group, texts, *limits) for group in shown]
    found = versions() | {
        f"{name} of the points": ", ".join(sorted({str(row[name]) for row in about.rows() if name in row}))
        for name in ("version", "code")
    }
    inputs = {"store": name, "points": str(about.num_points), "bytes": str(about.num_bytes)}
    return Report(f"Results in {name}", {}, Provenance(command, found, inputs), sections=sections)


def _limits(charts: int) -> tuple[int, int]:
    """Points of the front, and others, per chart."""
    each = max(1, charts)
    return max(LEAST_FRONT, MOST_FRONT // each), max(LEAST_OTHERS, MOST_OTHERS // each)


def _contents(studies: Sequence[Row], num_points: int, groups: Sequence[Group], shown: Sequence[Group]) -> Section:
    words = [f"{num_points:,} points of {len(studies)} studies. {WORDS}"]
    if len(groups) > len(shown):
        words.append(f"Of {len(groups)} groups the {len(shown)} with most points are shown.")
    if len(studies) > MOST_STUDIES:
        words.append(f"The first {MOST_STUDIES} studies:")
    leave = ("version", "code", "figures")
    rows = [{k: v for k, v in row.items() if k not in leave} for row in studies[:MOST_STUDIES]]
    return Section("What the store holds", words, {}, rows)


def _section(group: Group, texts: PointTexts, most_front: int, most_others: int) -> Section:
    charts: dict[str, Any] = {}
    rows: list[Row] = []
    for pair in group.pairs:
        names = " and ".join(FIGURES[name][0] for name in pair)
        whole = group.fronts[pair]
        front, others = _thinned(whole, most_front), _thinned(_others(group, pair), most_others)
        data = [*(_dot(point, pair, texts) for point in front), *(_dot(point, pair, None) for point in others)]
        x, y = ((name, axis(name)) for name in pair)
        caption = f"{names.capitalize()}, {_title(group)}. Click a point."
        charts[caption] = pareto(
            data, x=x, y=y, title=_title(group), detail=("design", "inputs"), group="design", interactive=True
        )
        rows += [{"front of": names, **_line(point)} for point in front]
    unknown = group.num_points - group.num_known
    few = f", {unknown:,} of which do not fit or divide" if unknown else ""
    drawn = "All that fit are drawn" if group.num_known <= most_others else "Beside the fronts a sample is drawn"
    return Section(_title(group), (f"{group.num_points:,} points{few}. {drawn}.",), charts, rows)


def _thinned(points: Sequence[Point], most: int) -> list[Point]:
    """So many points at most, evenly along the list, its ends among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _others(group: Group, pair: tuple[str, str]) -> list[Point]:
    """The sample without the front."""
    front = {(point.study.digest, point.inputs) for point in group.fronts[pair]}
    found = [point for point in group.sample if (point.study.digest, point.inputs) not in front]
    return [point for point in found if _known(point, pair)]


def _known(point: Point, pair: Sequence[str]) -> bool:
    row = point.row()
    return all(row.get(name) is not None for name in pair)


def _dot(point: Point, pair: tuple[str, str], texts: PointTexts | None) -> Row:
    row = point.row()
    scaled = {name: float(str(row[name])) * FIGURES[name][2] for name in pair}
    described = {"design": row.get("design", ""), "inputs": _inputs(point)}
    text = texts.text(point) if texts is not None else None
    return {**described, **scaled, "text": text or _plain(point)}


def _plain(point: Point) -> str:
    """What a point is where its design's text is not at hand or would be too much."""
    whole = point.row()
    row = {n: v for n, v in ({"design": whole.get("design")} | whole).items() if v is not None}
    row = {name: value for name, value in row.items() if name not in ("version", "code")}
    return "".join(f"{name}: {_value(name, value)}\n" for name, value in row.items())


def _inputs(point: Point) -> str:
    """What a point has beside its group's."""
    own = {**point.study.about, **dict(zip(point.study.axes, point.inputs, strict=True))}
    kept = {name: value for name, value in own.items() if name not in (*_SHARED, "seq_len")}
    return ", ".join(f"{name} {_value(name, value)}" for name, value in kept.items())


def _value(name: str, value: object) -> str:
    return format_bytes(value) if name.endswith(".capacity") and isinstance(value, int) else str(value)


def _line(point: Point) -> dict[str, object]:
    """A point as a row of the table."""
    row = point.row()
    found: dict[str, object] = {"design": row.get("design", ""), "inputs": _inputs(point)}
    for name in _SHOWN:
        if name in row:
            value = row[name]
            found[axis(name) if name in FIGURES else name.replace("_", " ")] = (
                None if value is None else float(str(value)) * FIGURES.get(name, ("", "", 1.0))[2]
            )
    return found


def axis(name: str) -> str:
    """A figure with the unit it is shown in."""
    title, unit, _ = FIGURES[name]
    return f"{title} ({unit})"


def _title(group: Group) -> str:
    where: Mapping[str, object] = group.where
    length = where.get("seq_len")
    point = f"{where.get('workload', 'points')}{f' at {format_length(length)}' if isinstance(length, int) else ''}"
    changed = [f"{k.removeprefix('workload.')} {v}" for k, v in where.items() if k.startswith("workload.")]
    return ", ".join([point, *changed, f"{where.get('accounting', 'unknown')} accounting"])
