"""A cascade at known sizes, ready to run: tensors laid out, statements compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Cascade
from fusemax.cascade.located import at
from fusemax.cascade.ranks import rank_of_variable
from fusemax.execute.compile import Compiler
from fusemax.execute.contract import Contract, plan_product, product_of, tile_of
from fusemax.execute.formats import Format
from fusemax.execute.functions import Function
from fusemax.execute.kernels import Elementwise, Fold, Kernel, Select, Stage, tile_for
from fusemax.execute.layout import Statement, collapsed_positions, extents_of, grid, is_injective, statements
from fusemax.execute.reads import Read, Tensor
from fusemax.execute.storage import Block, Cells, View, dense
from fusemax.execute.terms import Term

Array = NDArray[Any]
TILE_BYTES = 1 << 20
"""A temporary array of a statement is kept about this small, so that it stays in a core's cache."""
PRODUCT_BYTES = 16 << 20
"""Computed factors of a matrix product may be this large: larger tiles make fewer calls."""


@dataclass(frozen=True)
class Settings:
    """What a run is done with. `budget` bounds the temporary arrays of one statement, in bytes.

    A `strict` run walks the points of every statement: no matrix products.
    """

    parameters: Mapping[str, float]
    format: Format
    accumulator: Format
    functions: Mapping[str, Function]
    budget: int
    strict: bool = False


@dataclass
class Job:
    """A compiled statement."""

    statement: Statement
    target: Tensor
    kernel: Kernel
    reads: Sequence[Read]
    filters: Sequence[Term]
    cascade: Cascade
    sizes: Mapping[str, int]
    format: Format
    view: View | None = None
    marks: View | None = None

    def execute(self, step: int) -> None:
        """Run the statement at one value of the iteration variable; raises `SourceError` for a broken cell rule."""
        whole = Block((0,) * len(self.statement.axes.sizes), self.statement.axes.sizes, step)
        for read in self.reads:
            read.check(whole, bool(self.filters))
        if self.target.storage.root is None:
            self.target.storage.allocate()
        if self.view is not None and self.marks is not None and self.target.cells is not None:
            axes = self.statement.left_axes
            left = Block((0,) * len(axes.sizes), axes.sizes, step)
            place = self.view.at(left)
            self.kernel.compute(place, step)
            self.format.round(place)
            if not self.target.cells.write(self.marks, left):
                self._find_twice(step)
        else:
            self._scatter(step)

    def _left_indices(self, step: int) -> list[Array]:
        statement = self.statement
        names = tuple(name for name in (*statement.left_axes.names, statement.axes.fixed) if name)
        reach, found = statement.reach, []
        for index in statement.einsum.left:
            values = grid(index, self.sizes, names, reach)
            if statement.axes.fixed:
                values = values[..., step]
            found.append(values.astype(np.intp).reshape(statement.left_axes.sizes))
        return found

    def _scatter(self, step: int) -> None:
        """Write cell by cell: for left indices that are not affine or may name a cell twice."""
        if self.target.cells is None:
            return
        values = np.empty(self.statement.left_axes.sizes, self.target.storage.dtype)
        self.kernel.compute(values, step)
        self.format.round(values)
        places = tuple(self._left_indices(step))
        flat = np.ravel_multi_index(places, self.target.extents).ravel()
        written = self.target.cells.array()
        if np.unique(flat).size != flat.size or written[places].any():
            self._find_twice(step)
        written[places] = True
        self.target.cells.missing -= flat.size
        self.target.storage.array()[places] = values

    def _find_twice(self, step: int) -> None:
        places = [place.ravel() for place in self._left_indices(step)]
        cells = self.target.cells
        written = cells.array() if cells is not None else None
        seen: set[tuple[int, ...]] = set()
        for place in zip(*(p.tolist() for p in places), strict=True):
            if place in seen or (written is not None and written[self._collapsed(place)]):
                raise self._twice(place)
            seen.add(place)
        raise self._twice(())

    def _collapsed(self, place: tuple[int, ...]) -> tuple[int, ...]:
        cells = self.target.cells
        return () if cells is None else tuple(0 if c else i for i, c in zip(place, cells.collapsed, strict=True))

    def _twice(self, place: tuple[int, ...]) -> SourceError:
        cell = f"{self.target.name}[{', '.join(map(str, place))}]" if place else self.target.name
        return at(self.cascade, self.statement.einsum.span, f"{cell} is written twice")


@dataclass
class Program:
    """Tensors by name and the statements of each section, in order."""

    cascade: Cascade
    sizes: Mapping[str, int]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    sections: list[tuple[range, list[Job]]] = field(default_factory=list)


def build(cascade: Cascade, sizes: Mapping[str, int], settings: Settings) -> Program:
    """Lay out the tensors and compile the statements. Inputs get no buffer yet."""
    program = Program(cascade, sizes)
    parts = statements(cascade, sizes)
    for declaration in cascade.inputs:
        extents = tuple(sizes[rank_of_variable(cascade, v)] for v in declaration.variables)
        program.tensors[declaration.tensor] = Tensor(declaration.tensor, dense(extents, settings.format.storage))
    for name, extents in extents_of(cascade, sizes, parts).items():
        writers = [s for s in parts if s.einsum.tensor == name]
        covers = [collapsed_positions(s, extents) for s in writers]
        collapsed = tuple(all(column) for column in zip(*covers, strict=True))
        selected = any(r.operator == "argtopk" for s in writers for r in s.einsum.reductions)
        dtype = np.dtype(np.float64) if selected else settings.format.storage
        program.tensors[name] = Tensor(name, dense(extents, dtype), Cells(extents, collapsed))
    jobs = iter([_job(program, statement, settings) for statement in parts])
    for section in cascade.sections:
        steps = range(1)
        if section.variable is not None:
            last = sizes[rank_of_variable(cascade, section.variable)]
            steps = range(last) if section.until is not None else range(last - 1, -1, -1)
        program.sections.append((steps, [next(jobs) for _ in section.einsums]))
    return program


def _job(program: Program, statement: Statement, settings: Settings) -> Job:
    target = program.tensors[statement.einsum.tensor]
    compiler = Compiler(
        program.cascade, program.sizes, settings.parameters, program.tensors, settings.functions, statement.axes,
        statement.last, settings.format.storage,
    )  # fmt: skip
    root = compiler.term(statement.einsum.right)
    order = _slowest_first(statement, compiler.reads)
    is_coordinate = any(r.operator == "argtopk" for r in statement.einsum.reductions)
    job = Job(
        statement, target, _kernel(statement, target, settings, compiler, root, order), compiler.reads,
        compiler.filters, program.cascade, program.sizes,
        Format("float64", np.dtype(np.float64)) if is_coordinate else settings.format,
    )  # fmt: skip
    if statement.left is not None and is_injective(statement) and target.cells is not None:
        job.view = View(target.storage, statement.left, statement.left_axes)
        job.marks = View(target.cells.storage, statement.left, statement.left_axes)
    return job


def _kernel(
    statement: Statement, target: Tensor, settings: Settings, compiler: Compiler, root: Term, order: list[int]
) -> Kernel:
    axes, dtype = statement.axes, settings.format.storage
    operations = root.operations + sum(1 + term.operations for term in compiler.filters)
    budget = min(settings.budget, TILE_BYTES * max(1, operations))
    reduced = [name for name in axes.names[statement.num_left :] if name]
    reductions = statement.einsum.reductions
    if reductions and reductions[0].operator in ("topk", "argtopk"):
        tile = tile_for(axes, range(len(axes.names) - 1), operations + 2, 8, budget)
        kept = statement.left_axes.sizes[-1]
        return Select(root, axes, tile, kept, reductions[0].operator == "argtopk", dtype)
    tile = tile_for(axes, order, operations, dtype.itemsize, budget)
    if not reduced:
        return Elementwise(root, axes, tile)
    named = {v for reduction in reductions for v in reduction.variables}
    summed = tuple(axes.index(v) for v in reduced if v not in named)
    stages = [Stage("+", summed)] if summed else []
    stages += [Stage(r.operator, tuple(axes.index(v) for v in r.variables)) for r in reductions]
    fold = Fold(root, compiler.filters, stages, axes, statement.num_left, tile, settings.accumulator, dtype)
    return _contraction(statement, target, settings, fold) or fold


def _contraction(statement: Statement, target: Tensor, settings: Settings, fold: Fold) -> Contract | None:
    """Matrix products in place of a fold, where the statement is a sum of products that gains by them."""
    accumulator = settings.accumulator
    wide = accumulator.narrow is None and accumulator.storage.itemsize >= fold.dtype.itemsize
    if not wide or settings.strict or [stage.operator for stage in fold.stages] != ["+"]:
        return None
    product = product_of(fold.root)
    strides = [0] * fold.num_left
    if statement.left is not None:
        strides = list(View(target.storage, statement.left, statement.left_axes).strides)
    plan = plan_product(product, fold.filters, fold.axes, fold.num_left, strides)
    if plan is None:
        return None
    budget = min(settings.budget, PRODUCT_BYTES)
    tile = tile_of(product, plan, fold.axes, accumulator.storage.itemsize, budget)
    return Contract(product, plan, fold.axes, fold.num_left, tile, accumulator.storage, fold)


def _slowest_first(statement: Statement, reads: Sequence[Read]) -> list[int]:
    """The axes by how far apart their points lie in the largest tensor read, farthest first."""
    views = [read.view for read in reads if read.view is not None]
    axes = range(len(statement.axes.names))
    if not views:
        return list(axes)
    largest = max(views, key=lambda view: (sum(view.present), max(map(abs, view.strides), default=0)))
    return sorted(axes, key=lambda axis: -abs(largest.strides[axis]))
