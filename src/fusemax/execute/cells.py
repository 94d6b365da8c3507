"""Follow which cells are written and read, without any values: enough where no index is gathered.

A filter only takes reads away, so a statement whose reads are all legal without its filters is sound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from fusemax.cascade.ir import Access, Cascade, Expr, walk
from fusemax.cascade.ranks import rank_of
from fusemax.execute.affine import Affine, affine
from fusemax.execute.layout import Layout, Statement, collapsed, grid, is_injective, steps_of, variables_of
from fusemax.execute.storage import Block, Cells, View

MAX_GRID = 10**6


@dataclass(frozen=True)
class _Following:
    """A statement: what it reads of written tensors (no view: any cell of it), what it writes, and its points."""

    reads: list[tuple[Cells, View | None]]
    target: Cells
    write: View
    sizes: tuple[int, ...]
    left_sizes: tuple[int, ...]

    def is_sound(self, step: int) -> bool:
        block = Block((0,) * len(self.sizes), self.sizes, step)
        for cells, view in self.reads:
            if cells.missing and (view is None or not cells.written(view, block)):
                return False
        return self.target.write(self.write, Block((0,) * len(self.left_sizes), self.left_sizes, step))


def is_plainly_sound(cascade: Cascade, sizes: Mapping[str, int], layout: Layout) -> bool:
    """True when every cell rule holds, whatever the values; False when one is broken or values may matter."""
    covered = collapsed(layout)
    cells = {name: Cells(extents, covered[name]) for name, extents in layout.written.items()}
    inputs = {d.tensor: tuple(sizes[rank_of(v)] for v in d.variables) for d in cascade.inputs}
    parts = iter(layout.statements)
    for section in cascade.sections:
        found = [_follow(next(parts), sizes, inputs, cells) for _ in section.einsums]
        followed = [each for each in found if each is not None]
        if len(followed) < len(found):
            return False
        for step in steps_of(sizes, section):
            if not all(each.is_sound(step) for each in followed):
                return False
    return all(
        not cells[output.tensor].missing
        and all(e >= sizes[rank_of(v)] for e, v in zip(cells[output.tensor].extents, output.variables, strict=True))
        for output in cascade.outputs
    )


def _follow(
    part: Statement, sizes: Mapping[str, int], inputs: Mapping[str, tuple[int, ...]], cells: Mapping[str, Cells]
) -> _Following | None:
    """None where an index can be out of range or depends on data, or the left side is not plainly one to one."""
    if part.left is None or not is_injective(part):
        return None
    reach = dict(zip(part.axes.names, part.axes.sizes, strict=True)) | {part.axes.fixed or "": part.last + 1}
    reads: list[tuple[Cells, View | None]] = []
    for access in part.accesses:
        written = cells.get(access.tensor)
        extents = inputs[access.tensor] if written is None else written.extents
        forms: list[Affine] = []
        for index, extent in zip(access.indices, extents, strict=True):
            form = affine(index.value, sizes)
            low, high = _reached(index.value, sizes, reach) if form is None else form.span(reach)
            if not 0 <= low <= high < extent:
                return None
            if form is not None:
                forms.append(form)
        if written is not None:
            exact = len(forms) == len(extents)
            reads.append((written, View(written.storage, forms, part.axes) if exact else None))
    target = cells[part.einsum.tensor]
    write = View(target.storage, part.left, part.left_axes)
    return _Following(reads, target, write, part.axes.sizes, part.left_axes.sizes)


def _reached(index: Expr, sizes: Mapping[str, int], reach: Mapping[str, int]) -> tuple[float, float]:
    """Smallest and largest value of an index that is not affine; NaN when it depends on data or is long to say."""
    names = tuple(dict.fromkeys(variables_of(index)))
    if any(isinstance(node, Access) for node in walk(index)) or prod(reach[name] for name in names) > MAX_GRID:
        return math.nan, math.nan
    values = grid(index, sizes, names, reach)
    return float(values.min()), float(values.max())
