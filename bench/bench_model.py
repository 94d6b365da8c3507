"""The model against budgets of time: the published grid, a million points at once, one point through the API."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bench.case import Case
from fusemax.model.areasweep import area_sweep
from fusemax.model.batch import evaluate_batch
from fusemax.model.compare import compare
from fusemax.model.evaluate import evaluate

POINTS = 1_000_000
SINGLE = 100
FIGURES = ("latency_s", "traffic_bytes", "energy_pj", "area_um2")


def grid() -> None:
    """5 designs x 4 models x 6 lengths, attention and linear layers, and the area sweep."""
    compare(accounting="published")
    area_sweep()


def drawn() -> dict[str, np.ndarray]:
    """A million FuseMax points: array edge, length, buffer, head size."""
    random = np.random.default_rng(0)
    edge = 2 ** random.integers(4, 10, POINTS)
    size = 2 ** random.integers(5, 8, POINTS)
    return {
        "edge": edge,
        "seq_len": edge * random.integers(1, 4096, POINTS),
        "buffer.capacity": 2 ** random.integers(21, 27, POINTS),
        "E": size,
        "F": size,
    }


def budget(seconds: float) -> Callable[[], None]:
    """A baseline that takes what we promise."""
    return lambda: time.sleep(seconds)


def singles() -> None:
    """Points one by one."""
    for i in range(SINGLE):
        found = evaluate("fusemax", "bert", 4096 + 256 * i)
        assert found.latency_s > 0 and found.energy_pj


def cases() -> list[Case]:
    """Budgets; two cores are meant."""
    points = drawn()

    def batch(accounting: str) -> Callable[[], object]:
        return lambda: evaluate_batch("fusemax", "bert", points, accounting, FIGURES)

    return [
        Case("published grid and area sweep", "1 s", grid, budget(1.0), at_most=1.0),
        *(
            Case(
                f"1,000,000 points, {accounting}, energy and area",
                "0.5 s (2,000,000 a second)",
                batch(accounting),
                budget(0.5),
                at_most=1.0,
            )
            for accounting in ("published", "corrected")
        ),
        Case(f"{SINGLE} points through `evaluate`", "1 ms each", singles, budget(SINGLE * 1e-3), at_most=1.0),
    ]
