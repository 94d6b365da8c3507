"""Follow which cells are written and read, without any values: enough where indices are affine and unfiltered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import rank_of
from fusemax.execute.affine import Affine, affine
from fusemax.execute.layout import Layout, Statement, collapsed, is_injective, steps_of
from fusemax.execute.storage import Block, Cells, View


@dataclass(frozen=True)
class _Following:
    """A statement: what it reads of written tensors, what it writes, and its points."""

    reads: list[tuple[Cells, View]]
    target: Cells
    write: View
    sizes: tuple[int, ...]
    left_sizes: tuple[int, ...]

    def is_sound(self, step: int) -> bool:
        block = Block((0,) * len(self.sizes), self.sizes, step)
        if not all(cells.written(view, block) for cells, view in self.reads):
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
    """None where an index is not affine or can be out of range, or an access is filtered."""
    if part.left is None or not is_injective(part):
        return None
    reach = dict(zip(part.axes.names, part.axes.sizes, strict=True)) | {part.axes.fixed or "": part.last + 1}
    reads = []
    for access in part.accesses:
        written = cells.get(access.tensor)
        extents = inputs[access.tensor] if written is None else written.extents
        forms: list[Affine] = []
        for index, extent in zip(access.indices, extents, strict=True):
            form = None if index.filter is not None else affine(index.value, sizes)
            if form is None or form.span(reach)[0] < 0 or form.span(reach)[1] >= extent:
                return None
            forms.append(form)
        if written is not None:
            reads.append((written, View(written.storage, forms, part.axes)))
    target = cells[part.einsum.tensor]
    write = View(target.storage, part.left, part.left_axes)
    return _Following(reads, target, write, part.axes.sizes, part.left_axes.sizes)
