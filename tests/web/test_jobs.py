"""Sweeps and searches of the explorer: live, ended, gone on with, and found again after the server was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from fusemax.base.files import write_atomically
from fusemax.search.about import verify
from fusemax.search.store import open_store
from fusemax.search.sweep import SweepPlan, run_sweep
from fusemax.web.answers.jobs import run_job
from fusemax.web.jobs import Job, Jobs
from fusemax.web.limits import Limits
from fusemax.web.processes import Nursery
from fusemax.web.routes.jobs import _searched
from tests.web.running import Explorer

SMALL = "sweep: small\ndesigns: [fusemax]\nworkloads: [bert]\nseq_lens: [4K, 8K]\nvary: {edge: [64, 128, 256]}\n"
LONG = (  # designs whose mapping is searched point by point
    "sweep: long\ndesigns: [flat]\nworkloads: [bert]\nseq_lens: [1K, 2K]\nvary: {edge: {from: 16, to: 240, step: 4}}\n"
)


def _until(get: Any, key: str, states: tuple[str, ...], seconds: float = 60) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = get(f"/api/jobs/{key}.json").json()
        if found["state"] in states:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_a_sweep_from_start_to_point(served: Explorer) -> None:
    job = served.post("/api/jobs.json", {"kind": "sweep", "spec": {"text": SMALL}}).json()
    assert (job["state"], job["total"], job["title"]) == ("running", 6, "small")
    found = _until(served.get, job["id"], ("done", "failed"))
    assert (found["state"], found["done"], found["num_points"]) == ("done", 6, 6)
    assert found["result"] == {"points": 6, "new": 6}
    assert {point["label"] for point in found["points"]} <= {"edge 64", "edge 128", "edge 256"}
    assert len(found["points"]) + found["num_unknown"] == 6  # no table knows the area of the buffer of an edge of 128
    with open_store(served.store, write=False) as store:
        assert {row["key"] for row in store.rows()} >= {point["key"] for point in found["points"]}
    point = served.get(f"/api/points/{job['id']}/{found['points'][0]['key']}.json").json()
    again = served.post("/api/model.json", {name: point[name] for name in ("workload", "seq_len", "accounting")} | {
        "design": point["text"]
    }).json()  # fmt: skip
    assert abs(again["latency_s"] / found["points"][0]["figures"]["latency_s"] - 1) < 1e-9
    other = served.get(f"/api/jobs/{job['id']}.json", params={"x": "traffic_bytes", "y": "roofline_fraction"}).json()
    assert other["axes"]["x"] == {"name": "traffic", "unit": "B", "figure": "traffic_bytes"}
    assert served.get(f"/api/jobs/{job['id']}.json", params={"x": "beauty"}).status_code == 422


def test_what_the_command_line_stores_is_seen(served: Explorer) -> None:
    run_sweep(SweepPlan("mine.yaml", SMALL.replace("bert", "t5")), served.store)
    jobs = served.get("/api/jobs.json").json()["jobs"]
    (stored,) = [job for job in jobs if job["kind"] == "stored" and "t5" in job["title"]]
    assert (stored["state"], stored["done"]) == ("stored", 6)
    found = served.get(f"/api/jobs/{stored['id']}.json").json()
    assert found["num_points"] == 6 and all(point["inputs"]["workload"] == "t5" for point in found["points"])
    key = found["points"][0]["key"]
    assert served.get(f"/api/points/{stored['id']}/{key}.json").json()["workload"] == "t5"
    assert served.post(f"/api/jobs/{stored['id']}/cancel.json", {}).status_code == 404


def test_cancel_and_resume(served: Explorer) -> None:
    job = served.post("/api/jobs.json", {"kind": "sweep", "spec": {"text": LONG}}).json()
    _started(served.get, job["id"])
    ended = served.post(f"/api/jobs/{job['id']}/cancel.json", {}).json()
    assert ended["state"] == "cancelled" and 0 < ended["done"] < 114
    assert served.get(f"/api/jobs/{job['id']}.json").json()["num_points"] > 0
    assert served.post(f"/api/jobs/{job['id']}/resume.json", {}).json()["state"] == "running"
    assert served.post(f"/api/jobs/{job['id']}/resume.json", {}).json()["state"] == "running"
    assert served.post(f"/api/jobs/{job['id']}/cancel.json", {}).json()["state"] == "cancelled"
    for wrong in ("cancel", "resume"):
        assert served.post(f"/api/jobs/nothing/{wrong}.json", {}).status_code == 404


def test_a_search(served: Explorer) -> None:
    spec = {"cascade": "attn_3pass", "accelerator": "fusemax-cloud", "seq_len": "1K"}
    job = served.post("/api/jobs.json", {"kind": "search", "spec": spec}).json()
    found = _until(served.get, job["id"], ("done", "failed"))
    assert found["state"] == "done" and found["best"]["objective"] == "latency" and "seen" not in found
    assert found["points"][0]["key"] == "0"
    assert abs(found["points"][0]["y"] / found["best"]["value"] - 1) < 1e-9
    point = served.get(f"/api/points/{job['id']}/0.json").json()
    again = served.post("/api/model.json", {"design": point["text"], "workload": "bert", "seq_len": 1024}).json()
    assert abs(again["latency_s"] / found["best"]["value"] - 1) < 1e-9
    for key in ("1", "other", "99999999999999999999"):
        assert served.get(f"/api/points/{job['id']}/{key}.json").status_code == 404


def test_the_front_of_a_search_while_it_runs(tmp_path: Path) -> None:
    """What was found last is the front, what was found before stays on the picture."""
    jobs = Jobs(str(tmp_path / "runs.db"), Limits(), Nursery(str(tmp_path)))
    jobs.kept.mkdir()
    spec = {"objective": ["latency", "energy"]}
    jobs.jobs["a"] = job = Job("a", "search", spec, "a search")
    assert _searched(job)["points"] == []
    row = {"traffic_bytes": 1.0, "area_um2": None, "edp_pj_s": 6.0}
    first, second, third = (
        {**row, "latency_s": s, "energy_pj": e, "place": [n], "words": f"w{n}"}
        for n, (s, e) in enumerate([(3, 2), (1, 6), (2, 1)])
    )
    for front in ([first], [first, second], [second, third]):
        jobs._heard("a", {"front": front})
    found = _searched(jobs.jobs["a"])
    assert (found["axes"]["x"]["figure"], found["axes"]["y"]["figure"]) == ("energy_pj", "latency_s")
    assert [(p["label"], p["x"], p["y"], p["front"]) for p in found["points"]] == [
        ("w1", 6, 1, True), ("w2", 1, 2, True), ("w0", 2, 3, False),
    ]  # fmt: skip
    assert {point["key"] for point in found["points"]} == {""} and found["best"] is None
    jobs._put(jobs.jobs["a"])
    again = Jobs(jobs.store, Limits(), Nursery(str(tmp_path)))
    again.load()
    assert again.jobs["a"].state == "stopped" and _searched(again.jobs["a"]) == found
    assert "seen" not in job.document() and "result" not in job.document()


def test_a_search_says_what_it_has_found() -> None:
    seen: list[list[dict[str, Any]]] = []
    spec = {
        "cascade": "attn_3pass", "accelerator": "fusemax-cloud", "workload": "bert", "seq_len": "1K",
        "objective": ["latency", "energy"], "accounting": "corrected", "like": [], "exhaustive": False,
    }  # fmt: skip
    found: Any = run_job("search", spec, "", see=seen.append)
    places = [[row["latency_s"] for row in front] for front in seen if front]
    assert places[-1] == [row["latency_s"] for row in found["front"]]


def test_wrong_specifications(served: Explorer) -> None:
    for spec in ({"text": "designs: [fusemaks]\nworkloads: [bert]\nseq_lens: [4K]\n"}, {"text": "x"}, {}):
        found = served.post("/api/jobs.json", {"kind": "sweep", "spec": spec})
        assert found.status_code == 422, spec
    huge = SMALL.replace("[64, 128, 256]", "{from: 1, to: 9000000}").replace("[4K, 8K]", "{from: 1, to: 1000}")
    assert served.post("/api/jobs.json", {"kind": "sweep", "spec": {"text": huge}}).status_code == 422
    assert served.post("/api/jobs.json", {"kind": "other", "spec": {}}).status_code == 400


def test_so_many_at_once(served: Explorer) -> None:
    question = {"kind": "sweep", "spec": {"text": LONG}}
    begun = [served.post("/api/jobs.json", question).json()["id"] for _ in range(served.state.limits.num_jobs)]
    assert served.post("/api/jobs.json", question).status_code == 429
    for key in begun:
        served.post(f"/api/jobs/{key}/cancel.json", {})


def test_the_server_killed_in_a_sweep(tmp_path: Path) -> None:
    """What was stored is whole; a server that is started again lists the job, and it goes on to its end."""
    spec = LONG.replace("to: 240", "to: 36").replace("[1K, 2K]", "[1K]")
    first, address = _serve(tmp_path)
    job = httpx.post(f"{address}/api/jobs.json", json={"kind": "sweep", "spec": {"text": spec}}, timeout=60).json()
    _started(lambda path: httpx.get(address + path, timeout=60), job["id"])
    children = _children(first.pid)
    first.kill()
    first.communicate()
    end = time.monotonic() + 15
    while any(os.path.exists(f"/proc/{pid}") for pid in children):  # none outlives it
        assert time.monotonic() < end
        time.sleep(0.05)
    store = tmp_path / "runs.db"
    assert verify(str(store)).is_whole
    with open_store(store, write=False) as opened:
        before = len(opened)
    assert 0 < before < 6
    second, address = _serve(tmp_path)
    try:
        (listed,) = httpx.get(f"{address}/api/jobs.json", timeout=60).json()["jobs"]
        assert (listed["id"], listed["state"]) == (job["id"], "stopped")
        httpx.post(f"{address}/api/jobs/{job['id']}/resume.json", json={}, timeout=60)
        found = _until(lambda path: httpx.get(address + path, timeout=60), job["id"], ("done", "failed"))
        assert found["result"] == {"points": 6, "new": 6 - before}
    finally:
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=30)
        assert second.returncode == 0
    assert verify(str(store)).is_whole


def _started(get: Any, key: str) -> None:
    end = time.monotonic() + 60
    while not (found := get(f"/api/jobs/{key}.json").json())["num_points"]:
        assert found["state"] == "running" and time.monotonic() < end, found
        time.sleep(0.05)


def _serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-u", "-m", "fusemax", "serve", "--no-open", "--port", "0", "--store", "runs.db"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    line = server.stdout.readline()
    return server, "http://" + line.partition("http://")[2].split()[0].rstrip("/")


def _children(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.exists():
        return []
    return [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    jobs = Jobs(str(tmp_path / "runs.db"), Limits(), Nursery(str(tmp_path)))
    jobs.kept.mkdir()
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"id": "c"}'), ("d", '{"about": null}')):
        write_atomically(jobs.kept / f"{name}.json", text)
    jobs.load()
    assert jobs.list() == []
