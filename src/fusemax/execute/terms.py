"""Expressions compiled for a statement's axes: each term gives its value on a block of points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.execute.functions import Function
from fusemax.execute.storage import Axes, Block

Array = NDArray[Any]
Value = Any
"""A number (the same at every point) or an array over the statement's axes, size 1 where it does not vary."""


Touch = Callable[[Block, Sequence[Any]], None]
"""What counts the points an operation touches, from its block and operands."""


class Term(ABC):
    """A compiled expression.

    `variables` are the axes it varies over; `reads` the tensors it reads; a `fresh` value is nobody else's
    memory; a `logical` one is Boolean; `operations` is how many temporary arrays it may need.
    """

    variables: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    fresh: bool = False
    logical: bool = False
    operations: int = 0

    @abstractmethod
    def value(self, block: Block, out: Array | None = None) -> Value:
        """The value on a block. `out`, when given, has the value's shape and may be used to hold it."""


class Constant(Term):
    """A number known before the run."""

    def __init__(self, number: float) -> None:
        self.number = number

    def value(self, block: Block, out: Array | None = None) -> Value:
        """The number."""
        return self.number


class Step(Term):
    """The iteration variable's coordinate."""

    def value(self, block: Block, out: Array | None = None) -> Value:
        """The coordinate, as a number."""
        return float(block.step)


class Coordinate(Term):
    """A standard variable's coordinates along its axis."""

    def __init__(self, variable: str, axes: Axes) -> None:
        self.variables = frozenset({variable})
        self.axis = axes.index(variable)
        shape = [1] * len(axes.names)
        shape[self.axis] = axes.sizes[self.axis]
        self.all = np.arange(axes.sizes[self.axis], dtype=np.float64).reshape(shape)

    def value(self, block: Block, out: Array | None = None) -> Value:
        """The coordinates of the block."""
        start, size = block.starts[self.axis], block.sizes[self.axis]
        if size == self.all.size:
            return self.all
        return self.all[(slice(None),) * self.axis + (slice(start, start + size),)]


class Apply(Term):
    """An operator or function of terms."""

    def __init__(
        self, function: Function, arguments: tuple[Term, ...], dtype: np.dtype[Any], donor: str | None = None,
        touch: Touch | None = None,
    ) -> None:  # fmt: skip
        self.function = function
        self.touch = touch
        self.arguments = arguments
        self.variables = frozenset().union(*(a.variables for a in arguments))
        self.reads = frozenset().union(*(a.reads for a in arguments))
        self.logical = function.logical
        self.operations = 1 + sum(a.operations for a in arguments)
        self.fresh = bool(self.variables)
        self._compute = function.compute
        logic = function.wants_logic or (False,) * len(arguments)
        as_number = partial(_as_number, dtype)
        self._convert = tuple(
            _as_logic if wanted and not a.logical else as_number if a.logical and not wanted else None
            for wanted, a in zip(logic, arguments, strict=True)
        )
        self._holder = next((i for i, a in enumerate(arguments) if self._may_hold(a)), None)
        self._lent = self._lend(donor)

    def _may_hold(self, argument: Term) -> bool:
        """Whether the result fits where the argument's value is, and nobody else needs that."""
        return argument.fresh and not argument.logical and not self.logical and argument.variables == self.variables

    def _lend(self, donor: str | None) -> int | None:
        """The argument that may be computed in our own `out`: one that no other argument's memory overlaps."""
        for i, argument in enumerate(self.arguments):
            others = [a for j, a in enumerate(self.arguments) if j != i]
            if isinstance(argument, Apply) and self._may_hold(argument) and all(donor not in a.reads for a in others):
                return i
        return None

    def value(self, block: Block, out: Array | None = None) -> Value:
        """The result on the block."""
        values = [argument.value(block, out if i == self._lent else None) for i, argument in enumerate(self.arguments)]
        for i, convert in enumerate(self._convert):
            if convert is not None:
                values[i] = convert(values[i])
        if self.touch is not None:
            self.touch(block, values)
        if out is None and self._holder is not None:
            out = _holding(values, self._holder)
        result = self._compute(out, *values)
        return result if isinstance(result, np.ndarray) else np.asarray(result).item()


def _holding(values: list[Value], holder: int) -> Array | None:
    held = values[holder]
    if not isinstance(held, np.ndarray) or held.dtype == np.float64:
        return held if isinstance(held, np.ndarray) else None
    wider = any(isinstance(v, np.ndarray) and v.dtype == np.float64 for v in values)
    return None if wider else held


def _as_logic(value: Value) -> Value:
    return value != 0


def _as_number(dtype: np.dtype[Any], value: Value) -> Value:
    return value.astype(dtype) if isinstance(value, np.ndarray) else float(value)
