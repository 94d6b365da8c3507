"""What every operator and function of the language computes, on arrays of IEEE doubles (or narrower floats).

Each implementation is called as `f(out, *arguments)`: `out` is an array for the result, or None. `out` may be
one of the arguments' memory, so nothing may be read again once it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from fusemax.cascade.functions import UserFunction

Implementation = Callable[..., Any]


@dataclass(frozen=True)
class Function:
    """A map action's compute: `compute(out, *arguments)`.

    `logical` results are Booleans; `wants_logic` tells which arguments are read as conditions.
    """

    compute: Implementation
    logical: bool = False
    wants_logic: tuple[bool, ...] = ()


def registered(function: UserFunction) -> Function:
    """A function registered from Python. It gets arrays that broadcast, and must not write to them."""

    def compute(out: Any, *arguments: Any) -> Any:
        return function.compute(*arguments)

    return Function(compute)


def _ufunc(ufunc: Any) -> Implementation:
    def compute(out: Any, *arguments: Any) -> Any:
        return ufunc(*arguments, out=out)

    return compute


def _many(ufunc: Any) -> Implementation:
    def compute(out: Any, first: Any, *rest: Any) -> Any:
        # Later arguments may live in `out`, so only the last step writes there.
        for argument in rest[:-1]:
            first = ufunc(first, argument)
        return ufunc(first, rest[-1], out=out)

    return compute


def _sigmoid(out: Any, x: Any) -> Any:
    out = np.negative(x, out=out)
    out = np.exp(out, out=_again(out))
    out = np.add(out, 1.0, out=_again(out))
    return np.divide(1.0, out, out=_again(out))


def _again(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else None


def _where(out: Any, condition: Any, yes: Any, no: Any) -> Any:
    return np.where(condition, yes, no)


def _div0(out: Any, a: Any, b: Any) -> Any:
    empty = np.equal(b, 0)
    if not np.any(empty):
        return np.divide(a, b, out=out)
    return np.where(empty, 0.0, np.divide(a, np.where(empty, 1.0, b)))


def _expsub(out: Any, a: Any, b: Any) -> Any:
    floor = np.equal(b, -np.inf)
    if np.any(floor):
        b = np.where(floor, 0.0, b)
    empty = np.equal(a, -np.inf) if np.any(np.isnan(b)) else None
    out = np.subtract(a, b, out=out)
    out = np.exp(out, out=_again(out))
    return out if empty is None else np.where(empty, 0.0, out)


OPERATORS: Mapping[str, Function] = MappingProxyType(
    {
        "+": Function(_ufunc(np.add)),
        "-": Function(_ufunc(np.subtract)),
        "*": Function(_ufunc(np.multiply)),
        "/": Function(_ufunc(np.divide)),
        "//": Function(_ufunc(np.floor_divide)),
        "%": Function(_ufunc(np.remainder)),
        "<=": Function(_ufunc(np.less_equal), logical=True),
        "<": Function(_ufunc(np.less), logical=True),
        ">=": Function(_ufunc(np.greater_equal), logical=True),
        ">": Function(_ufunc(np.greater), logical=True),
        "==": Function(_ufunc(np.equal), logical=True),
        "!=": Function(_ufunc(np.not_equal), logical=True),
        "and": Function(_ufunc(np.logical_and), logical=True, wants_logic=(True, True)),
        "or": Function(_ufunc(np.logical_or), logical=True, wants_logic=(True, True)),
    }
)
UNARY: Mapping[str, Function] = MappingProxyType(
    {
        "-": Function(_ufunc(np.negative)),
        "not": Function(_ufunc(np.logical_not), logical=True, wants_logic=(True,)),
    }
)
FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "exp": Function(_ufunc(np.exp)),
        "exp2": Function(_ufunc(np.exp2)),
        "log": Function(_ufunc(np.log)),
        "log2": Function(_ufunc(np.log2)),
        "sqrt": Function(_ufunc(np.sqrt)),
        "abs": Function(_ufunc(np.abs)),
        "tanh": Function(_ufunc(np.tanh)),
        "floor": Function(_ufunc(np.floor)),
        "ceil": Function(_ufunc(np.ceil)),
        "round": Function(_ufunc(np.rint)),
        "sigmoid": Function(_sigmoid),
        "relu": Function(lambda out, x: np.maximum(x, 0.0, out=out)),
        "max": Function(_many(np.maximum)),
        "min": Function(_many(np.minimum)),
        "where": Function(_where, wants_logic=(True, False, False)),
        "div0": Function(_div0),
        "expsub": Function(_expsub),
    }
)
