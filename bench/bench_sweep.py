"""Sweeps into a store: in this process, on 1 and 2 Dask workers, and what a chunk costs that does nothing.

The points of the batch engine cost less than storing them, so that workers gain little with these; they gain with
designs that search their mapping at every point.
"""

from __future__ import annotations

import atexit
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.case import Case
from fusemax.search.cluster import Cluster
from fusemax.search.grid import Reals, Wholes
from fusemax.search.pieces import Cutter, Engine, InProcess
from fusemax.search.store import open_store
from fusemax.search.study import Study
from fusemax.search.sweep import SweepPlan, run_sweep

CHEAP = """designs: [fusemax]
workloads: [bert]
seq_lens: {from: 1K, to: 50K, step: 1K}
vary:
  edge: [16, 32, 64, 128, 256]
  buffer.capacity: {from: 1MiB, to: 40MiB, step: 1MiB}
  workload.batch: {from: 1, to: 10}
"""
DEAR = """designs: [flat]
workloads: [bert]
seq_lens: {from: 4K, to: 64K, step: 2K}
"""
CHUNKS = 200


@dataclass(frozen=True)
class Nothing:
    """Points without work, one at a time."""

    num_points: int = CHUNKS
    first_step: int = 1

    @property
    def study(self) -> Study:
        return Study.of({}, {}, ["x"], ["y"])

    def inputs(self, start: int, stop: int) -> Wholes:
        return np.arange(start, stop).reshape(-1, 1)

    def figures(self, start: int, stop: int, only: Wholes | None = None, threads: int | None = None) -> Reals:
        return np.zeros((stop - start, 1))


@cache
def local(workers: int) -> str:
    """The address of a cluster of so many processes on this machine, started when first asked for."""
    import distributed

    started: Any = distributed.LocalCluster
    found = started(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL")
    atexit.register(found.close)
    return str(found.scheduler_address)


def on(workers: int) -> Engine:
    return Cluster(local(workers)) if workers else InProcess()


def sweep(text: str, workers: int) -> Callable[[], None]:
    """All points into a fresh store."""
    plan = SweepPlan("<bench>", text)

    def job() -> None:
        with tempfile.TemporaryDirectory() as folder:
            done = run_sweep(plan, Path(folder) / "a.db", on(workers))
            assert done.num_new == done.num_points

    return job


def chunks(workers: int) -> None:
    """Chunks of one point that is found at once."""
    part = Nothing()
    with open_store(None) as store:
        found = list(on(workers).run([part], Cutter([part], store, lambda points: None, target_s=0.0)))
    assert len(found) == CHUNKS


def cases() -> list[Case]:
    """Points per second; one worker is the baseline of two."""
    cheap, dear = SweepPlan("<bench>", CHEAP).num_points, SweepPlan("<bench>", DEAR).num_points
    return [
        Case(
            f"{cheap:,} points stored, in process", "100,000 points/s", sweep(CHEAP, 0),
            lambda: time.sleep(cheap / 100_000), 1.0, repeat=3, points=cheap,
        ),
        Case(
            f"{cheap:,} points stored, 1 worker", "in process", sweep(CHEAP, 1), sweep(CHEAP, 0), 2, repeat=3,
            points=cheap,
        ),
        Case(
            f"{cheap:,} points stored, 2 workers", "1 worker", sweep(CHEAP, 2), sweep(CHEAP, 1), 1.3, repeat=3,
            points=cheap,
        ),
        Case(
            f"{dear} points that search, 2 workers", "1 worker", sweep(DEAR, 2), sweep(DEAR, 1), 0.75, repeat=1,
            points=dear,
        ),
        Case(
            f"{CHUNKS} chunks without work, 2 workers", "10 ms each", lambda: chunks(2),
            lambda: time.sleep(0.01 * CHUNKS), 1.0, repeat=3, points=CHUNKS, counted="chunks",
        ),
    ]  # fmt: skip
