"""One statement, ready to run: its reads are checked, its values computed, its cells marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Cascade
from fusemax.cascade.located import at
from fusemax.execute.formats import Format
from fusemax.execute.kernels import Kernel
from fusemax.execute.layout import Statement, grid
from fusemax.execute.reads import Read, Tensor
from fusemax.execute.storage import Block, View
from fusemax.execute.terms import Term

Array = NDArray[Any]


@dataclass
class Job:
    """A compiled statement.

    The target takes the memory of `donor`, or is a view of what `source` reads. `ends` are the tensors that are
    not needed once the statement (the last one of an iteration: the iteration) is done.
    """

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
    donor: Tensor | None = None
    source: Read | None = None
    ends: Sequence[Tensor] = ()

    def execute(self, step: int) -> Array:
        """Run the statement at one value of the iteration variable and give the cells it wrote.

        Raises `SourceError` for a broken cell rule.
        """
        whole = Block((0,) * len(self.statement.axes.sizes), self.statement.axes.sizes, step)
        for read in self.reads:
            read.check(whole, bool(self.filters))
        self._place()
        if self.view is None or self.marks is None or self.target.cells is None:
            return self._scatter(step)
        axes = self.statement.left_axes
        left = Block((0,) * len(axes.sizes), axes.sizes, step)
        cells = self.view.at(left)
        if self.source is None:
            self.kernel.compute(cells, step)
            self.format.round(cells)
        if not self.target.cells.write(self.marks, left):
            self._find_twice(step)
        return cells

    def _place(self) -> None:
        """Give the target its memory."""
        storage = self.target.storage
        if self.source is not None and self.source.view is not None:
            storage.root = self.source.tensor.storage.root
            storage.offset = self.source.tensor.storage.offset + self.source.view.base
        elif self.donor is not None:
            storage.root = self.donor.storage.root
        elif storage.root is None:
            try:
                storage.allocate()
            except (MemoryError, ValueError):
                cells = " x ".join(map(str, storage.extents))
                message = f"no memory for {self.target.name}: {cells} cells"
                raise at(self.cascade, self.statement.einsum.span, message) from None

    def free(self) -> None:
        """Let go of the tensors that end here."""
        for tensor in self.ends:
            tensor.storage.root = None

    def _left_indices(self, step: int) -> tuple[Array, ...]:
        """The cell of every point, one array per position; in range, since the extents come from them."""
        statement = self.statement
        reach = statement.reach
        names = tuple(name for name in statement.left_axes.names if name)
        fixed = {} if statement.axes.fixed is None else {statement.axes.fixed: step}
        indices = (grid(index, self.sizes, names, reach, fixed) for index in statement.einsum.left)
        return tuple(index.astype(np.intp).reshape(statement.left_axes.sizes) for index in indices)

    def _scatter(self, step: int) -> Array:
        """Write cell by cell: for left indices that are not affine or may name a cell twice."""
        if self.target.cells is None:
            raise AssertionError("inputs are never written")
        values = np.empty(self.statement.left_axes.sizes, self.target.storage.dtype)
        self.kernel.compute(values, step)
        self.format.round(values)
        places = self._left_indices(step)
        self._find_twice(step)
        marks = self._marks(places)
        written = self.target.cells.array()
        self.target.cells.missing -= np.unique(np.ravel_multi_index(marks, written.shape)).size
        written[marks] = True
        self.target.storage.array()[places] = values
        return values

    def _marks(self, places: tuple[Array, ...]) -> tuple[Array, ...]:
        """Where the cells are marked as written: always 0 in a collapsed position."""
        collapsed = () if self.target.cells is None else self.target.cells.collapsed
        return tuple(np.zeros_like(p) if c else p for p, c in zip(places, collapsed, strict=True))

    def _find_twice(self, step: int) -> None:
        """Raise at the first point whose cell another point or an earlier statement has written."""
        places = self._left_indices(step)
        if not places:
            if self.target.cells is not None and not self.target.cells.missing:
                raise self._twice(())
            return
        flat = np.ravel_multi_index(places, self.target.extents).ravel()
        again = np.ones(flat.size, dtype=bool)
        again[np.unique(flat, return_index=True)[1]] = False
        if self.target.cells is not None:
            again |= self.target.cells.array()[self._marks(places)].ravel()
        if again.any():
            first = int(again.argmax())
            raise self._twice(tuple(int(place.ravel()[first]) for place in places))

    def _twice(self, place: tuple[int, ...]) -> SourceError:
        cell = f"{self.target.name}[{', '.join(map(str, place))}]" if place else self.target.name
        return at(self.cascade, self.statement.einsum.span, f"{cell} is written twice")
