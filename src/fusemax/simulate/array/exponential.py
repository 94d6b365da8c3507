"""How a PE or lane computes exp: a short program on the multiply-add, or a unit of its own.

exp(x) = 2^n * 2^g with y = x log2(e), n = round(y), g = y - n in [-1/2, 1/2]. Rounding is an addition of
1.5 * 2^23 and its subtraction (float32 keeps no fraction there); 2^g is a polynomial or a table of lines; the
last step adds n to the exponent, which gives exactly 0 below the smallest normal number and for -inf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from fusemax.base.errors import UnknownName
from fusemax.simulate.array.operations import MAGIC, OPERATIONS, Words, apply

__all__ = ["LINE_TABLE", "METHODS", "Exponential", "Step", "evaluate", "method"]

LOG2E = math.log2(math.e)
LINE_TABLE = ((0.0, 0.0),)
"""The table of a method that has none."""


@dataclass(frozen=True)
class Step:
    """One micro-operation of an exp: operation, operands (names of temporaries, `x`, or numbers) and result."""

    do: str
    of: tuple[str | float, ...]
    to: str


@dataclass(frozen=True)
class Exponential:
    """A method: its steps, and for table methods the slope and intercept of each segment of 2^g on [-1/2, 1/2]."""

    name: str
    steps: tuple[Step, ...]
    table: tuple[tuple[float, float], ...] = ()

    @property
    def num_operations(self) -> int:
        """Slots one exp takes, the subtraction before it not counted."""
        return len(self.steps)


def _reduction() -> tuple[Step, ...]:
    return (
        Step("mac", ("x", LOG2E, MAGIC), "t"),
        Step("sub", ("t", MAGIC), "n"),
        Step("msub", ("x", LOG2E, "n"), "g"),
    )


@cache
def _polynomial(degree: int) -> tuple[float, ...]:
    """Coefficients of 2^g, highest first: least largest relative error on [-1/2, 1/2] of those that are 1 at 0.

    By Lawson's reweighted least squares. A running maximum that stays corrects by exp(0) at every tile: were that not
    1, tiles would count for less or more the longer ago they came.
    """
    grid = np.linspace(-0.5, 0.5, 1000)  # 0 is not on it
    terms = np.stack([grid**k * 2.0**-grid for k in range(1, degree + 1)], axis=1)
    target = 1.0 - 2.0**-grid
    weight = np.full(len(grid), 1.0 / len(grid))
    least, best = math.inf, np.zeros(degree)
    for _ in range(200):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(terms * root[:, None], target * root, rcond=None)[0]
        error = np.abs(terms @ found - target)
        if error.max() < least:
            least, best = float(error.max()), found
        weight *= error
        weight /= weight.sum()
    return (*(float(c) for c in best[::-1]), 1.0)


def _polynomial_method(degree: int) -> Exponential:
    coefficients = _polynomial(degree)
    steps = [Step("mac", (coefficients[0], "g", coefficients[1]), "p")]
    steps += [Step("mac", ("p", "g", c), "p") for c in coefficients[2:]]
    return Exponential(f"poly{degree}", (*_reduction(), *steps, Step("scale", ("p", "t"), "y")))


def _linear_method(segments: int) -> Exponential:
    edges = np.linspace(-0.5, 0.5, segments + 1)
    table = tuple(_line_from_one(high) if low == 0 else _line(low, high) for low, high in pairwise(edges.tolist()))
    steps = (*_reduction(), Step("line", ("g",), "p"), Step("scale", ("p", "t"), "y"))
    return Exponential(f"linear{segments}", steps, table)


def _line(low: float, high: float) -> tuple[float, float]:
    """Slope and intercept of the chord, shifted halfway to the curve."""
    slope = (2.0**high - 2.0**low) / (high - low)
    touch = math.log2(slope / math.log(2.0))  # where the curve is parallel to the chord
    return slope, ((2.0**low - slope * low) + (2.0**touch - slope * touch)) / 2.0


def _line_from_one(high: float) -> tuple[float, float]:
    """Slope and intercept from (0, 1), which is kept, as close as such a line comes."""
    grid = np.linspace(0.0, high, 201)[1:]
    slopes = (2.0**grid - 1.0) / grid
    errors = [float(np.max(np.abs((1.0 + slope * grid) * 2.0**-grid - 1.0))) for slope in slopes]
    return float(slopes[int(np.argmin(errors))]), 1.0


def _squarings_method() -> Exponential:
    """Six multiply-adds without range reduction: (1 + x/32)^32 by one multiply-add and five squarings.

    Far arguments come out wrong; it is here to be measured.
    """
    steps = [Step("mac", ("x", 1.0 / 32.0, 1.0), "p"), *(Step("mul", ("p", "p"), "p") for _ in range(5))]
    return Exponential("squarings", (*steps[:-1], Step("mul", ("p", "p"), "y")))


def _taylor_method() -> Exponential:
    """Six multiply-adds without range reduction: the Taylor polynomial of degree 6. Here to be measured, too."""
    coefficients = [1.0 / math.factorial(k) for k in range(6, -1, -1)]
    steps = [Step("mac", (coefficients[0], "x", coefficients[1]), "p")]
    steps += [Step("mac", ("p", "x", c), "p") for c in coefficients[2:-1]]
    return Exponential("taylor6", (*steps, Step("mac", ("p", "x", coefficients[-1]), "y")))


def _unit_method() -> Exponential:
    return Exponential("unit", (Step("exp", ("x",), "y"),))


METHODS = (
    "poly2", "poly3", "poly4", "poly5", "poly6", "linear4", "linear8", "linear16", "linear32",
    "squarings", "taylor6", "unit",
)  # fmt: skip


@cache
def method(name: str) -> Exponential:
    """A method by name: `polyD` (degree 2 to 6), `linearS` (4 to 32 segments), `squarings`, `taylor6` or `unit`."""
    if name not in METHODS:
        raise UnknownName("exp method", name, METHODS)
    if name.startswith("poly"):
        return _polynomial_method(int(name[4:]))
    if name.startswith("linear"):
        return _linear_method(int(name[6:]))
    made = {"squarings": _squarings_method, "taylor6": _taylor_method, "unit": _unit_method}
    return made[name]()


def evaluate(how: Exponential, x: Words) -> Words:
    """exp(x) as the steps compute it on the array: the error of the method alone."""
    values: dict[str, Words] = {"x": np.asarray(x, np.float32)}
    lines = np.array(how.table or LINE_TABLE, np.float32)
    for step in how.steps:
        a, b, c = (
            *(values[o] if isinstance(o, str) else np.float32(o) for o in step.of),
            np.float32(0),
            np.float32(0),
        )[:3]
        values[step.to] = apply(OPERATIONS.index(step.do), a, b, c, lines)  # type: ignore[arg-type]
    return values["y"]
