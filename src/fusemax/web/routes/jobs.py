"""`/api/jobs`, `/api/points`: sweeps and searches, and what the store holds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from fusemax.web.axes import axis
from fusemax.web.desk import answer, refusal
from fusemax.web.fronts import stamp_of
from fusemax.web.jobs import RUNNING, Job, Jobs
from fusemax.web.pool import Busy
from fusemax.web.routes.models import ERRORS, Name, Open, Strict, Text

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["jobs"], responses=ERRORS)

STORED = "stored"
"""The state of a study that no job of ours made: it may be growing."""

Key = Annotated[str, Path(max_length=1000, pattern="^[0-9a-z-]+$")]
Accounting = Literal["corrected", "published"]
Objective = Literal["latency", "energy", "edp", "traffic", "area"]


class SweepSpec(Strict):
    """A sweep: its specification as text (as in a file of `fusemax sweep`), or none for the paper's Figure 12."""

    text: Annotated[str, Field(max_length=1 << 18)] | None = None
    name: Literal["fig12"] | None = None
    accounting: Accounting | None = None


class SearchSpec(Strict):
    """A search; the accelerator is one of the catalogue."""

    cascade: Annotated[str, Field(min_length=1, max_length=1 << 18, description="A catalogue name or the text.")] = (
        Field(examples=["attn_1pass_fusemax"])
    )
    accelerator: Name = Field(examples=["fusemax-cloud"])
    workload: Text = "bert"
    seq_len: Annotated[int, Field(ge=1, le=1 << 30)] | Annotated[str, Field(max_length=20)] = "4K"
    objective: Objective | Annotated[list[Objective], Field(min_length=1, max_length=3)] = Field(
        "latency", description="What is least; of two or three the front."
    )
    accounting: Accounting = "corrected"
    like: Annotated[list[Name], Field(max_length=16)] = Field([])
    exhaustive: bool = False


class SweepQuestion(Strict):
    """Start a sweep."""

    kind: Literal["sweep"]
    spec: SweepSpec


class SearchQuestion(Strict):
    """Start a search."""

    kind: Literal["search"]
    spec: SearchSpec


class Nothing(Strict):
    """An empty object: a body of JSON is what a page of another site cannot send."""


class JobAnswer(Open):
    """A job; `rate` is points a second, `left_s` the seconds it will take."""

    id: str
    kind: str
    title: str
    state: Literal["running", "done", "cancelled", "failed", "stopped", "stored"]
    done: int
    total: int | None
    rate: float | None
    left_s: float | None


class JobList(Open):
    """The jobs, newest first; studies of the store that belong to none follow as jobs of kind `stored`."""

    store: str
    jobs: list[JobAnswer]


class PointAnswer(Open):
    """A point as a design."""

    key: str
    text: str
    workload: str
    accounting: str


def jobs_of(request: Request) -> Jobs:
    """The jobs of the application that serves a request."""
    found: Jobs = request.app.state.jobs
    return found


@router.post("/jobs.json", response_model=JobAnswer)
async def post_job(
    request: Request, question: Annotated[SweepQuestion | SearchQuestion, Field(discriminator="kind")]
) -> Response:
    """Start a sweep or a search."""
    spec = question.spec.model_dump()
    checked = await answer(request, "check_job", {"kind": question.kind, "spec": spec})
    if checked.status_code != 200:
        return checked
    try:
        return _sent(jobs_of(request).begin(question.kind, spec, json.loads(bytes(checked.body))))
    except Busy as busy:
        return refusal(429, "Busy", str(busy))


@router.get("/jobs.json", response_model=JobList)
async def get_jobs(request: Request) -> Response:
    """The jobs, and what else is in the store."""
    jobs = jobs_of(request)
    found = await _studies(request)
    if isinstance(found, Response):
        return found
    listed = [job.document() for job in jobs.list()]
    own = {study for job in jobs.jobs.values() for study in job.studies}
    listed += [_stored(study) for study in found if study["id"] not in own]
    return _json({"store": jobs.store, "jobs": listed})


@router.get("/jobs/{job}.json", response_model=JobAnswer)
async def get_job(
    request: Request,
    job: Key,
    x: Annotated[Name | None, Query(description="A figure; else the first known of area, energy, traffic.")] = None,
    y: Annotated[Name, Query(description="The other figure of the front.")] = "latency_s",
) -> Response:
    """A job with its points and front: those found so far."""
    jobs = jobs_of(request)
    one = jobs.get(job)
    if one is None:
        found = await _studies(request)
        if isinstance(found, Response):
            return found
        shown = next((_stored(study) for study in found if f"study-{study['id']}" == job), None)
        if shown is None:
            return refusal(404, "UnknownName", f"there is no job {job}")
    else:
        shown = {**one.document(), "result": one.result}
        if one.kind == "search":
            return _json({**shown, **_searched(one)})
    front = await _front(request, shown["studies"], x, y, is_growing=shown["state"] in (RUNNING, STORED))
    return front if isinstance(front, Response) else _json({**shown, **front})


@router.post("/jobs/{job}/cancel.json", response_model=JobAnswer)
async def cancel_job(request: Request, job: Key, _nothing: Nothing) -> Response:
    """End a job; what it found stays."""
    jobs = jobs_of(request)
    return (
        refusal(404, "UnknownName", f"there is no job {job}")
        if jobs.get(job) is None
        else _sent(await jobs.cancel(job))
    )


@router.post("/jobs/{job}/resume.json", response_model=JobAnswer)
async def resume_job(request: Request, job: Key, _nothing: Nothing) -> Response:
    """Go on with a job that was ended."""
    jobs = jobs_of(request)
    one = jobs.get(job)
    if one is None:
        return refusal(404, "UnknownName", f"there is no job {job}")
    checked = await answer(request, "check_job", {"kind": one.kind, "spec": dict(one.spec)})
    if checked.status_code != 200:
        return checked
    try:
        return _sent(await jobs.resume(job, json.loads(bytes(checked.body))))
    except Busy as busy:
        return refusal(429, "Busy", str(busy))


@router.get("/points/{job}/{key}.json", response_model=PointAnswer)
async def get_point(request: Request, job: Key, key: Key) -> Response:
    """A point of a job as a design: click it, open it."""
    jobs = jobs_of(request)
    found = jobs.get(job)
    if found is not None and found.kind == "search":
        texts = (found.result or {}).get("texts", [])
        text = texts[int(key)] if key.isdecimal() and int(key) < len(texts) else None
        if text is None or found.result is None:
            return refusal(404, "UnknownName", f"job {job} has no point {key}")
        shown = {"workload": found.spec["workload"], "accounting": found.spec["accounting"]}
        return _json({"key": key, "text": text, "seq_len": found.result["seq_len"], **shown})
    if found is None and not job.startswith("study-"):
        return refusal(404, "UnknownName", f"there is no job {job}")
    return await answer(request, "point", {"store": jobs.store, "key": key}, is_long=True, keep=False, missing=404)


async def _studies(request: Request) -> list[dict[str, Any]] | Response:
    found = await answer(request, "studies", {"store": jobs_of(request).store}, keep=False)
    if found.status_code != 200:
        return found
    listed: list[dict[str, Any]] = json.loads(bytes(found.body))["studies"]
    return listed


async def _front(
    request: Request, ids: list[str], x: str | None, y: str, *, is_growing: bool
) -> dict[str, Any] | Response:
    store, fronts = jobs_of(request).store, request.app.state.fronts
    key, stamp, begun = json.dumps([ids, x, y]), stamp_of(store), time.monotonic()
    body: bytes | None = fronts.get(key, stamp, is_growing=is_growing)
    if body is None:
        found = await answer(request, "front", {"store": store, "ids": ids, "x": x, "y": y}, is_long=True, keep=False)
        if found.status_code != 200:
            return found
        body = bytes(found.body)
        fronts.put(key, stamp, time.monotonic() - begun, body)
    shown: dict[str, Any] = json.loads(body)
    return shown


def _stored(study: dict[str, Any]) -> dict[str, Any]:
    """A study that no job of ours made, in the form of a job."""
    about = study["about"]
    more = [str(v) for k, v in about.items() if k not in ("design", "workload", "version", "code")]
    return {
        "id": f"study-{study['id']}", "kind": "stored", "state": STORED, "done": study["points"], "total": None,
        "title": f"{about.get('design')}, {about.get('workload')} ({', '.join(more)}) over {', '.join(study['axes'])}",
        "studies": [study["id"]], "rate": None, "left_s": None,
    }  # fmt: skip


def _searched(job: Job) -> dict[str, Any]:
    """The front of a search in the form of a sweep's, the best first; while it runs, what it is so far and was before.

    Points of a search that is done are numbered; those on the way have no key, as no design was made of them.
    """
    if job.result is None:
        rows: list[Mapping[str, Any]] = list(job.seen)
        found = [(row, "", "so far" if row["is_front"] else "before", row["is_front"], row["words"]) for row in rows]
    else:
        rows = job.result["front"]
        names = ("best", *(f"front {number}" for number in range(1, len(rows))))
        found = [(row, str(number), "front", True, names[number]) for number, row in enumerate(rows)]
    if not rows:
        return {"points": [], "num_points": 0, "is_whole": True, "best": None}
    cost, other = _axes(job, rows)
    points = [
        {
            "key": key, "x": row[cost], "y": row[other], "front": is_front, "series": series, "label": label,
            "inputs": {}, "figures": {name: value for name, value in row.items() if name in _FIGURES.values()},
        }
        for row, key, series, is_front, label in found
        if row.get(cost) is not None and row.get(other) is not None
    ]  # fmt: skip
    shown = ("objective", "value", "unit", "bound", "roofline_fraction", "headline")
    return {
        "axes": {"x": axis(cost), "y": axis(other)}, "points": points, "num_points": len(rows), "is_whole": True,
        "best": None if job.result is None else {name: job.result.get(name) for name in shown},
    }  # fmt: skip


_FIGURES = {
    "latency": "latency_s", "energy": "energy_pj", "traffic": "traffic_bytes", "area": "area_um2", "edp": "edp_pj_s",
}  # fmt: skip


def _axes(job: Job, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Two objectives; of one the latency, and what else varies."""
    asked = job.spec["objective"]
    if not isinstance(asked, str) and len(asked) > 1:
        return _FIGURES[asked[1]], _FIGURES[asked[0]]
    costs = ("energy_pj", "area_um2", "traffic_bytes")
    varied = next((name for name in costs if len({row.get(name) for row in rows} - {None}) > 1), None)
    return varied or next((name for name in costs if rows[0].get(name) is not None), costs[-1]), "latency_s"


def _sent(job: Job) -> Response:
    return _json(job.document())


def _json(document: object) -> Response:
    return Response(json.dumps(document), media_type="application/json")
