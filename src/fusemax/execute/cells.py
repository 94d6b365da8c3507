"""Follow which cells are written and read, without any values: enough where no index is gathered.

A filter only takes reads away, so a statement whose reads are all legal without its filters is sound. An iteration
is followed as a whole where every tensor it writes goes slab by slab and is read at a fixed distance: a slab that
is read is then written before, for every step alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from fusemax.cascade.ir import Access, Cascade, Expr, Section, walk
from fusemax.cascade.ranks import rank_of
from fusemax.execute.affine import Affine, affine
from fusemax.execute.layout import Layout, Statement, collapsed, grid, is_injective, steps_of, variables_of
from fusemax.execute.storage import Axes, Block, Cells, View

MAX_GRID = 10**6
MAX_STEPS = 10**5
"""An iteration that cannot be followed as a whole is followed step by step, up to this many executions."""
Forms = tuple[Affine, ...]


@dataclass(frozen=True)
class _Following:
    """A statement: what it reads of written tensors (no forms: any cell), what it writes (never without forms)."""

    part: Statement
    reads: list[tuple[str, Forms | None]]

    @property
    def target(self) -> str:
        return self.part.einsum.tensor

    @property
    def left(self) -> Forms:
        return self.part.left or ()


def is_plainly_sound(cascade: Cascade, sizes: Mapping[str, int], layout: Layout) -> bool:
    """True when every cell rule holds, whatever the values; False when one is broken or values may matter."""
    covered = collapsed(layout)
    cells = {name: Cells(extents, covered[name]) for name, extents in layout.written.items()}
    inputs = {d.tensor: tuple(sizes[rank_of(v)] for v in d.variables) for d in cascade.inputs}
    parts = iter(layout.statements)
    for section in cascade.sections:
        found = [_follow(next(parts), sizes, inputs, cells) for _ in section.einsums]
        followed = [each for each in found if each is not None]
        if len(followed) < len(found) or not _section_is_sound(section, steps_of(sizes, section), followed, cells):
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
    reads: list[tuple[str, Forms | None]] = []
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
            reads.append((access.tensor, tuple(forms) if len(forms) == len(extents) else None))
    return _Following(part, reads)


def _reached(index: Expr, sizes: Mapping[str, int], reach: Mapping[str, int]) -> tuple[float, float]:
    """Smallest and largest value of an index that is not affine; NaN when it depends on data or is long to say."""
    names = tuple(dict.fromkeys(variables_of(index)))
    if any(isinstance(node, Access) for node in walk(index)) or prod(reach[name] for name in names) > MAX_GRID:
        return math.nan, math.nan
    values = grid(index, sizes, names, reach)
    return float(values.min()), float(values.max())


def _section_is_sound(
    section: Section, steps: range, followed: Sequence[_Following], cells: Mapping[str, Cells]
) -> bool:
    if section.variable is not None and _is_uniform(section, followed, cells):
        writes = all(_write(each, cells, whole=True, step=0) for each in followed)
        return writes and all(_read(each, cells, whole=True, step=0) for each in followed)
    if len(steps) * len(followed) > MAX_STEPS:
        return False
    return all(
        _read(each, cells, whole=False, step=step) and _write(each, cells, whole=False, step=step)
        for step in steps
        for each in followed
    )


def _is_uniform(section: Section, followed: Sequence[_Following], cells: Mapping[str, Cells]) -> bool:
    """Whether what the iteration reads of its own tensors is written before, for every step alike."""
    writers: dict[str, list[tuple[int, int, int]]] = {}  # tensor -> (statement, slab position, distance)
    for number, each in enumerate(followed):
        slab = [i for i, form in enumerate(each.left) if section.variable in form.variables]
        if len(slab) != 1 or each.left[slab[0]].coefficients != ((section.variable, 1),):
            return False
        writers.setdefault(each.target, []).append((number, slab[0], each.left[slab[0]].constant))
    for number, each in enumerate(followed):
        for tensor, forms in each.reads:
            if forms is None:
                if tensor in writers or cells[tensor].missing:
                    return False
                continue
            for writer, position, written in writers.get(tensor, ()):
                index = forms[position]
                age = written - index.constant if section.until is not None else index.constant - written
                if index.coefficients != ((section.variable, 1),) or age < 0 or (age == 0 and writer >= number):
                    return False
    return True


def _view(cells: Cells, forms: Forms, axes: Axes, whole: bool, part: Statement, step: int) -> tuple[View, Block]:
    """The marks of some cells at one step, or at all steps: the iteration variable is then an axis like others."""
    if whole and axes.fixed is not None:
        axes = Axes((*axes.names, axes.fixed), (*axes.sizes, part.last + 1))
    return View(cells.storage, forms, axes), Block((0,) * len(axes.sizes), axes.sizes, step)


def _read(each: _Following, cells: Mapping[str, Cells], whole: bool, step: int) -> bool:
    for tensor, forms in each.reads:
        if not cells[tensor].missing:
            continue
        if forms is None or not cells[tensor].written(
            *_view(cells[tensor], forms, each.part.axes, whole, each.part, step)
        ):
            return False
    return True


def _write(each: _Following, cells: Mapping[str, Cells], whole: bool, step: int) -> bool:
    target = cells[each.target]
    return target.write(*_view(target, each.left, each.part.left_axes, whole, each.part, step))
