"""Points that take time, for tests of who computes them; workers import this module as the coordinator does."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from fusemax.search.code import code_digest
from fusemax.search.grid import Reals, Wholes
from fusemax.search.study import Study

SLOW = "FUSEMAX_TEST_SLOWNESS"
"""Environment variable of a worker that takes so many times as long."""


@dataclass(frozen=True)
class SlowPart:
    """Figures that are known beforehand, each after a while."""

    num_points: int = 200
    seconds: float = 0.01

    @property
    def study(self) -> Study:
        return Study.of({"code": code_digest()}, {"design": "slow"}, ["x", "y"], ["square", "third"])

    @property
    def first_step(self) -> int:
        return 5

    def inputs(self, start: int, stop: int) -> Wholes:
        numbers = np.arange(start, stop)
        return np.column_stack([numbers // 10, numbers % 10])

    def figures(self, start: int, stop: int, only: Wholes | None = None, threads: int | None = None) -> Reals:
        numbers = np.arange(start, stop)[slice(None) if only is None else only].astype(float)
        time.sleep(self.seconds * len(numbers) * float(os.environ.get(SLOW, "1")))
        return np.column_stack([numbers**2, np.where(numbers % 7 == 0, np.nan, numbers / 3)])
