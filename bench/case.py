"""One measured comparison: ours against a named baseline, alternating in the same process and run."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Case:
    """``ours`` and ``baseline`` do the same job; ``at_most`` is the ratio of times we promise, None for none.

    With ``points``, so many things ``counted``, ours is told per second as well.
    ``memory_at_most`` bounds the ratio of peak allocations and makes the runner measure them (NumPy's count too).
    """

    name: str
    baseline_name: str
    ours: Callable[[], object]
    baseline: Callable[[], object]
    at_most: float | None = None
    memory_at_most: float | None = None
    repeat: int = 5
    points: int | None = None
    counted: str = "points"
    tells: bool = False
    """Ours returns its own seconds: another clock, that of a page, leaves out what only watches it."""


@dataclass(frozen=True)
class Measurement:
    """Seconds are medians; ``ratio`` is the median over the pairs, so a slow moment hits both sides."""

    case: Case
    ours_s: float
    baseline_s: float
    ratio: float
    memory_ratio: float | None

    @property
    def is_kept(self) -> bool:
        """Whether every promised ratio holds."""
        fast = self.case.at_most is None or self.ratio <= self.case.at_most
        small = self.case.memory_at_most is None or (self.memory_ratio or 0) <= self.case.memory_at_most
        return fast and small


def measure(case: Case) -> Measurement:
    """Run both sides once to warm up, then ``repeat`` times alternating."""
    case.ours()
    case.baseline()
    ours = _told if case.tells else _seconds
    pairs = [(ours(case.ours), _seconds(case.baseline)) for _ in range(case.repeat)]
    memory = None if case.memory_at_most is None else _peak(case.ours) / _peak(case.baseline)
    return Measurement(
        case, median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs), memory
    )


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def _told(job: Callable[[], object]) -> float:
    found = job()
    assert isinstance(found, float)
    return found


def _peak(job: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        job()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
