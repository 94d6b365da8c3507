"""How long cells live: which tensors need only a window of an iteration, and after which statement one is dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fusemax.cascade.ir import Access, Cascade
from fusemax.execute.affine import Affine, affine
from fusemax.execute.layout import Statement


@dataclass
class _Slabs:
    """Where along one position a tensor is written and read, relative to the iteration variable or absolute."""

    written: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)


def last_uses(parts: Sequence[Statement]) -> dict[str, int]:
    """Tensor -> the last statement (its number) that reads or writes it; in `iterate`, the section's last one."""
    end = {id(part.section): number for number, part in enumerate(parts)}
    found: dict[str, int] = {}
    for number, part in enumerate(parts):
        last = number if part.section.variable is None else end[id(part.section)]
        for name in (part.einsum.tensor, *(access.tensor for access in part.accesses)):
            found[name] = max(found.get(name, 0), last)
    return found


def windows(
    cascade: Cascade, sizes: Mapping[str, int], parts: Sequence[Statement], extents: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, int]]:
    """Tensor -> (position, width) where only `width` slabs of an iteration are alive at a time.

    That is so when one `iterate` section writes slab v+c at step v, everything it reads is at most a fixed number
    of steps old, and what comes after reads only the last slabs. Outputs are kept whole.
    """
    outputs = {declaration.tensor for declaration in cascade.outputs}
    found: dict[str, tuple[int, int]] = {}
    if all(part.section.variable is None for part in parts):
        return found
    for name in dict.fromkeys(part.einsum.tensor for part in parts):
        window = None if name in outputs else _window(name, sizes, parts, extents[name])
        if window is not None and window[1] < extents[name][window[0]]:
            found[name] = window
    return found


def _window(
    name: str, sizes: Mapping[str, int], parts: Sequence[Statement], extents: tuple[int, ...]
) -> tuple[int, int] | None:
    writers = [part for part in parts if part.einsum.tensor == name]
    looped = [part for part in writers if part.section.variable is not None]
    if not looped or any(part.left is None for part in writers):
        return None
    home = looped[0].section
    position = _slab_position(looped[0])
    if position is None or any(part.section is not home or _slab_position(part) != position for part in looped):
        return None
    slabs = _Slabs()
    met = False  # statements of the home section come after those of the sections before it
    for part in parts:
        met = met or part.section is home
        if not _note(slabs, name, part, position, sizes, extents, "home" if part.section is home else met):
            return None
    width = _width(slabs, looped[0].last, ascending=home.until is not None)
    return None if width is None else (position, width)


def _slab_position(part: Statement) -> int | None:
    """The one position whose index is v+c for the iteration variable v, when v is in no other."""
    variable = part.section.variable
    with_it = [i for i, form in enumerate(part.left or ()) if variable in form.variables]
    if len(with_it) != 1 or part.left is None:
        return None
    return with_it[0] if part.left[with_it[0]].coefficients == ((variable, 1),) else None


def _note(
    slabs: _Slabs, name: str, part: Statement, position: int, sizes: Mapping[str, int], extents: tuple[int, ...],
    where: str | bool,
) -> bool:  # fmt: skip
    """Add a statement's writes and reads; False when they rule a window out. `where`: home, or whether after it."""
    if part.einsum.tensor == name and part.left is not None:
        index = part.left[position]
        if where == "home":
            slabs.written.append(index.constant)
        elif where or index.coefficients:
            return False
        else:
            slabs.before.append(index.constant)
    for access in part.accesses:
        if access.tensor != name:
            continue
        read = _safe_index(access, part, position, sizes, extents)
        if read is None:
            return False
        if where == "home" and read.coefficients == ((part.section.variable, 1),):
            slabs.read.append(read.constant)
        elif where is True and not read.coefficients:
            slabs.after.append(read.constant)
        else:
            return False
    return True


def _safe_index(
    access: Access, part: Statement, position: int, sizes: Mapping[str, int], extents: tuple[int, ...]
) -> Affine | None:
    """The affine index of a position, when all indices of the access are affine and in range."""
    reach = dict(zip(part.axes.names, part.axes.sizes, strict=True)) | {part.axes.fixed or "": part.last + 1}
    forms = []
    for index, extent in zip(access.indices, extents, strict=True):
        form = affine(index.value, sizes)
        if form is None or form.span(reach)[0] < 0 or form.span(reach)[1] >= extent:
            return None
        forms.append(form)
    return forms[position]


def _width(slabs: _Slabs, last: int, ascending: bool) -> int | None:
    """How many slabs to keep, or None when a window would lose one; descending loops are mirrored."""
    if not ascending:
        slabs = _Slabs(
            [-c for c in slabs.written],
            [-c for c in slabs.read],
            [last - k for k in slabs.before],
            [last - k for k in slabs.after],
        )
    newest, oldest = max(slabs.written), min(slabs.written)
    width = max(newest - c for c in (oldest, *slabs.read)) + 1
    width = max([width, *(last + newest - t + 1 for t in slabs.after)])
    if any(k >= oldest for k in slabs.before) or min(slabs.before, default=0) <= max(slabs.before, default=0) - width:
        return None
    return width
