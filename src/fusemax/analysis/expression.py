"""Values of expressions on open meshes: small evaluation for unrolling, apart from the executor's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UsageError
from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Constant,
    Expr,
    Number,
    ParameterUse,
    Shape,
    Unary,
    Variable,
)

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of an expression stand for; `variables` broadcast against one another."""

    variables: Mapping[str, Array]
    sizes: Mapping[str, int]
    parameters: Mapping[str, float]
    read: Callable[[Access], Array]


def evaluate(expr: Expr, scope: Scope) -> Any:
    """The value of an expression at every point of the scope's variables; integers stay integers."""
    match expr:
        case Variable(name=name):
            return scope.variables[name]
        case Number(value=value):
            return value
        case Shape(rank=rank):
            return scope.sizes[rank]
        case ParameterUse(name=name):
            return scope.parameters[name]
        case Constant(name=name):
            return np.inf if name == "inf" else np.pi
        case Access():
            return scope.read(expr)
        case Unary(operator=operator, operand=operand):
            value = evaluate(operand, scope)
            return -value if operator == "-" else 1 - _truth(value)
        case Binary(operator=operator, left=left, right=right):
            return _BINARY[operator](evaluate(left, scope), evaluate(right, scope))
        case Call(function=function, arguments=arguments):
            if function not in _FUNCTIONS:
                raise UsageError(f"what is read depends on {function}, a function that only Python knows")
            return _FUNCTIONS[function](*(np.asarray(evaluate(a, scope), dtype=float) for a in arguments))
        case _:
            raise ValueError(f"{expr} has no value")


def _truth(value: Any) -> Any:
    return np.where(np.asarray(value) != 0, 1, 0)


def _floor_divide(a: Any, b: Any) -> Any:
    return a // b if not np.any(np.equal(b, 0)) else np.where(np.equal(b, 0), np.divide(a, b), np.floor_divide(a, b))


def _remainder(a: Any, b: Any) -> Any:
    return a % b if not np.any(np.equal(b, 0)) else np.where(np.equal(b, 0), np.nan, np.mod(a, b))


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: np.divide(a, b),
    "//": _floor_divide,
    "%": _remainder,
    "<=": lambda a, b: np.where(np.less_equal(a, b), 1, 0),
    "<": lambda a, b: np.where(np.less(a, b), 1, 0),
    ">=": lambda a, b: np.where(np.greater_equal(a, b), 1, 0),
    ">": lambda a, b: np.where(np.greater(a, b), 1, 0),
    "==": lambda a, b: np.where(np.equal(a, b), 1, 0),
    "!=": lambda a, b: np.where(np.not_equal(a, b), 1, 0),
    "and": lambda a, b: _truth(a) * _truth(b),
    "or": lambda a, b: np.maximum(_truth(a), _truth(b)),
}


def _expsub(a: Array, b: Array) -> Array:
    return np.where(a == -np.inf, 0.0, np.exp(np.where(b == -np.inf, a, a - b)))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "max": lambda *a: reduce(np.maximum, a),
    "min": lambda *a: reduce(np.minimum, a),
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "div0": lambda a, b: np.where(b == 0, 0.0, np.divide(a, np.where(b == 0, 1, b))),
    "expsub": _expsub,
}
