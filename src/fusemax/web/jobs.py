"""Sweeps and searches that the explorer runs: one process each, remembered in a folder beside the store.

`STORE.jobs/ID.json` holds what a job is and how far it came, so that a server that is started again lists it, and it
can be resumed: a sweep finds in the store what was found before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fusemax.base.files import write_atomically
from fusemax.web.limits import Limits
from fusemax.web.nursery import JOB
from fusemax.web.pool import Busy
from fusemax.web.processes import Child, Nursery

__all__ = ["Job", "Jobs", "default_store"]

_MOST_SEEN = 400
RUNNING, DONE, CANCELLED, FAILED, STOPPED = "running", "done", "cancelled", "failed", "stopped"


def default_store() -> str:
    """Where results go when no store is named: one file in the user's folder for data."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(home, "fusemax", "explorer.db")


@dataclass(frozen=True)
class Job:
    """A job as it is shown and kept. ``studies`` are those of the store that its points belong to."""

    id: str
    kind: str
    spec: Mapping[str, Any]
    title: str
    studies: tuple[str, ...] = ()
    state: str = RUNNING
    done: int = 0
    total: int | None = None
    what: str = ""
    started: float = field(default_factory=time.time)
    seconds: float = 0.0
    """Of the last run."""
    result: Mapping[str, Any] | None = None
    seen: tuple[Mapping[str, Any], ...] = ()
    """What a search found so far: rows of figures; `is_front` tells those that no later one beats."""
    error: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """For the list: all but what was found, with rate and time left."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("result", "seen")}
        rate = self.done / self.seconds if self.seconds > 0 and self.done else None
        left = (self.total - self.done) / rate if rate and self.total is not None and self.state == RUNNING else None
        return {**shown, "studies": list(self.studies), "rate": rate, "left_s": left}


class Jobs:
    """The jobs of one store; see the module."""

    def __init__(self, store: str, limits: Limits, nursery: Nursery) -> None:
        self.store = os.path.abspath(store)
        self.limits = limits
        self.nursery = nursery
        self.kept = Path(f"{self.store}.jobs")
        self.jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, Child] = {}
        self._begun: dict[str, float] = {}

    def load(self) -> None:
        """Read what was kept; what ran when a server ended is stopped now."""
        for file in sorted(self.kept.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                found = json.loads(file.read_text(encoding="utf-8"))
                job = Job(**{**found, "studies": tuple(found["studies"]), "seen": tuple(found.get("seen", ()))})
                self.jobs[job.id] = replace(job, state=STOPPED) if job.state == RUNNING else job

    def list(self) -> list[Job]:
        """The jobs, newest first."""
        return sorted((self._now(job) for job in self.jobs.values()), key=lambda job: (-job.started, job.id))

    def get(self, key: str) -> Job | None:
        """A job as it stands."""
        job = self.jobs.get(key)
        return None if job is None else self._now(job)

    def begin(self, kind: str, spec: Mapping[str, Any], checked: Mapping[str, Any]) -> Job:
        """Start a job whose specification was checked. Busy when enough run, or too many are remembered."""
        if len(self.jobs) >= self.limits.num_kept_jobs:
            raise Busy(f"{len(self.jobs)} jobs are remembered in {self.kept.name}: remove some of its files")
        studies = tuple(checked["studies"])
        job = Job(secrets.token_hex(8), kind, spec, checked["title"], studies, total=checked["total"])
        return self._start(job)

    async def resume(self, key: str, checked: Mapping[str, Any]) -> Job:
        """Run a job again that does not run; a sweep finds what is missing. Busy when enough run."""
        job = self.jobs[key]
        if job.state == RUNNING:
            return self._now(job)
        if key in self._tasks:  # its process is about to end
            await asyncio.gather(self._tasks[key], return_exceptions=True)
        again = Job(key, job.kind, job.spec, checked["title"], tuple(checked["studies"]), total=checked["total"])
        return self._start(again)

    async def cancel(self, key: str) -> Job:
        """End a job that runs; what it stored stays."""
        await self._end(key, CANCELLED)
        return self.jobs[key]

    async def stop(self) -> None:
        """End all; they can be resumed."""
        for key in list(self._tasks):
            await self._end(key, STOPPED)

    def _now(self, job: Job) -> Job:
        begun = self._begun.get(job.id)
        return job if begun is None else replace(job, seconds=time.monotonic() - begun)

    def _start(self, job: Job) -> Job:
        if len(self._tasks) >= self.limits.num_jobs:
            raise Busy(f"{len(self._tasks)} jobs run already: cancel one, or wait for it")
        self.kept.mkdir(parents=True, exist_ok=True)
        self._put(job)
        self._begun[job.id] = time.monotonic()
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return job

    def _put(self, job: Job) -> None:
        self.jobs[job.id] = job
        whole = {name: getattr(job, name) for name in job.__dataclass_fields__}
        write_atomically(self.kept / f"{job.id}.json", json.dumps(whole))

    async def _end(self, key: str, state: str) -> None:
        task = self._tasks.get(key)
        if task is None:
            return
        if key in self._processes:
            self._processes[key].end()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self.jobs[key].state == RUNNING:
            self._finish(replace(self._now(self.jobs[key]), state=state))

    async def _run(self, job: Job) -> None:
        try:
            async with asyncio.timeout(self.limits.job_s):
                await self._watch(job)
            if self.jobs[job.id].state != RUNNING:
                return
            text = f"the process ended at its limit of {self.limits.job_memory_bytes >> 20} MiB of memory"
        except TimeoutError:
            text = f"ended at its limit of {self.limits.job_s / 3600:g} h; resume goes on"
        finally:
            if (process := self._processes.pop(job.id, None)) is not None:
                process.end()
        error = {"kind": "Limit", "message": text, "text": text}
        self._finish(replace(self._now(self.jobs[job.id]), state=FAILED, error=error))

    async def _watch(self, job: Job) -> None:
        process = await self.nursery.fork(JOB, self.limits.job_memory_bytes)
        self._processes[job.id] = process
        task = {"kind": job.kind, "spec": dict(job.spec), "store": self.store}
        process.writer.write(json.dumps(task).encode() + b"\n")
        await process.writer.drain()
        async for line in process.reader:
            message = json.loads(line)
            if "pid" in message:
                process.pid = message["pid"]
            else:
                self._heard(job.id, message)

    def _heard(self, key: str, message: Mapping[str, Any]) -> None:
        job = self.jobs[key]
        if "progress" in message:
            done, total, what = message["progress"]
            self.jobs[key] = replace(job, done=done, total=total, what=what)
        elif "front" in message:
            self.jobs[key] = replace(job, seen=_trail(job.seen, message["front"]))
        elif "error" in message:
            self._finish(replace(self._now(job), state=FAILED, error=message["error"]))
        elif "result" in message:
            done = job.total if job.total is not None else job.done
            self._finish(replace(self._now(job), state=DONE, done=done, result=message["result"], seen=()))

    def _finish(self, job: Job) -> None:
        self._begun.pop(job.id, None)
        self._put(job)


def _trail(seen: tuple[Mapping[str, Any], ...], front: list[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The front as it is now, and what it was before: the last of those no longer on it."""
    places = [row["place"] for row in front]
    before = [{**row, "is_front": False} for row in seen if row["place"] not in places]
    return (*({**row, "is_front": True} for row in front), *before[-_MOST_SEEN:])
