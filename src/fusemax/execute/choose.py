"""Which kernel a statement gets, and its tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusemax.execute.compile import Compiler
from fusemax.execute.contract import Contract, plan_product, product_of, tile_of
from fusemax.execute.formats import Format
from fusemax.execute.functions import Function
from fusemax.execute.kernels import Elementwise, Fold, Kernel, Select, Stage, tile_for
from fusemax.execute.layout import Statement
from fusemax.execute.reads import Read, Tensor
from fusemax.execute.storage import View
from fusemax.execute.terms import Term
from fusemax.execute.touch import Tally

TILE_BYTES = 1 << 20
"""A temporary array of a statement is kept about this small, so that it stays in a core's cache."""
PRODUCT_BYTES = 16 << 20
"""Computed factors of a matrix product may be this large: larger tiles make fewer calls."""


@dataclass(frozen=True)
class Settings:
    """What a run is done with. `budget` bounds the temporary arrays of one statement, in bytes.

    With a `tally` the points that each action touches are counted. A `plain` run takes no care of memory and speed.
    """

    parameters: Mapping[str, float]
    format: Format
    accumulator: Format
    functions: Mapping[str, Function]
    budget: int
    tally: Tally | None = None
    plain: bool = False

    @property
    def strict(self) -> bool:
        """Whether every statement walks its points: no matrix products."""
        return self.plain or self.tally is not None


def choose_kernel(statement: Statement, target: Tensor, settings: Settings, compiler: Compiler, root: Term) -> Kernel:
    """The kernel for a compiled right side; its terms are in the compiler."""
    order = _slowest_first(statement, compiler.reads)
    axes, dtype = statement.axes, settings.format.storage
    operations = root.operations + sum(1 + term.operations for term in compiler.filters)
    budget = min(settings.budget, TILE_BYTES * max(1, operations))
    reduced = [name for name in axes.names[statement.num_left :] if name]
    reductions = statement.einsum.reductions
    if reductions and reductions[0].operator in ("topk", "argtopk"):
        tile = tile_for(axes, range(len(axes.names) - 1), operations + 2, 8, budget)
        kept = statement.left_axes.sizes[-1]
        return Select(root, axes, tile, kept, reductions[0].operator == "argtopk", dtype, compiler.counter)
    tile = tile_for(axes, order, operations, dtype.itemsize, budget)
    if not reduced:
        return Elementwise(root, axes, tile)
    named = {v for reduction in reductions for v in reduction.variables}
    summed = tuple(axes.index(v) for v in reduced if v not in named)
    stages = [Stage("+", summed)] if summed else []
    stages += [Stage(r.operator, tuple(axes.index(v) for v in r.variables)) for r in reductions]
    fold = Fold(
        root, compiler.filters, stages, axes, statement.num_left, tile, settings.accumulator, dtype, compiler.counter
    )
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
    tile = tile_of(product, plan, fold.axes, accumulator.storage, budget, fold.dtype)
    return Contract(product, plan, fold.axes, fold.num_left, tile, accumulator.storage, fold)


def _slowest_first(statement: Statement, reads: Sequence[Read]) -> list[int]:
    """The axes by how far apart their points lie in the largest tensor read, farthest first."""
    views = [read.view for read in reads if read.view is not None]
    axes = range(len(statement.axes.names))
    if not views:
        return list(axes)
    largest = max(views, key=lambda view: (sum(view.present), max(map(abs, view.strides), default=0)))
    return sorted(axes, key=lambda axis: -abs(largest.strides[axis]))
