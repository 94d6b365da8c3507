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
from numpy.typing import NDArray

from fusemax.base.errors import UsageError, nearest

__all__ = ["LINE_TABLE", "MAGIC", "METHODS", "Exponential", "Step", "evaluate", "method"]

MAGIC = 1.5 * 2.0**23
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
    """Coefficients of 2^g, highest first: least largest relative error on [-1/2, 1/2], by Remez exchange."""
    order = degree + 2
    nodes = 0.5 * np.cos(np.pi * np.arange(order)[::-1] / (order - 1))
    grid = np.linspace(-0.5, 0.5, 20001)
    for _ in range(30):
        weight = 2.0**-nodes
        matrix = np.column_stack([nodes**k * weight for k in range(degree + 1)] + [(-1.0) ** np.arange(order)])
        solution = np.linalg.solve(matrix, np.ones(order))
        error = np.polyval(solution[degree::-1], grid) * 2.0**-grid - 1.0
        turns = [0, *(np.flatnonzero(np.diff(np.sign(np.diff(error)))) + 1), len(grid) - 1]
        if len(turns) != order:
            break
        nodes = grid[turns]
    return tuple(float(c) for c in solution[degree::-1])


def _polynomial_method(degree: int) -> Exponential:
    coefficients = _polynomial(degree)
    steps = [Step("mac", (coefficients[0], "g", coefficients[1]), "p")]
    steps += [Step("mac", ("p", "g", c), "p") for c in coefficients[2:]]
    return Exponential(f"poly{degree}", (*_reduction(), *steps, Step("scale", ("p", "t"), "y")))


def _linear_method(segments: int) -> Exponential:
    edges = np.linspace(-0.5, 0.5, segments + 1)
    table = []
    for low, high in pairwise(edges):
        slope = (2.0**high - 2.0**low) / (high - low)
        touch = math.log2(slope / math.log(2.0))  # where the curve is parallel to the chord
        offset = ((2.0**low - slope * low) + (2.0**touch - slope * touch)) / 2.0
        table.append((slope, offset))
    steps = (*_reduction(), Step("line", ("g",), "p"), Step("scale", ("p", "t"), "y"))
    return Exponential(f"linear{segments}", steps, tuple(table))


def _taylor_method() -> Exponential:
    """The published count of six multiply-adds: (1 + x/32)^32 by one multiply-add and five squarings.

    No range reduction, so far arguments are wrong; it is here to be measured.
    """
    steps = [Step("mac", ("x", 1.0 / 32.0, 1.0), "p"), *(Step("mul", ("p", "p"), "p") for _ in range(5))]
    return Exponential("squarings", (*steps[:-1], Step("mul", ("p", "p"), "y")))


def _unit_method() -> Exponential:
    return Exponential("unit", (Step("exp", ("x",), "y"),))


METHODS = (
    "poly2", "poly3", "poly4", "poly5", "poly6", "linear4", "linear8", "linear16", "linear32", "squarings", "unit",
)  # fmt: skip


@cache
def method(name: str) -> Exponential:
    """A method by name: `polyD` (degree 2 to 6), `linearS` (4 to 32 segments), `squarings` or `unit`."""
    if name not in METHODS:
        suggestion = nearest(name, METHODS)
        hint = f" (did you mean '{suggestion}'?)" if suggestion else f" (expected one of {', '.join(METHODS)})"
        raise UsageError(f"unknown exp method '{name}'{hint}")
    if name.startswith("poly"):
        return _polynomial_method(int(name[4:]))
    if name.startswith("linear"):
        return _linear_method(int(name[6:]))
    return _taylor_method() if name == "squarings" else _unit_method()


def evaluate(how: Exponential, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(x) as the steps compute it, each rounded to float32: the error of the method alone."""
    values: dict[str, NDArray[np.float32]] = {"x": np.asarray(x, np.float32)}

    def operand(name: str | float) -> NDArray[np.float32]:
        return values[name] if isinstance(name, str) else np.float32(name)  # type: ignore[return-value]

    with np.errstate(all="ignore"):
        for step in how.steps:
            a, *rest = (operand(name) for name in step.of)
            match step.do:
                case "mac":
                    result = (a.astype(np.float64) * rest[0] + rest[1]).astype(np.float32)
                case "msub":
                    result = (a.astype(np.float64) * rest[0] - rest[1]).astype(np.float32)
                case "mul":
                    result = a * rest[0]
                case "sub":
                    result = a - rest[0]
                case "line":
                    index = np.clip(((a + np.float32(0.5)) * len(how.table)).astype(np.int64), 0, len(how.table) - 1)
                    table = np.array(how.table, np.float32)
                    result = table[index, 0] * a + table[index, 1]
                case "scale":
                    n = rest[0] - np.float32(MAGIC)
                    result = np.where(n >= -126, np.ldexp(a, np.clip(n, -126, 128).astype(np.int32)), np.float32(0))
                case _:
                    result = np.exp(a)
            values[step.to] = result
    return values["y"]
