"""What a result store holds: its studies, the front of some of them, and a point as a design.

The path of the store is the server's own, never a client's.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.workload import Workload, load_workload
from fusemax.report.gather import Point
from fusemax.report.point import PointTexts
from fusemax.search.rewrite import with_workload_field
from fusemax.search.store import open_store
from fusemax.search.study import DIGEST
from fusemax.web.answers.areapoint import area_point
from fusemax.web.answers.front import COSTS, NEVER, WHERE, Fronts, row_of
from fusemax.web.answers.texts import check_name, design_of, names_of
from fusemax.web.axes import axis

__all__ = ["front", "point", "studies"]

MOST_SHOWN = 2_000
_SERIES = ("design", *WHERE)

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
    of the same workload, accounting and length. All points are looked at; shown are the fronts, and a sample of the
    others up to a limit. ``is_whole`` says whether there were no more workloads and lengths than are kept apart,
    ``num_unknown`` how many points have no known ``x`` or ``y``. UnknownName for a figure that is none.
    """
    figures: list[str] = []
    found = Fronts(y, COSTS if x is None else (x,))
    if os.path.exists(store):
        with open_store(store, write=False) as opened:
            own = [study for study in opened.studies() if study.digest.hex() in ids]
            figures = sorted({name for study in own for name in study.figures})
            for name in filter(None, (x, y)):
                if figures and name not in figures:
                    raise UnknownName("figure", name, figures)
            found = Fronts.read(opened, own, y, COSTS if x is None else (x,))
    cost = x or found.cost()
    best = found.front(cost)
    shown = [(row_of(seen), True) for seen in best[:MOST_SHOWN]]
    keys = {seen.key for seen in best}
    others = [row_of(seen) for seen in found.sample if seen.key not in keys]
    others = [row for row in others if row.get(cost) is not None and row.get(y) is not None]
    left = MOST_SHOWN - len(shown)
    step = -(-len(others) // left) if left else 0
    shown += [(row, False) for row in others[::step]] if step else []
    varied = [name for name in found.varied() if name not in figures]
    return {
        "axes": {"x": axis(cost), "y": axis(y)},
        "figures": figures,
        "points": [_point(row, cost, y, is_best, figures, varied) for row, is_best in shown],
        "num_points": found.num_points,
        "num_front": len(best),
        "num_unknown": found.num_points - found.num_known[cost],
        "is_whole": found.is_whole,
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
    texts = PointTexts(read=design_of)  # which opens no file that the store's text names
    text = texts.text(found) if area is None else None
    if text is None and area is None:
        raise UsageError(f"this point cannot be opened: {texts.why_not(found)}")
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


def _point(row: Row, x: str, y: str, is_best: bool, figures: Sequence[str], varied: Sequence[str]) -> dict[str, object]:
    inputs = [name for name in varied if name in row]
    return {
        "key": row["key"],
        "x": row[x],
        "y": row[y],
        "front": is_best,
        "series": ", ".join(str(row[name]) for name in inputs if name in _SERIES) or str(row.get("design", "")),
        "label": ", ".join(f"{name} {row[name]}" for name in inputs if name not in _SERIES),
        "inputs": {k: v for k, v in row.items() if k not in figures and k not in NEVER},
        "figures": {k: v for k, v in row.items() if k in figures},
    }


def _workload_text(workload: Workload) -> str:
    data = workload.model_dump(mode="json", exclude={"sources"})
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in data.items() if value is not None)
