"""Sweeps and searches: their specifications checked, run, and what is in the store shown.

Specifications come from a client: every name in them must be one of the catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.cascade import Cascade, load
from fusemax.design.document import Document
from fusemax.search.goal import Figures
from fusemax.search.mapper import Glimpse, search
from fusemax.search.spec import read_spec
from fusemax.search.sweep import FIG12, SweepPlan, run_sweep
from fusemax.web.answers.texts import cascade_of, check_name, names_of, workload_of

__all__ = ["check_job", "run_job"]

MOST_POINTS = 20_000_000
_FILE = "<sweep>"
See = Callable[[list[dict[str, Any]]], None]
_PARTS = ("cascade", "accelerator", "mapping", "schedule")


def check_job(kind: str, spec: Mapping[str, Any]) -> dict[str, object]:
    """Title, number of points and studies of a job; what is wrong with its specification."""
    if kind == "sweep":
        plan = _plan(spec)
        if plan.num_points > MOST_POINTS:
            raise UsageError(f"{plan.num_points} points: a sweep of the explorer has {MOST_POINTS} at most")
        return {"title": plan.name, "total": plan.num_points, "studies": [p.study.digest.hex() for p in plan.parts]}
    _check_search(spec)
    cascade = _cascade(spec["cascade"])
    title = f"{cascade.name} on {spec['accelerator']}, {workload_of(spec['workload']).name} at {spec['seq_len']}"
    return {"title": title, "total": None, "studies": []}


def run_job(
    kind: str, spec: Mapping[str, Any], store: str, observe: Observer = ignore, see: See | None = None
) -> dict[str, object]:
    """Run it to the end; a sweep's points go into the store as they are found. The result without its rows.

    ``see`` is given the front of a search as it is so far: rows of figures, ``place`` and ``words``.
    """
    if kind == "sweep":
        done = run_sweep(_plan(spec), store, observe=observe)
        return {"points": done.num_points, "new": done.num_new}
    _check_search(spec)
    found = search(
        _cascade(spec["cascade"]), spec["accelerator"], workload_of(spec["workload"]), spec["seq_len"],
        spec["objective"], spec["accounting"], like=spec["like"], exhaustive=spec["exhaustive"], observe=observe,
        watch=None if see is None else partial(_seen, see),
    )  # fmt: skip
    texts = [found.best_of(number) for number in range(len(found.front))]
    return {**found.to_json_document(), "headline": found.headline(), "texts": texts}


def _seen(see: See, glimpse: Glimpse) -> None:
    see([{**figures_row(one.figures), "place": list(one.place), "words": one.words} for one in glimpse.front])


def figures_row(found: Figures) -> dict[str, float | None]:
    """Figures by the names of a search's rows; None is unknown."""
    row = {
        "latency_s": found.latency, "energy_pj": found.energy, "traffic_bytes": found.traffic,
        "area_um2": found.area, "edp_pj_s": found.exact("edp"),
    }  # fmt: skip
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


def _plan(spec: Mapping[str, Any]) -> SweepPlan:
    text = spec.get("text")
    if (text is None) == (spec.get("name") is None):
        raise UsageError("a sweep has a text or a name, one of both: fig12 is the paper's figure")
    if text is None:
        return SweepPlan(FIG12, None, spec.get("accounting"))
    found, document = read_spec(_FILE, text)
    for field, names, kind in (("designs", found.designs, "design"), ("workloads", found.workloads, "workload")):
        for place, name in enumerate(names):
            _check(document, (field, place), kind, name)
    for path, values in found.vary.items():
        root, _, below = path.partition(".")
        if "tables" in path:
            raise document.positions.error(("vary", path), "cost tables cannot vary here", key=True)
        if root == "design" and below in _PARTS:
            for place, value in enumerate(values):
                _check(document, ("vary", path, place), below, str(value))
    return SweepPlan(_FILE, text, spec.get("accounting"))


def _check(document: Document, where: Sequence[str | int], kind: str, name: str) -> None:
    try:
        check_name(kind, name, names_of(kind))
    except UnknownName as error:
        raise document.positions.error(tuple(where), f"unknown {kind} {name!r}", suggestion=error.suggestion) from None


def _check_search(spec: Mapping[str, Any]) -> None:
    check_name("accelerator", spec["accelerator"], names_of("accelerator"))
    for name in spec["like"]:
        check_name("design", name, names_of("design"))


def _cascade(reference: str) -> Cascade:
    return load(reference) if reference in names_of("cascade") else cascade_of(reference)
