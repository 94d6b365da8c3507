"""An expression of the IR -> a term over a statement's axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Constant,
    Expr,
    Number,
    ParameterUse,
    Shape,
    Unary,
    Variable,
)
from fusemax.cascade.located import at
from fusemax.execute.affine import Affine, affine
from fusemax.execute.functions import OPERATORS, UNARY, Function
from fusemax.execute.reads import Read, Tensor
from fusemax.execute.storage import Axes, Block
from fusemax.execute.terms import Apply, Coordinate, Step, Term
from fusemax.execute.terms import Constant as Fixed
from fusemax.execute.touch import Counter

_TRUNCATE = Function(lambda out, x: np.trunc(x))
_NOWHERE = Block((), (), 0)


@dataclass
class Compiler:
    """Compiles the expressions of one statement; collects its reads and filters in text order."""

    cascade: Cascade
    sizes: Mapping[str, int]
    parameters: Mapping[str, float]
    tensors: Mapping[str, Tensor]
    functions: Mapping[str, Function]
    axes: Axes
    last: int
    dtype: np.dtype[Any]
    donor: str | None = None
    counter: Counter | None = None
    reads: list[Read] = field(default_factory=list)
    filters: list[Term] = field(default_factory=list)

    def term(self, expr: Expr) -> Term:
        """The compiled form of an expression."""
        match expr:
            case Number(value):
                return Fixed(float(value))
            case Constant(name):
                return Fixed(math.inf if name == "inf" else math.pi)
            case Shape(rank):
                return Fixed(float(self.sizes[rank]))
            case ParameterUse(name):
                return Fixed(float(self.parameters[name]))
            case Variable(name):
                return Step() if name == self.axes.fixed else Coordinate(name, self.axes)
            case Access():
                return self.read(expr)
            case Unary(operator, operand):
                return self._apply(UNARY[operator], (self.term(operand),), expr)
            case Binary(operator, left, right):
                return self._apply(OPERATORS[operator], (self.term(left), self.term(right)), expr)
            case Call(function, arguments):
                return self._apply(self.functions[function], tuple(self.term(a) for a in arguments), expr)
            case _:
                raise at(self.cascade, expr.span, f"unknown name '{getattr(expr, 'name', '')}'")

    def _apply(self, function: Function, arguments: tuple[Term, ...], expr: Expr | None = None) -> Term:
        touch = None if self.counter is None or expr is None else self.counter.of_map(expr)
        applied = Apply(function, arguments, self.dtype, self.donor, touch)
        if all(isinstance(argument, Fixed) for argument in arguments):
            return Fixed(float(applied.value(_NOWHERE)))
        return applied

    def read(self, access: Access) -> Read:
        """An access; its gathers and filters come before it in `reads` and `filters`."""
        tensor = self.tensors[access.tensor]
        indices = [self._index(index.value) for index in access.indices]
        for index in access.indices:
            if index.filter is not None:
                self.filters.append(self.term(index.filter))
        forms = self._safe_forms(access, tensor)
        found = Read(access, tensor, self.axes, forms, indices, lambda message: at(self.cascade, access.span, message))
        self.reads.append(found)
        return found

    def _index(self, expr: Expr) -> Term:
        """An index: what a gather gives is truncated to an integer before anything is done with it."""
        match expr:
            case Access():
                return self._apply(_TRUNCATE, (self.term(expr),))
            case Unary(operator, operand):
                return self._apply(UNARY[operator], (self._index(operand),))
            case Binary(operator, left, right):
                return self._apply(OPERATORS[operator], (self._index(left), self._index(right)))
            case Call(function, arguments):
                return self._apply(self.functions[function], tuple(self._index(a) for a in arguments))
            case _:
                return self.term(expr)

    def _safe_forms(self, access: Access, tensor: Tensor) -> list[Affine] | None:
        """The affine indices when they stay in range at every point and step; None when cells must be looked at."""
        forms: list[Affine] = []
        reach = dict(zip(self.axes.names, self.axes.sizes, strict=True))
        if self.axes.fixed is not None:
            reach[self.axes.fixed] = self.last + 1
        for position, index in enumerate(access.indices):
            form = affine(index.value, self.sizes)
            if form is None:
                return None
            low, high = form.span(reach)
            if low < 0 or high >= tensor.extents[position]:
                return None
            forms.append(form)
        return forms
