"""What a result store holds: its studies, the front of some of them, and a point as a design.

The path of the store is the server's own, never a client's.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.workload import Workload, load_workload
from fusemax.report.gather import Point
from fusemax.report.point import PointTexts
from fusemax.search.rewrite import with_workload_field
from fusemax.search.store import Store, open_store
from fusemax.search.study import DIGEST, Study
from fusemax.web.answers.areapoint import area_point
from fusemax.web.answers.texts import check_name, names_of
from fusemax.web.axes import axis

__all__ = ["front", "point", "studies"]

MOST_ROWS = 200_000
MOST_SHOWN = 2_000
_WHERE = ("workload", "accounting", "seq_len")
"""Points compete with those of the same values."""
_COSTS = ("area_um2", "energy_pj", "traffic_bytes")
_SERIES = ("design", *_WHERE)
_NEVER = ("key", "version", "code")

Row = Mapping[str, Any]


def studies(store: str) -> dict[str, object]:
    """The studies of the store, by identifier; none when there is no store yet."""
    if not os.path.exists(store):
        return {"studies": []}
    with open_store(store, write=False) as opened:
        found = [
            {"id": study.digest.hex(), "about": study.about, "axes": study.axes, "points": opened.count(study)}
            for study in opened.studies()
        ]
    return {"studies": found}


def front(store: str, ids: Sequence[str], x: str | None = None, y: str = "latency_s") -> dict[str, object]:
    """The points of some studies, and which of them no other one beats in ``x`` and ``y``.

    ``x`` is area, energy or traffic when it is not given: the first that is known and varies. Points compete with those
    of the same workload, accounting and length. The first rows by key up to a limit are looked at; ``is_whole`` says
    whether those are all, ``num_unknown`` how many have no known ``x`` or ``y``. UnknownName for a figure that is none.
    """
    rows: list[dict[str, Any]] = []
    figures: list[str] = []
    if os.path.exists(store):
        with open_store(store, write=False) as opened:
            own = [study for study in opened.studies() if study.digest.hex() in ids]
            figures = sorted({name for study in own for name in study.figures})
            rows = list(itertools.islice(_rows(opened, own), MOST_ROWS + 1))
    for name in filter(None, (x, y)):
        if figures and name not in figures:
            raise UnknownName("figure", name, figures)
    is_whole, rows = len(rows) <= MOST_ROWS, rows[:MOST_ROWS]
    cost = x or _cost(rows)
    known = [row for row in rows if row.get(cost) is not None and row.get(y) is not None]
    best = {row["key"] for group in _groups(known) for row in _front(group, cost, y)}
    shown = [row for row in known if row["key"] in best][:MOST_SHOWN]
    step = max(1, len(known) // MOST_SHOWN)
    shown += [row for row in known[::step] if row["key"] not in best][: MOST_SHOWN - len(shown)]
    varied = _varied(rows, figures)
    return {
        "axes": {"x": axis(cost), "y": axis(y)},
        "figures": figures,
        "points": [_point(row, cost, y, row["key"] in best, figures, varied) for row in shown],
        "num_points": len(rows),
        "num_unknown": len(rows) - len(known),
        "is_whole": is_whole,
    }


def point(store: str, key: str) -> dict[str, object]:
    """A stored point as a design text, its workload and length. UsageError where the store cannot tell the design."""
    found = _find(store, key)
    if found is None:
        raise UnknownName("point", key, ())
    row = found.row()
    check_name("workload", str(row.get("workload")), names_of("workload"))
    workload, changed = load_workload(str(row["workload"])), False
    for path, value in row.items():
        if path.startswith("workload."):
            workload, changed = with_workload_field(workload, path.removeprefix("workload."), value), True
    name = str(row.get("design"))
    area = None if changed or name not in names_of("design") else area_point(found.study, row, workload)
    text = PointTexts().text(found) if name in names_of("design") and area is None else None
    if text is None and area is None:
        raise UsageError(
            f"design {name!r} as it was measured is not in the catalogue: the store has figures, not texts"
        )
    return {
        "key": key,
        **({"text": text} if area is None else area),
        "workload": _workload_text(workload) if changed else workload.name,
        "seq_len": row.get("seq_len", 4096),
        "accounting": row["accounting"],
        "figures": {name: row[name] for name in found.study.figures},
    }


def _find(store: str, key: str) -> Point | None:
    if not os.path.exists(store):
        return None
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        return None
    with open_store(store, write=False) as opened:
        study = next((one for one in opened.studies() if one.digest == raw[:DIGEST]), None)
        if study is None:
            return None
        try:
            inputs = study.inputs(raw)
        except ValueError:
            return None
        figures = opened.find(study, inputs)
    if figures is None:
        return None
    return Point(study, tuple(inputs), tuple(math.nan if value is None else value for value in figures))


def _rows(store: Store, own: Sequence[Study]) -> Iterator[dict[str, Any]]:
    for study in own:
        for keys, blobs in store.stored(study):
            for key, figures in zip(keys, study.unpack(blobs).tolist(), strict=True):
                found = Point(study, tuple(study.inputs(key)), tuple(figures)).row()
                yield {"key": key.hex(), **found}


def _cost(rows: Sequence[Row]) -> str:
    half = len(rows) / 2
    known = [name for name in _COSTS if sum(row.get(name) is not None for row in rows) >= half]
    varied = [name for name in known if len({row.get(name) for row in rows}) > 1]
    return next(iter([*varied, *known]), _COSTS[0])


def _varied(rows: Sequence[Row], figures: Sequence[str]) -> list[str]:
    """Inputs that are not the same in all rows."""
    names = [n for n in dict.fromkeys(itertools.chain.from_iterable(rows)) if n not in (*figures, *_NEVER)]
    return [name for name in names if len({str(row.get(name)) for row in rows}) > 1]


def _groups(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    found: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(str(row.get(name)) for name in _WHERE), []).append(row)
    yield from found.values()


def _front(rows: Sequence[dict[str, Any]], x: str, y: str) -> Iterator[dict[str, Any]]:
    least: float | None = None
    for row in sorted(rows, key=lambda one: (one[x], one[y], one["key"])):
        if least is None or row[y] < least:
            least = row[y]
            yield row


def _point(row: Row, x: str, y: str, is_best: bool, figures: Sequence[str], varied: Sequence[str]) -> dict[str, object]:
    inputs = [name for name in varied if name in row]
    return {
        "key": row["key"],
        "x": row[x],
        "y": row[y],
        "front": is_best,
        "series": ", ".join(str(row[name]) for name in inputs if name in _SERIES) or str(row.get("design", "")),
        "label": ", ".join(f"{name} {row[name]}" for name in inputs if name not in _SERIES),
        "inputs": {k: v for k, v in row.items() if k not in figures and k not in _NEVER},
        "figures": {k: v for k, v in row.items() if k in figures},
    }


def _workload_text(workload: Workload) -> str:
    data = workload.model_dump(mode="json", exclude={"sources"})
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in data.items() if value is not None)
