"""A tiny interpreter that unrolls a cascade: every written cell in order, its points, and each point's reads.

It shares nothing with the product but the parsed text. It is slow on purpose: one Python step per point,
so that it can be read next to the definition of a pass (the "Unroll" paragraph).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

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
    Unary,
    Variable,
    walk,
)
from fusemax.cascade.ranks import canonical, rank_of, rank_of_variable

Cell = tuple[str, tuple[int, ...]]  # a tensor and an index
Values = dict[Cell, float]

FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": np.exp, "exp2": np.exp2, "log": np.log, "log2": np.log2, "sqrt": np.sqrt, "abs": np.abs,
    "tanh": np.tanh, "floor": np.floor, "ceil": np.ceil, "round": np.round,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "relu": lambda x: np.maximum(x, 0),
    "max": lambda *x: np.maximum.reduce(x), "min": lambda *x: np.minimum.reduce(x),
    "where": lambda c, a, b: a if c else b, "div0": lambda a, b: np.float64(0) if b == 0 else a / b,
    "expsub": lambda a, b: np.float64(0) if a == -np.inf else np.exp(a if b == -np.inf else a - b),
}  # fmt: skip
BINARY = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "//": np.floor_divide, "%": np.mod,
    "<=": np.less_equal, "<": np.less, ">=": np.greater_equal, ">": np.greater,
    "==": np.equal, "!=": np.not_equal, "and": np.logical_and, "or": np.logical_or,
}  # fmt: skip
REDUCE = {"+": np.add, "*": np.multiply, "max": np.maximum, "min": np.minimum}
IDENTITY = {"+": 0.0, "*": 1.0, "max": -np.inf, "min": np.inf}


@dataclass(frozen=True)
class Read:
    """One access of a point: which access of the statement (its place in text order), and the cell it reads."""

    access: int
    cell: Cell


@dataclass(frozen=True)
class Point:
    """One setting of all variables of a statement that passes the filters, with what it reads."""

    variables: Mapping[str, int]
    reads: tuple[Read, ...]


@dataclass(frozen=True)
class Write:
    """One written cell with its points; `statement` is the statement's place in the cascade's text."""

    statement: int
    cell: Cell
    points: tuple[Point, ...]


@dataclass
class Unrolled:
    """The whole execution at one choice of sizes and parameters."""

    cascade: Cascade
    sizes: dict[str, int]
    parameters: dict[str, float]
    writes: list[Write] = field(default_factory=list)
    values: Values = field(default_factory=dict)


def array_of(run: Unrolled, tensor: str) -> NDArray[np.float64]:
    """The written cells of a tensor as an array."""
    cells = {index: number for (name, index), number in run.values.items() if name == tensor}
    array = np.full([1 + max(index[k] for index in cells) for k in range(len(next(iter(cells))))], np.nan)
    for index, number in cells.items():
        array[index] = number
    return array


def accesses(einsum: Einsum) -> tuple[Access, ...]:
    """All accesses of the right side in text order: gathers, filters and 0-rank tensors too."""
    return tuple(node for node in walk(einsum.right) if isinstance(node, Access))


def variables_of(expr: Expr) -> tuple[str, ...]:
    """The rank variables of an expression in text order, those of filters too."""
    return tuple(dict.fromkeys(node.name for node in walk(expr) if isinstance(node, Variable)))


def unroll(
    cascade: Cascade,
    sizes: Mapping[str, int],
    arrays: Mapping[str, NDArray[np.float64]] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> Unrolled:
    """Execute and record every written cell in order; by default on random inputs (0 for inputs used in gathers)."""
    constants = {p.name: float(p.value) for p in cascade.parameters} | dict(parameters or {})
    run = Unrolled(cascade, dict(sizes), constants)
    arrays = random_inputs(cascade, sizes) if arrays is None else arrays
    for name, array in arrays.items():
        run.values |= {(name, index): float(number) for index, number in np.ndenumerate(array)}
    statement = 0
    with np.errstate(all="ignore"):
        for section in cascade.sections:
            numbers = range(statement, statement + len(section.einsums))
            statement += len(section.einsums)
            for fixed in _steps(cascade, run.sizes, section.variable, section.until is None):
                for number, einsum in zip(numbers, section.einsums, strict=True):
                    _execute(run, number, einsum, fixed)
    return run


def _steps(cascade: Cascade, sizes: Mapping[str, int], variable: str | None, down: bool) -> Iterator[dict[str, int]]:
    if variable is None:
        yield {}
        return
    steps = range(sizes[rank_of_variable(cascade, variable)])
    for step in reversed(steps) if down else steps:
        yield {variable: step}


def random_inputs(cascade: Cascade, sizes: Mapping[str, int], seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Normally distributed arrays, and zeros for inputs used in gathers."""
    random = np.random.default_rng(seed)
    gathered = {
        inner.tensor
        for einsum in cascade.einsums
        for access in accesses(einsum)
        for index in access.indices
        for inner in walk(index.value)
        if isinstance(inner, Access)
    }
    arrays = {}
    for declaration in cascade.inputs:
        array = random.standard_normal([sizes[rank_of_variable(cascade, v)] for v in declaration.variables])
        arrays[declaration.tensor] = array * (declaration.tensor not in gathered)
    return arrays


def _execute(run: Unrolled, number: int, einsum: Einsum, fixed: Mapping[str, int]) -> None:
    left = tuple(dict.fromkeys(v for expr in einsum.left for v in variables_of(expr)))
    reduced = tuple(v for v in variables_of(einsum.right) if v not in left and v not in fixed)
    ranges = {v: range(run.sizes[rank_of_variable(run.cascade, v)]) for v in (*left, *reduced)}
    ranges |= {v: range(step, step + 1) for v, step in fixed.items()}
    for setting in product(*(ranges[v] for v in left)):
        kept = {**fixed, **dict(zip(left, setting, strict=True))}
        cell = einsum.tensor, tuple(int(_value(run, e, kept, [], {})) for e in einsum.left)
        points, values = [], {}
        for inner in product(*(ranges[v] for v in reduced)):
            point = {**kept, **dict(zip(reduced, inner, strict=True))}
            if not all(_value(run, f, point, [], {}) for f in _filters(einsum)):
                continue
            reads: list[Read] = []
            values[inner] = _value(run, einsum.right, point, reads, _places(einsum))
            points.append(Point(point, tuple(reads)))
        run.values[cell] = _reduce(run, einsum, reduced, values, kept)
        run.writes.append(Write(number, cell, tuple(points)))


def _filters(einsum: Einsum) -> tuple[Expr, ...]:
    return tuple(i.filter for a in accesses(einsum) for i in a.indices if i.filter is not None)


def _places(einsum: Einsum) -> dict[int, int]:
    return {id(access): place for place, access in enumerate(accesses(einsum))}


def _value(
    run: Unrolled, expr: Expr, point: Mapping[str, int], reads: list[Read], places: Mapping[int, int]
) -> np.float64 | float:
    def value(e: Expr) -> np.float64 | float:
        return _value(run, e, point, reads, places)

    match expr:
        case Number():
            return np.float64(expr.value)
        case Constant():
            return np.float64(np.inf if expr.name == "inf" else np.pi)
        case Variable():
            return np.float64(point[expr.name])
        case Shape():
            return np.float64(run.sizes[canonical(run.cascade, expr.rank)])
        case ParameterUse():
            return np.float64(run.parameters[expr.name])
        case Unary():
            operand = value(expr.operand)
            return -operand if expr.operator == "-" else np.float64(not operand)
        case Binary():
            return np.float64(BINARY[expr.operator](value(expr.left), value(expr.right)))
        case Call():
            return np.float64(FUNCTIONS[expr.function](*map(value, expr.arguments)))
        case Access():
            for index in expr.indices:
                if index.filter is not None:
                    value(index.filter)  # what a filter reads is read
            cell = expr.tensor, tuple(int(value(index.value)) for index in expr.indices)
            if places:
                reads.append(Read(places[id(expr)], cell))
            return run.values[cell]
    raise AssertionError(f"not a legal expression: {expr}")


def _reduce(
    run: Unrolled,
    einsum: Einsum,
    reduced: tuple[str, ...],
    values: dict[tuple[int, ...], float],
    kept: Mapping[str, int],
) -> float:
    if einsum.reductions and einsum.reductions[0].operator in ("topk", "argtopk"):
        reduction = einsum.reductions[0]
        order = sorted(values, key=lambda c: (bool(np.isnan(values[c])), -values[c], c))
        chosen = order[kept[reduction.variables[1]]]
        return values[chosen] if reduction.operator == "topk" else float(chosen[0])
    named = {v for reduction in einsum.reductions for v in reduction.variables}
    steps = [("+", tuple(v for v in reduced if v not in named))]
    steps += [(reduction.operator, reduction.variables) for reduction in einsum.reductions]
    last = next((op for op, over in reversed(steps) if over), "+")
    variables = reduced
    for operator, over in steps:
        groups: dict[tuple[int, ...], float] = {}
        stay = [k for k, v in enumerate(variables) if v not in over]
        for setting, number in values.items():
            group = tuple(setting[k] for k in stay)
            groups[group] = float(REDUCE[operator](groups[group], number)) if group in groups else number
        values, variables = groups, tuple(variables[k] for k in stay)
    return values[()] if values else IDENTITY[last]


def unrolling_sizes(cascade: Cascade, larger: int = 0) -> dict[str, int]:
    """Small sizes for every rank: 4 for a free rank, 3 for a factor, 2 for a topk length; `larger` adds to each.

    `equal` ranks are made equal (a partitioned rank is the product of its factors and gives its size to its
    partner).
    """
    kept = {canonical(cascade, rank_of(r.variables[1])) for e in cascade.einsums for r in e.reductions
            if r.operator in ("topk", "argtopk")}  # fmt: skip
    sizes: dict[str, int] = {}
    for partition in cascade.partitions:
        sizes |= {canonical(cascade, factor): 3 + larger for factor in partition.factors}
        sizes[canonical(cascade, partition.rank)] = (3 + larger) ** len(partition.factors)
    partner = {e.left: e.right for e in cascade.equalities} | {e.right: e.left for e in cascade.equalities}
    names = {rank_of_variable(cascade, v) for d in cascade.inputs for v in d.variables}
    names |= {canonical(cascade, size.rank) for size in cascade.sizes}
    for rank in sorted(names, key=lambda r: (r in kept, r)):  # a topk length may have to equal its rank
        if rank not in sizes:
            sizes[rank] = sizes.get(partner.get(rank, ""), (2 if rank in kept else 4) + larger)
    return sizes
