"""What a PE or lane can do in one cycle, on float32 words; every operation rounds once, a multiply-add twice.

`sub` from -inf stays -inf, so that masked scores and a running maximum of nothing give exp = 0 and never NaN.
`keep` gives its first operand where second <= third and -inf elsewhere. `div` by zero gives 0: a query without keys.
`scale` multiplies by 2^n, given n + 1.5 * 2^23, and gives exactly 0 below the smallest normal number.
`line` is a piecewise linear function on [-1/2, 1/2] from a table of slopes and intercepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARITY", "LOWEST", "MAGIC", "OPERATIONS", "POWERS", "Words", "apply"]

OPERATIONS = ("nop", "mul", "mac", "msub", "add", "sub", "max", "div", "move", "keep", "scale", "line", "exp")
ARITY = {
    "mul": 2, "mac": 3, "msub": 3, "add": 2, "sub": 2, "max": 2, "div": 2, "move": 1, "keep": 3, "scale": 2, "line": 1,
    "exp": 1,
}  # fmt: skip

MAGIC = 1.5 * 2.0**23
"""Added to a float32 it leaves the nearest whole number in the low bits of the fraction."""
LOWEST = -126
POWERS = np.ldexp(np.float32(1.0), np.arange(LOWEST, 128)).astype(np.float32)
"""2^n for n from LOWEST to 127."""

Words = NDArray[np.float32]
_ZERO, _MINUS = np.float32(0), np.float32(-np.inf)


def apply(op: int, a: Words, b: Words, c: Words, lines: Words) -> Words:
    """One operation on rows of words; operands that the operation does not take are ignored.

    The result shares no memory with them.
    """
    with np.errstate(all="ignore"):
        result: Words = _APPLY[OPERATIONS[op]](a, b, c, lines)
        return result


def _scale(a: Words, b: Words) -> Words:
    n = b - np.float32(MAGIC)
    there = n >= LOWEST
    power = POWERS[np.where(there, np.minimum(n, 127), LOWEST).astype(np.int64) - LOWEST]
    return np.where(np.isnan(n), n, np.where(there, a * power, _ZERO))


def _line(a: Words, lines: Words) -> Words:
    place = (np.where(np.isnan(a), _ZERO, a) + np.float32(0.5)) * np.float32(len(lines))
    k = np.minimum(np.maximum(place, 0), len(lines) - 1).astype(np.int64)
    found: Words = lines[k, 0] * a + lines[k, 1]
    return found


_APPLY: dict[str, Callable[[Words, Words, Words, Words], Any]] = {
    "mul": lambda a, b, c, lines: a * b,
    "mac": lambda a, b, c, lines: a * b + c,
    "msub": lambda a, b, c, lines: a * b - c,
    "add": lambda a, b, c, lines: a + b,
    "sub": lambda a, b, c, lines: np.where(a == _MINUS, a, a - b),
    "max": lambda a, b, c, lines: np.maximum(a, b),
    "div": lambda a, b, c, lines: np.where(b == _ZERO, _ZERO, a / b),
    "move": lambda a, b, c, lines: a.copy(),
    "keep": lambda a, b, c, lines: np.where(b <= c, a, _MINUS),
    "scale": lambda a, b, c, lines: _scale(a, b),
    "line": lambda a, b, c, lines: _line(a, lines),
    "exp": lambda a, b, c, lines: np.exp(a.astype(np.float64)).astype(np.float32),
}
