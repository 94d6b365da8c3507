"""What a sweep will take, from a few of its points: time, size of the store, and how many workers are of use."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.base.units import format_bytes
from fusemax.search.grid import Part
from fusemax.search.pieces import MOST_POINTS, TARGET_S
from fusemax.search.store import open_store
from fusemax.search.sweep import SweepPlan

__all__ = ["Estimate", "estimate"]

_MOST_PARTS = 12
_SAMPLE_S = 0.5  # of one part
_MOST_STORED = 200_000


@dataclass(frozen=True)
class Estimate(Result):
    """Measured on this machine, in processor seconds, so that what else runs here shows less."""

    command: ClassVar[str] = "sweep-estimate"
    name: str
    num_points: int
    find_s: float
    """For one point, on one core."""
    store_s: float
    """For one point, in the process that writes the store."""
    point_bytes: float
    workers: int

    @property
    def chunk_points(self) -> int:
        """Points found at once by one worker."""
        return max(1, min(MOST_POINTS, int(TARGET_S / self.find_s)))

    @property
    def store_bytes(self) -> float:
        """The store when all is done."""
        return self.num_points * self.point_bytes

    @property
    def seconds(self) -> float:
        """With so many workers: the longer of finding and of storing."""
        return self.num_points * max(self.find_s / self.workers, self.store_s)

    @property
    def useful_workers(self) -> int:
        """Workers past which storing takes longer than finding."""
        return max(1, round(self.find_s / self.store_s))

    def rows(self) -> list[dict[str, object]]:
        """One quantity each."""
        pairs: Sequence[tuple[str, float, str]] = (
            ("points", self.num_points, "1"),
            ("points per second of one worker", round(1 / self.find_s), "1/s"),
            ("points per second into one store", round(1 / self.store_s), "1/s"),
            ("points per chunk", self.chunk_points, "1"),
            ("chunks", -(-self.num_points // self.chunk_points), "1"),
            ("store", round(self.store_bytes), "B"),
            ("workers", self.workers, "1"),
            ("useful workers", self.useful_workers, "1"),
            ("time", round(self.seconds, 1), "s"),
        )
        return [{"quantity": name, "value": value, "unit": unit} for name, value, unit in pairs]

    def document(self) -> Mapping[str, object]:
        """Name and rows."""
        return {"sweep": self.name, "rows": self.rows()}

    def headline(self) -> str:
        """Time and size."""
        bound = "storing" if self.num_points and self.find_s / self.workers < self.store_s else "finding"
        size = format_bytes(round(self.store_bytes))
        return f"{self.name}: {self.num_points} points in about {_clock(self.seconds)} ({bound} bounds it), {size}"


def _clock(seconds: float) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def estimate(plan: SweepPlan, workers: int = 1) -> Estimate:
    """Find and store a sample of a sweep's points in a file that is thrown away. Raises the plan's errors."""
    parts = plan.parts
    step = max(1, len(parts) // _MOST_PARTS)
    chosen = parts[::step][:_MOST_PARTS]
    with tempfile.TemporaryDirectory() as folder:
        samples = [_sample(part, Path(folder) / f"{i}.db") for i, part in enumerate(chosen)]
    weights = [part.num_points / sum(p.num_points for p in chosen) for part in chosen]
    find, store, size = (sum(w * s[i] for w, s in zip(weights, samples, strict=True)) for i in range(3))
    return Estimate(plan.name, plan.num_points, find, store, size, workers)


def _sample(part: Part, path: Path) -> tuple[float, float, float]:
    """Seconds to find a point and to store it, and bytes: from the middle of a part, where points are like most."""
    middle = part.num_points // 2
    number = min(part.first_step, part.num_points - middle)
    part.figures(middle, middle + number, threads=1)  # programs and tables are made once
    found, begun = 0, time.process_time()
    while found < number or time.process_time() - begun < _SAMPLE_S / 4:
        figures = part.figures(middle, middle + number, threads=1)
        found += number
    find_s = (time.process_time() - begun) / found
    open_store(path).close()
    empty = path.stat().st_size
    with open_store(path) as store:
        stored, begun = 0, time.process_time()
        while stored < min(part.num_points, _MOST_STORED) and time.process_time() - begun < _SAMPLE_S:
            stop = min(stored + number, part.num_points)
            inputs = part.inputs(stored, stop)
            store.add(part.study, inputs, figures[: len(inputs)])
            stored = stop
        store_s = (time.process_time() - begun) / stored
    return max(find_s, 1e-9), store_s, (path.stat().st_size - empty) / stored
