"""The meaning of a cascade, point by point in plain Python: slow, short, and written apart from the executor.

Every statement walks all points of its variables; reads see the state before the statement; broken cell rules are
collected with their places. Sums run in the order of the points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Constant,
    Einsum,
    Expr,
    Number,
    ParameterUse,
    Shape,
    Span,
    Unary,
    Variable,
    walk,
)

Point = Mapping[str, int]
Cells = dict[tuple[int, ...], float]
INF, NAN = math.inf, math.nan


class CellError(Exception):
    """Broken cell rules of one execution of a statement (or of the outputs), by place."""

    def __init__(self, places: set[Span]) -> None:
        super().__init__(str(sorted((p.line, p.column) for p in places)))
        self.places = {(p.line, p.column) for p in places}


class Interpreter:
    """Runs one cascade at given sizes (aliases and derived ranks included) on nested Python dictionaries."""

    def __init__(
        self, cascade: Cascade, sizes: Mapping[str, int], inputs: Mapping[str, Cells], observe: Any = None
    ) -> None:
        self.cascade = cascade
        self.sizes = sizes
        self.tensors: dict[str, Cells] = {name: dict(cells) for name, cells in inputs.items()}
        self.parameters = {p.name: float(p.value) for p in cascade.parameters}
        self.inputs = set(inputs)
        self.extents = self._extents()
        self.bad: set[Span] = set()
        self.observe: Callable[[Expr | Any, list[float]], None] | None = observe

    def size(self, variable: str) -> int:
        rank = variable[0].upper() + variable[1:]
        return self.sizes[rank]

    def steps(self, section: Any) -> range:
        if section.kind != "iterate":
            return range(1)
        size = self.size(section.variable)
        return range(size) if section.until is not None else range(size - 1, -1, -1)

    def run(self) -> dict[str, Cells]:
        for section in self.cascade.sections:
            for step in self.steps(section):
                for einsum in section.einsums:
                    self._statement(einsum, {} if section.variable is None else {section.variable: step})
        for output in self.cascade.outputs:
            extents = list(self.extents[output.tensor])
            for i, v in enumerate(output.variables):
                extents[i] = max(extents[i], self.size(v))
            if len(self.tensors[output.tensor]) != math.prod(extents):
                raise CellError({output.span})
        return {output.tensor: self.tensors[output.tensor] for output in self.cascade.outputs}

    def _extents(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for name in self.inputs:
            cells = self.tensors[name]
            found[name] = [1 + max(cell[i] for cell in cells) for i in range(len(next(iter(cells))))]
        for section in self.cascade.sections:
            for einsum in section.einsums:
                names = sorted({n.name for index in einsum.left for n in walk(index) if isinstance(n, Variable)})
                extents = found.setdefault(einsum.tensor, [0] * len(einsum.left))
                for point in self.points(names):
                    for i, index in enumerate(einsum.left):
                        value = self.index(index, point)
                        if not value > -1:
                            raise CellError({einsum.span})
                        extents[i] = max(extents[i], int(value) + 1)
        return found

    def points(self, names: list[str], fixed: Point | None = None) -> Iterator[dict[str, int]]:
        for values in itertools.product(*(range(self.size(name)) for name in names)):
            yield {**(fixed or {}), **dict(zip(names, values, strict=True))}

    def _statement(self, einsum: Einsum, fixed: Point) -> None:
        self.bad = set()
        left_names = {n.name for index in einsum.left for n in walk(index) if isinstance(n, Variable)}
        right_names = {n.name for n in walk(einsum.right) if isinstance(n, Variable)}
        reductions = einsum.reductions
        writes: list[tuple[tuple[int, ...], float]] = []
        selection = reductions[0] if reductions and reductions[0].operator in ("topk", "argtopk") else None
        if selection is not None:
            reduced, kept = selection.variables
            for point in self.points(sorted(left_names - {kept} - set(fixed)), fixed):
                values = [self.number(einsum.right, {**point, reduced: m}) for m in range(self.size(reduced))]
                if self.observe is not None:
                    for value in values:
                        self.observe((einsum, selection.operator, 1), [value])
                for j, (value, m) in enumerate(largest_first(values)[: self.size(kept)]):
                    result = value if selection.operator == "topk" else float(m)
                    writes.append((self._cell(einsum, {**point, kept: j}), result))
        else:
            named = [v for r in reductions for v in r.variables]
            summed = sorted(right_names - left_names - set(fixed) - set(named))
            stages = [(r.operator, list(r.variables)) for r in reversed(reductions)]
            if summed:
                stages.append(("+", summed))
            points = self.points(sorted(left_names - set(fixed)), fixed)
            writes = [(self._cell(einsum, point), self._reduce(einsum, stages, point)) for point in points]
        if self.bad:
            raise CellError(self.bad)
        cells = self.tensors.setdefault(einsum.tensor, {})
        for cell, value in writes:
            if cell in cells:
                raise CellError({einsum.span})
            cells[cell] = value

    def _cell(self, einsum: Einsum, point: Point) -> tuple[int, ...]:
        return tuple(int(self.index(index, point)) for index in einsum.left)

    def _reduce(self, einsum: Einsum, stages: list[tuple[str, list[str]]], point: Point) -> float:
        """The outermost stage is first."""
        if not stages:
            return self.number(einsum.right, point)
        operator, names = stages[0]
        combine, total = REDUCE[operator]
        for inner in self.points(names, point):
            if len(stages) == 1 and not self._kept(einsum.right, inner):
                continue
            value = self._reduce(einsum, stages[1:], inner)
            if self.observe is not None:
                self.observe((einsum, operator, len(stages)), [])
            total = combine(total, value)
        return total

    def _kept(self, expr: Expr, point: Point) -> bool:
        filters = [i.filter for n in walk(expr) if isinstance(n, Access) for i in n.indices if i.filter is not None]
        return all(self.number(f, point) != 0 for f in sorted(filters, key=_reads_something))

    def number(self, expr: Expr, point: Point) -> float:
        match expr:
            case Number(value):
                return float(value)
            case Constant(name):
                return INF if name == "inf" else math.pi
            case Variable(name):
                return float(point[name])
            case Shape(rank):
                return float(self.sizes[rank])
            case ParameterUse(name):
                return self.parameters[name]
            case Access():
                return self._read(expr, point)
            case Unary(operator, operand):
                value = self.number(operand, point)
                return self._map(expr, [value], -value if operator == "-" else float(value == 0))
            case Binary(operator, left, right):
                a, b = self.number(left, point), self.number(right, point)
                return self._map(expr, [a, b], float(BINARY[operator](a, b)))
            case Call(function, arguments):
                values = [self.number(argument, point) for argument in arguments]
                return self._map(expr, values, float(FUNCTIONS[function](*values)))
        raise AssertionError(expr)

    def _map(self, expr: Expr, operands: list[float], result: float) -> float:
        if self.observe is not None:
            self.observe(expr, operands)
        return result

    def index(self, expr: Expr, point: Point) -> float:
        """An index on the right: gathered numbers are truncated first."""
        match expr:
            case Access():
                value = self._read(expr, point)
                return float(math.trunc(value)) if math.isfinite(value) else value
            case Unary("-", operand):
                return -self.index(operand, point)
            case Binary(operator, left, right):
                return float(BINARY[operator](self.index(left, point), self.index(right, point)))
            case _:
                return self.number(expr, point)

    def _read(self, access: Access, point: Point) -> float:
        cell = []
        for position, index in enumerate(access.indices):
            value = self.index(index.value, point)
            if not (math.isfinite(value) and 0 <= math.trunc(value) < self.extents[access.tensor][position]):
                self.bad.add(access.span)
                return 0.0
            cell.append(math.trunc(value))
        if tuple(cell) not in self.tensors.get(access.tensor, {}):
            self.bad.add(access.span)
            return 0.0
        return self.tensors[access.tensor][tuple(cell)]


def _reads_something(expr: Expr) -> bool:
    return any(isinstance(node, Access) for node in walk(expr))


def largest_first(values: list[float]) -> list[tuple[float, int]]:
    """Values with their coordinates: largest first, ties by smaller coordinate, NaN last."""
    numbers = [(value, m) for m, value in enumerate(values) if not math.isnan(value)]
    return sorted(numbers, key=lambda pair: -pair[0]) + [(v, m) for m, v in enumerate(values) if math.isnan(v)]


def largest(*values: float) -> float:
    return NAN if any(math.isnan(v) for v in values) else max(values)


def smallest(*values: float) -> float:
    return NAN if any(math.isnan(v) for v in values) else min(values)


def divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return NAN if a == 0 or math.isnan(a) else math.copysign(INF, a) * math.copysign(1.0, b)


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return INF


def exp2(x: float) -> float:
    try:
        return math.pow(2.0, x)
    except OverflowError:
        return INF


def log(x: float, base: Callable[[float], float] = math.log) -> float:
    if x == 0:
        return -INF
    return NAN if x < 0 else base(x)


def expsub(a: float, b: float) -> float:
    if a == -INF:
        return 0.0
    return exp(a) if b == -INF else exp(a - b)


def whole(x: float, to: Callable[[float], int]) -> float:
    return math.copysign(float(to(x)), x) if math.isfinite(x) else x


BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "//": lambda a, b: divide(a, b) if b == 0 else a // b,
    "%": lambda a, b: NAN if b == 0 else a % b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "and": lambda a, b: a != 0 and b != 0,
    "or": lambda a, b: a != 0 or b != 0,
}
REDUCE: dict[str, tuple[Callable[[float, float], float], float]] = {
    "+": (lambda a, b: a + b, 0.0),
    "*": (lambda a, b: a * b, 1.0),
    "max": (largest, -INF),
    "min": (smallest, INF),
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": exp,
    "exp2": exp2,
    "log": log,
    "log2": lambda x: log(x, math.log2),
    "sqrt": lambda x: NAN if x < 0 else math.sqrt(x),
    "abs": abs,
    "tanh": math.tanh,
    "floor": lambda x: whole(x, math.floor),
    "ceil": lambda x: whole(x, math.ceil),
    "round": lambda x: whole(x, round),
    "sigmoid": lambda x: divide(1.0, 1.0 + exp(-x)),
    "relu": lambda x: largest(x, 0.0),
    "max": largest,
    "min": smallest,
    "where": lambda c, a, b: a if c != 0 else b,
    "div0": lambda a, b: 0.0 if b == 0 else divide(a, b),
    "expsub": expsub,
}
