"""A cascade unrolled at small sizes: every written cell, its points, and the cells each point reads.

Cells are numbered across all tensors. Cell 0 is no cell at all: what a point that a filter removed reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.expression import Scope, evaluate
from fusemax.analysis.structure import Read, Statement, Structure
from fusemax.base.errors import FusemaxError
from fusemax.cascade.ir import Access, Expr, Variable

Cells = NDArray[np.intp]

MOST_READS = 1 << 26
"""Reads an unrolled cascade may hold; some rank would have to be unrolled far past the smallest sizes."""


class TooLarge(FusemaxError):
    """A cascade that cannot be unrolled within memory, even at the smallest sizes."""


class OutOfRange(Exception):
    """An index past a tensor's extent at these sizes; `variables` are those of the statement."""

    def __init__(self, tensor: str, position: int, index: int) -> None:
        super().__init__(f"{tensor}, position {position}: {index}")
        self.tensor, self.position, self.index = tensor, position, index
        self.variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unrolled:
    """One statement unrolled.

    `cells` has one cell per setting of the left variables, the step variable outermost; `reads` has shape
    (cells, points per cell, accesses). `shape` are the extents of the statement's variables.
    """

    statement: Statement
    shape: tuple[int, ...]
    cells: Cells
    reads: Cells

    @property
    def num_steps(self) -> int:
        """How many steps its section makes."""
        return self.shape[0] if self.statement.step is not None else 1

    def steps(self) -> list[slice]:
        """The rows of `cells` and `reads` that each step writes, in the order of the run."""
        rows = len(self.cells) // self.num_steps
        slices = [slice(i * rows, (i + 1) * rows) for i in range(self.num_steps)]
        return slices[::-1] if self.statement.descending else slices


@dataclass(frozen=True, slots=True)
class Graph:
    """All statements unrolled. `base[T]` is the first cell of a tensor, `extents[T]` its positions' extents."""

    structure: Structure
    sizes: Mapping[str, int]
    base: Mapping[str, int]
    extents: Mapping[str, tuple[int, ...]]
    num_cells: int
    statements: tuple[Unrolled, ...]

    def cells_of(self, tensor: str) -> slice:
        """The numbers of a tensor's cells, last position fastest."""
        first = self.base[tensor]
        return slice(first, first + prod(self.extents[tensor]))


def unroll(structure: Structure, sizes: Mapping[str, int]) -> Graph:
    """Unroll a legal cascade at the given sizes; raises `OutOfRange` where they do not fit its indices."""
    parameters = {p.name: p.value for p in structure.cascade.parameters}
    shapes = [_shape(structure, s, sizes) for s in structure.statements]
    if sum(prod(shape) * max(1, len(s.reads)) for s, shape in zip(structure.statements, shapes, strict=True)) > (
        MOST_READS
    ):
        raise TooLarge(f"{structure.cascade.file}: too large to unroll at {dict(sizes)}")

    def unread(access: Access) -> Any:
        raise ValueError(f"{access.tensor} is read outside a gather")

    lefts: list[list[Any]] = []
    extents: dict[str, tuple[int, ...]] = {
        d.tensor: tuple(sizes[structure.positions[d.tensor][i] or ""] for i in range(len(d.variables)))
        for d in structure.cascade.inputs
    }
    for s, shape in zip(structure.statements, shapes, strict=True):
        left = []
        if s.plain_left is not None:
            largest = tuple([sizes[structure.rank[v]] for v in s.plain_left])
        else:
            scope = Scope(_mesh(s, shape), sizes, parameters, unread)
            left = [evaluate(index, scope) for index in s.einsum.left]
            largest = tuple(int(np.max(index)) + 1 for index in left)
        lefts.append(left)
        known = extents.get(s.tensor, largest)
        extents[s.tensor] = tuple(map(max, known, largest))
    base: dict[str, int] = {}
    num_cells = 1
    for tensor, shape in extents.items():
        base[tensor] = num_cells
        num_cells += prod(shape)
    values: Callable[[Access, Mapping[str, Any]], Any] | None = None
    if structure.depends_on_data:
        from fusemax.analysis.values import Values

        values = Values(structure, sizes, extents).read
    layout = _Layout(sizes, parameters, base, extents, np.arange(num_cells), values)
    unrolled = tuple(
        [_unroll(s, shape, left, layout) for s, shape, left in zip(structure.statements, shapes, lefts, strict=True)]
    )
    return Graph(structure, sizes, base, extents, num_cells, unrolled)


def _shape(structure: Structure, statement: Statement, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[structure.rank[v]] for v in statement.variables)


def _mesh(statement: Statement, shape: tuple[int, ...]) -> dict[str, Cells]:
    """Each variable's coordinates along its own axis."""
    rank = len(shape)
    return {
        v: np.arange(size).reshape((1,) * axis + (size,) + (1,) * (rank - axis - 1))
        for axis, (v, size) in enumerate(zip(statement.variables, shape, strict=True))
    }


@dataclass(frozen=True, slots=True)
class _Layout:
    sizes: Mapping[str, int]
    parameters: Mapping[str, float]
    base: Mapping[str, int]
    extents: Mapping[str, tuple[int, ...]]
    numbers: Cells
    values: Callable[[Access, Mapping[str, Any]], Any] | None

    def scope(self, mesh: Mapping[str, Any]) -> Scope:
        def read(access: Access) -> Any:
            assert self.values is not None
            return self.values(access, mesh)

        return Scope(mesh, self.sizes, self.parameters, read)

    def plain_cells(self, tensor: str, indices: tuple[str, ...], axes: Mapping[str, int]) -> Cells | None:
        """The cells of a tensor at variables as they are, over all of `axes`; None if one is past the extent."""
        strides = dict.fromkeys(axes, 0)
        stride = self.numbers.itemsize
        for variable, extent in zip(reversed(indices), reversed(self.extents[tensor]), strict=True):
            if axes[variable] > extent:
                return None
            strides[variable] += stride
            stride *= extent
        first = self.base[tensor] * self.numbers.itemsize
        return np.ndarray(tuple(axes.values()), np.intp, self.numbers, first, tuple(strides.values()))


def _unroll(statement: Statement, shape: tuple[int, ...], left: list[Any], layout: _Layout) -> Unrolled:
    axes = dict(zip(statement.variables, shape, strict=True))
    scope = None if statement.is_plain else layout.scope(_mesh(statement, shape))
    kept = None if scope is None else _kept(statement.filters, scope)
    reads = np.empty((*shape, len(statement.reads)), dtype=np.intp)
    for number, read in enumerate(statement.reads):
        flat = None if read.plain is None else layout.plain_cells(read.tensor, read.plain, axes)
        if flat is None:
            scope = scope or layout.scope(_mesh(statement, shape))
            flat = _read_cells(read, scope, layout, kept)
        reads[..., number] = flat if kept is None else np.where(kept, flat, 0)
    outer = shape[: statement.num_left]
    num_cells, num_points = prod(outer), prod(shape[statement.num_left :])
    if statement.plain_left is not None:
        cells = layout.plain_cells(statement.tensor, statement.plain_left, dict(list(axes.items())[: len(outer)]))
    else:
        cells = np.empty((*outer, *(1 for _ in statement.reduced)), dtype=np.intp)
        cells[...] = _flat(statement.tensor, [_Index(index) for index in left], layout, None)
    assert cells is not None
    return Unrolled(
        statement, shape, cells.reshape(num_cells), reads.reshape(num_cells, num_points, len(statement.reads))
    )


def _read_cells(read: Read, scope: Scope, layout: _Layout, kept: Any) -> Any:
    try:
        return _flat(read.tensor, _indices(read, scope), layout, kept)
    except OutOfRange as error:
        error.variables = read.held[error.position]
        raise


def _kept(filters: tuple[Expr, ...], scope: Scope) -> Any:
    """Where all filters hold; None without filters."""
    if not filters:
        return None
    with np.errstate(all="ignore"):
        conditions = [np.asarray(evaluate(condition, scope)) != 0 for condition in filters]
    kept = conditions[0]
    for condition in conditions[1:]:
        kept = kept & condition
    return kept


@dataclass(frozen=True, slots=True)
class _Index:
    """An index at every point, with its least and greatest value where that is known without looking."""

    values: Any
    reach: tuple[int, int] | None = None


def _indices(read: Read, scope: Scope) -> list[_Index]:
    found = []
    for index in read.access.indices:
        if isinstance(index.value, Variable):
            values = scope.variables[index.value.name]
            found.append(_Index(values, (0, values.size - 1)))
        else:
            found.append(_Index(evaluate(index.value, scope)))
    return found


def _flat(tensor: str, indices: list[_Index], layout: _Layout, kept: Any) -> Any:
    """Cell numbers of an access; an index that no kept point uses may be anything."""
    flat: Any = layout.base[tensor]
    extents = layout.extents[tensor]
    stride = prod(extents)
    for position, index in enumerate(indices):
        extent = extents[position]
        stride //= extent
        whole = index.values if index.reach is not None else _integers(index.values)
        low, high = index.reach or (int(whole.min()), int(whole.max()))
        if low < 0 or high >= extent:
            if kept is not None:
                whole = np.where(kept, whole, 0)
                low, high = int(whole.min()), int(whole.max())
            if low < 0 or high >= extent:
                raise OutOfRange(tensor, position, high if high >= extent else low)
        flat = flat + (whole * stride if stride > 1 else whole)
    return flat


def _integers(index: Any) -> Cells:
    array: Cells = np.asarray(index)
    if array.dtype.kind in "iu":
        return array
    with np.errstate(all="ignore"):
        finite: Cells = np.trunc(np.nan_to_num(array, nan=-1.0, posinf=2.0**40, neginf=-(2.0**40))).astype(np.intp)
    return finite
