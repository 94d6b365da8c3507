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

    def _scatter(self, step: int) -> Array:
        """Write cell by cell: for left indices that are not affine or may name a cell twice."""
        if self.target.cells is None:
            raise AssertionError("inputs are never written")
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
        return values

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
