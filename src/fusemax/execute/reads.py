"""Reading a tensor: by a view where the indices are affine, else cell by cell; and the cell rules of a read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Access
from fusemax.execute.affine import Affine
from fusemax.execute.storage import Axes, Block, Cells, Storage, View
from fusemax.execute.terms import Term, Value

Array = NDArray[Any]
Fault = Callable[[str], SourceError]


@dataclass
class Tensor:
    """A tensor of a running cascade. `cells` is None for an input, which is whole from the start."""

    name: str
    storage: Storage
    cells: Cells | None = None

    @property
    def extents(self) -> tuple[int, ...]:
        """Per position, how many indices there are."""
        return self.storage.extents


class Read(Term):
    """An access: checks its cells once per execution of the statement, then gives them block by block.

    `forms` are its affine indices when all of them are in range at every point, else None.
    """

    def __init__(
        self, access: Access, tensor: Tensor, axes: Axes, forms: Sequence[Affine] | None, indices: Sequence[Term],
        fault: Fault,
    ) -> None:  # fmt: skip
        self.access = access
        self.tensor = tensor
        self.indices = indices
        self.fault = fault
        self.axes = axes
        self.variables = frozenset().union(*(index.variables for index in indices))
        if forms is not None and self.variables != {v for f in forms for v in f.variables if v != axes.fixed}:
            forms = None  # a variable that cancels out, as in X[m-m]
        self.view = None if forms is None else View(tensor.storage, forms, axes)
        self.marks = None if forms is None or tensor.cells is None else View(tensor.cells.storage, forms, axes)
        self.guarded = self.view is None
        self.reads = frozenset({tensor.name}).union(*(index.reads for index in indices))
        self.fresh = self.view is None
        self.operations = 0 if self.view is not None else 2 + len(indices)

    def check(self, block: Block, filtered: bool) -> None:
        """The cell rules at all points of the whole block.

        Where filters may remove the points in question, the check waits until the mask is known.
        """
        if self.view is None:
            return
        self.guarded = False
        if self.marks is not None and self.tensor.cells is not None:
            self.guarded = not self.tensor.cells.written(self.marks, block)
        if self.guarded and not filtered:
            self._gather(block)  # finds the cell and raises

    def value(self, block: Block, out: Array | None = None) -> Value:
        """The cells of a block."""
        if self.view is None or self.guarded:
            return self._gather(block)
        return self.view.at(block)

    def _gather(self, block: Block) -> Array:
        places: list[Array] = []
        for position, (index, extent) in enumerate(zip(self.indices, self.tensor.extents, strict=True)):
            value = np.trunc(np.asarray(index.value(block), dtype=np.float64))
            inside = (value >= 0) & (value < extent)
            if not inside.all():
                self._refuse_outside(block, position, value, ~inside)
            place = np.where(inside, value, 0).astype(np.intp)
            places.append(place if place.ndim else place.reshape((1,) * len(self.axes.names)))
        if self.tensor.cells is not None and self.tensor.cells.missing:
            self._refuse_unwritten(block, places)
        window = self.tensor.storage.window
        if window is not None:
            places[window[0]] = places[window[0]] % window[1]
        cells = self.tensor.storage.array()
        return cells[tuple(places)] if places else cells.reshape((1,) * len(self.axes.names))

    def _refuse_outside(self, block: Block, position: int, value: Array, bad: Array) -> None:
        bad = _left_over(bad, block)
        if not bad.any():
            return
        found = np.broadcast_to(value, bad.shape)[_first(bad)]
        extent = self.tensor.extents[position]
        raise self.fault(
            f"index {found:.17g} is out of range in position {position + 1} of {self.tensor.name}, "
            f"expected 0 to {extent - 1}"
        )

    def _refuse_unwritten(self, block: Block, places: list[Array]) -> None:
        cells = self.tensor.cells
        if cells is None:
            return
        marked = [np.zeros_like(p) if c else p for p, c in zip(places, cells.collapsed, strict=True)]
        bad = ~cells.array()[tuple(marked)] if marked else ~cells.array().reshape((1,) * len(self.axes.names))
        bad = _left_over(bad, block)
        if bad.any():
            first = _first(bad)
            where = ", ".join(str(np.broadcast_to(place, bad.shape)[first]) for place in places)
            cell = f"{self.tensor.name}[{where}]" if places else self.tensor.name
            raise self.fault(f"{cell} is not yet written")


def _left_over(bad: Array, block: Block) -> Array:
    return bad if block.mask is None else bad & block.mask


def _first(bad: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
