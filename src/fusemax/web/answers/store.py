"""What a result store holds: its studies, the front of some of them, and a point as a design.

The path of the store is the server's own, never a client's.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.load import load_design
from fusemax.design.workload import Workload, load_workload
from fusemax.search.about import info
from fusemax.search.rewrite import checked, design_text, with_field, with_workload_field
from fusemax.search.store import open_store
from fusemax.web.answers.texts import check_name, names_of
from fusemax.web.axes import axis

__all__ = ["front", "point", "studies", "study_id"]

MOST_ROWS = 200_000
MOST_SHOWN = 2_000
_LISTED = ("axes", "figures", "points")
_WHERE = ("workload", "accounting", "seq_len")
"""Points compete with those of the same values."""
_COSTS = ("area_um2", "energy_pj", "traffic_bytes")
_SERIES = ("design", "workload", "accounting", "seq_len")
_NEVER = ("key", "version", "code")
_FIXED = ("design", "workload", "accounting", "version", "code", "key", "seq_len")

Row = Mapping[str, Any]


def studies(store: str) -> dict[str, object]:
    """The studies of the store, by identifier; none when there is no store yet."""
    found: dict[str, dict[str, Any]] = {}
    for row in info(store).rows() if os.path.exists(store) else []:
        about = {name: value for name, value in row.items() if name not in _LISTED}
        axes, figures = (str(row[name]).split(", ") for name in ("axes", "figures"))
        key = study_id(about)
        points = int(str(row["points"])) + (found[key]["points"] if key in found else 0)
        found[key] = {"id": key, "about": about, "axes": axes, "figures": figures, "points": points}
    return {"studies": list(found.values())}


def study_id(about: Row) -> str:
    """An identifier of what a study is about."""
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def front(store: str, about: Sequence[Row], x: str | None = None, y: str = "latency_s") -> dict[str, object]:
    """The points of some studies, and which of them no other one beats in ``x`` and ``y``.

    ``x`` is area, energy or traffic when it is not given: the first that is known and varies. Points compete with those
    of the same workload, accounting and length. The first rows by key up to a limit are looked at; ``is_whole`` says
    whether those are all, ``num_unknown`` how many have no known ``x`` or ``y``. UnknownName for a figure that is none.
    """
    own = _own(store, about)
    figures = sorted({name for study in own for name in study["figures"]})
    for name in filter(None, (x, y)):
        if figures and name not in figures:
            raise UnknownName("figure", name, figures)
    rows, is_whole = _rows(store, own)
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
    if not os.path.exists(store):
        raise UnknownName("point", key, ())
    with open_store(store, write=False) as opened:
        row = next((row for row in opened.rows() if row["key"] == key), None)
    if row is None:
        raise UnknownName("point", key, ())
    name = str(row["design"])
    if name not in names_of("design"):
        raise UsageError(f"design {name!r} is not in the catalogue: the store keeps its figures, not its text")
    check_name("workload", str(row["workload"]), names_of("workload"))
    design, workload = load_design(name), load_workload(str(row["workload"]))
    figures = {name for study in _list(store) for name in study["figures"]}
    changed = False
    for path, value in row.items():
        if path in _FIXED or path in figures:
            continue
        if path.startswith("workload."):
            workload, changed = with_workload_field(workload, path.removeprefix("workload."), value), True
        else:
            design = with_field(design, path, value)
    return {
        "key": key,
        "text": design_text(checked(design)),
        "workload": _workload_text(workload) if changed else workload.name,
        "seq_len": row.get("seq_len", 4096),
        "accounting": row["accounting"],
        "figures": {name: row[name] for name in sorted(figures) if name in row},
    }


def _list(store: str) -> list[dict[str, Any]]:
    found: Any = studies(store)["studies"]
    return list(found)


def _own(store: str, about: Sequence[Row]) -> list[dict[str, Any]]:
    wanted = {study_id(one) for one in about}
    return [study for study in _list(store) if study["id"] in wanted]


def _rows(store: str, own: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """The rows of some studies, and whether all rows of the store were looked at."""
    if not own:
        return [], True
    wanted = {study["id"] for study in own}
    names = {tuple(study["about"]) for study in own}
    with open_store(store, write=False) as opened:
        rows = list(itertools.islice(opened.rows(), MOST_ROWS + 1))
    is_whole = len(rows) <= MOST_ROWS
    return [row for row in rows[:MOST_ROWS] if any(_is_of(row, each, wanted) for each in names)], is_whole


def _is_of(row: Row, names: Sequence[str], wanted: set[str]) -> bool:
    return all(name in row for name in names) and study_id({name: row[name] for name in names}) in wanted


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
