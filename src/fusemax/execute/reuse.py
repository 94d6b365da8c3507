"""Memory that a statement need not ask for: a copy that can be a view, a result that fits where a dead tensor lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusemax.cascade.ir import Access
from fusemax.execute.affine import affine
from fusemax.execute.layout import Statement, collapsed_positions
from fusemax.execute.reads import Read, Tensor
from fusemax.execute.storage import View


def become_view(statement: Statement, target: Tensor, source: Tensor, read: Read) -> bool:
    """Let the target be a view of the source, where the statement only renames the source's cells.

    So it is for `BK[e, m1, m0] = K[e, m1*M0+m0]`: one write of the whole target, nothing computed, nothing
    repeated. Cells are written once, so the source's cells keep their values.
    """
    right = statement.einsum.right
    if not isinstance(right, Access) or any(index.filter is not None for index in right.indices):
        return False
    simple = statement.section.variable is None and not statement.einsum.reductions
    if not simple or read.view is None or source.storage.window is not None:
        return False
    if statement.axes.names != statement.left_axes.names or source.storage.dtype != target.storage.dtype:
        return False
    strides = _strides(statement, target, read.view)
    if strides is None:
        return False
    target.storage.strides = strides
    return True


def _strides(statement: Statement, target: Tensor, view: View) -> tuple[int, ...] | None:
    if statement.left is None or not all(collapsed_positions(statement, target.extents)):
        return None
    found = []
    for form, extent in zip(statement.left, target.extents, strict=True):
        stride = view.strides[statement.axes.index(form.variables[0])] if form.variables else 0
        if stride == 0 and extent > 1:
            return None  # repeated cells are cheaper to read when they are there
        found.append(stride)
    return tuple(found)


def donor_of(
    statement: Statement, number: int, parts: Sequence[Statement], tensors: Mapping[str, Tensor],
    sizes: Mapping[str, int], last_use: Mapping[str, int], kept: frozenset[str],
) -> Tensor | None:  # fmt: skip
    """A tensor read here for the last time, cell by cell where the target is written, so that its memory can be taken.

    In an iteration both must be needed for one step only. `kept` tensors (inputs, outputs, views and what they
    look into) are never given away.
    """
    if statement.einsum.reductions or statement.axes.names != statement.left_axes.names:
        return None
    target = tensors[statement.einsum.tensor]
    if sum(part.einsum.tensor == target.name for part in parts) != 1:
        return None
    for access in statement.accesses:
        source = tensors[access.tensor]
        if source.name not in kept and _is_dead(statement, number, parts, source, last_use):
            same = source.storage.dtype == target.storage.dtype and source.extents == target.extents
            alike = same and source.storage.window == target.storage.window
            if alike and all(_in_place(a, statement, sizes) for a in statement.accesses if a.tensor == source.name):
                return source
    return None


def _is_dead(
    statement: Statement, number: int, parts: Sequence[Statement], source: Tensor, last_use: Mapping[str, int]
) -> bool:
    """Whether nothing needs the source's cells after the statement (in an iteration: this step's cells)."""
    if statement.section.variable is None:
        return last_use[source.name] == number
    window = source.storage.window
    writers = [part for part in parts if part.einsum.tensor == source.name]
    if window is None or window[1] != 1 or len(writers) != 1 or writers[0].section is not statement.section:
        return False
    return all(source.name not in {a.tensor for a in part.accesses} for part in parts[number + 1 :])


def _in_place(access: Access, statement: Statement, sizes: Mapping[str, int]) -> bool:
    return statement.left is not None and tuple(affine(i.value, sizes) for i in access.indices) == statement.left
