"""Compare two cascades on numbers: are they the same function, and does one lose more digits than the other?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.cascade.ir import Cascade
from fusemax.derive.batch import Outputs, run_all
from fusemax.derive.samples import Sample
from fusemax.execute import run

TOLERANCE = 1e-9
SLACK = 20.0
FLOOR = 1e-5
FLOOR_OF_ALL = 1e-3
SMALLEST = 1e-4


@dataclass(frozen=True)
class Difference:
    """Where two cascades disagree: the sample, the output, its cell and the two values."""

    sample: Sample
    output: str
    cell: tuple[int, ...]
    expected: float
    found: float

    def __str__(self) -> str:
        place = f"[{', '.join(map(str, self.cell))}]" if self.cell else ""
        return f"{self.output}{place} is {self.found:.9g} instead of {self.expected:.9g} on {self.sample.name!r}"


@dataclass(frozen=True)
class Check:
    """The largest error over all benign samples, relative to the largest value, and the first disagreement."""

    max_error: float
    samples: int
    difference: Difference | None


class Reference:
    """A source cascade with its outputs on samples, computed once."""

    def __init__(self, cascade: Cascade, samples: Sequence[Sample]) -> None:
        self.cascade, self.samples = cascade, tuple(samples)
        self._known: dict[str, Outputs] = {}

    def all_outputs(self, dtype: str = "float64") -> Outputs:
        """The source's outputs on all samples, which are along the first axis."""
        if dtype not in self._known:
            self._known[dtype] = run_all(self.cascade, self.samples, dtype)
        return self._known[dtype]

    def outputs(self, number: int, dtype: str = "float64") -> Outputs:
        """The source's outputs on sample `number`."""
        return {name: array[number] for name, array in self.all_outputs(dtype).items()}

    def size(self, name: str) -> float:
        """The largest finite value of an output over all benign samples."""
        benign = [n for n, sample in enumerate(self.samples) if not sample.is_stress]
        values = self.all_outputs()[name][benign]
        return float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))

    def check(self, cascade: Cascade, most: int | None = None) -> Check:
        """Compare a cascade with the source on the samples (the first `most` of them)."""
        largest = 0.0
        first: Difference | None = None
        samples = self.samples[:most]
        every = run_all(cascade, samples) if samples else {}
        for number, sample in enumerate(samples):
            if sample.is_stress:
                continue
            for name, array in self.outputs(number).items():
                found = every[name][number]
                least = max(FLOOR_OF_ALL * self.size(name), SMALLEST * min(1.0, _size(sample)))
                error, cell = _error(array, found, least)
                if error > TOLERANCE and first is None:
                    steady = np.where(self._is_steady(number, name, found), array, np.nan)
                    error, cell = _error(steady, found, least)
                if error > TOLERANCE and first is None:
                    first = Difference(sample, name, cell, float(array[cell]), float(found[cell]))
                if np.isfinite(error):
                    largest = max(largest, error)
        return Check(largest, len(samples), first)

    def _is_steady(self, number: int, name: str, found: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where a change of the inputs in the last digit moves the source's output by far less than the difference."""
        sample = self.samples[number]
        rng = np.random.default_rng(number)
        shaken = {}
        for tensor, array in sample.inputs.items():
            factor = rng.choice([1 - 1e-15, 1 + 1e-15], size=array.shape)
            shaken[tensor] = np.where(array == np.round(array), array, array * factor)
        moved = run(self.cascade, shaken)[name]
        expected = self.outputs(number)[name]
        with np.errstate(all="ignore"):
            noise = 1e4 * np.abs(moved - expected) + 1e-15 * np.abs(expected)
            return np.asarray(~(np.abs(found - expected) <= noise) & np.isfinite(moved))

    def worst_loss(self, cascade: Cascade) -> float:
        """The largest ratio of a cascade's single-precision error to what is allowed; inf when it overflows."""
        worst = 0.0
        numbers = [n for n, sample in enumerate(self.samples) if sample.is_stress]
        if not numbers:
            return worst
        every = run_all(cascade, [self.samples[n] for n in numbers], "float32")
        for place, number in enumerate(numbers):
            truth, own = self.outputs(number), self.outputs(number, "float32")
            for name, array in truth.items():
                allowed = SLACK * _finite_error(array, own[name]) + FLOOR
                where = np.isfinite(own[name])
                error, _ = _error(np.where(where, array, np.nan), every[name][place])
                worst = max(worst, error / allowed)
        return worst


def _error(
    expected: NDArray[np.float64], found: NDArray[np.float64], least: float = 0.0
) -> tuple[float, tuple[int, ...]]:
    """The largest error where the expected value is finite, over the largest such value (or `least`), and its cell."""
    finite = np.isfinite(expected)
    if not finite.any():
        return 0.0, ()
    size = max(float(np.max(np.abs(expected[finite]))), least)
    with np.errstate(all="ignore"):
        errors = np.where(finite, np.abs(found - np.where(finite, expected, 0.0)), 0.0)
    errors = np.where(finite & ~np.isfinite(found), np.inf, errors)
    flat = int(np.argmax(errors))
    cell = tuple(int(i) for i in np.unravel_index(flat, errors.shape))
    largest = float(errors[cell])
    return (largest / size if size > 0 else largest), cell


def _size(sample: Sample) -> float:
    """The largest finite input."""
    arrays = [array[np.isfinite(array)] for array in sample.inputs.values()]
    return max((float(np.max(np.abs(a), initial=0.0)) for a in arrays), default=0.0)


def _finite_error(expected: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    both = np.isfinite(expected) & np.isfinite(found)
    if not both.any():
        return 0.0
    return _error(np.where(both, expected, np.nan), found)[0]
