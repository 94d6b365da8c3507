"""Tensors in memory, which of their cells are written, and views of them over a statement's axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.execute.affine import Affine

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Axes:
    """The variables a statement runs over, in loop order, with their sizes; `fixed` is the iteration variable.

    A statement without a variable gets one axis without a name, so that every value is an array.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    fixed: str | None = None

    def index(self, variable: str) -> int:
        """Which axis a variable is."""
        return self.names.index(variable)


class Block:
    """A box of points of a statement: start and size per axis, at one value of the iteration variable.

    `mask` is the part of the box that the filters leave, None for all of it.
    """

    __slots__ = ("mask", "sizes", "starts", "step", "whole")

    def __init__(self, starts: tuple[int, ...], sizes: tuple[int, ...], step: int) -> None:
        self.starts = starts
        self.sizes = sizes
        self.step = step
        self.whole = not any(starts)
        self.mask: Array | None = None


@dataclass(slots=True)
class Storage:
    """Cells in a buffer: `strides` and `offset` in bytes. A position of stride 0 holds one slab for all indices.

    With `window = (position, width)` only `width` slabs along a position are kept, index i in slab i % width.
    """

    extents: tuple[int, ...]
    dtype: np.dtype[Any]
    strides: tuple[int, ...]
    root: Array | None = None
    offset: int = 0
    window: tuple[int, int] | None = None

    def allocate(self) -> None:
        """A fresh buffer; its cells hold anything."""
        shape = list(self.extents)
        if self.window is not None:
            shape[self.window[0]] = self.window[1]
        self.root = np.empty(shape, self.dtype)

    def array(self) -> Array:
        """All cells that are kept, one dimension per position."""
        shape = list(self.extents)
        if self.window is not None:
            shape[self.window[0]] = self.window[1]
        return np.ndarray(tuple(shape), self.dtype, self.root, self.offset, self.strides)


def dense(
    extents: Sequence[int], dtype: np.dtype[Any], window: tuple[int, int] | None = None, collapsed: Sequence[bool] = ()
) -> Storage:
    """Storage in row-major order, no buffer yet."""
    shape = [1 if i < len(collapsed) and collapsed[i] else n for i, n in enumerate(extents)]
    if window is not None:
        shape[window[0]] = window[1]
    strides = [0 if n == 1 else dtype.itemsize * prod(shape[i + 1 :]) for i, n in enumerate(shape)]
    return Storage(tuple(extents), dtype, tuple(strides), window=window)


class View:
    """The cells that affine indices name, as an array over a statement's axes (size 1 where a variable is absent)."""

    __slots__ = ("base", "present", "shape", "single", "sizes", "slot", "step", "storage", "strides")

    def __init__(self, storage: Storage, indices: Sequence[Affine], axes: Axes) -> None:
        self.storage = storage
        self.base = self.step = 0
        self.slot: tuple[int, int, int, int] | None = None
        strides = dict.fromkeys(axes.names, 0)
        for position, (index, stride) in enumerate(zip(indices, storage.strides, strict=True)):
            step = dict(index.coefficients).get(axes.fixed or "", 0)
            if storage.window is not None and storage.window[0] == position:
                self.slot = (index.constant, step, storage.window[1], stride)
                continue
            self.base += index.constant * stride
            self.step += step * stride
            for variable, coefficient in index.coefficients:
                if variable != axes.fixed:
                    strides[variable] += coefficient * stride
        self.strides = tuple(strides.values())
        self.present = tuple(bool(stride) for stride in self.strides)
        self.single = not any(self.present)
        self.sizes = axes.sizes
        self.shape = self._shape_of(axes.sizes)

    def _shape_of(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([size if there else 1 for size, there in zip(sizes, self.present, strict=True)])

    def offset(self, block: Block) -> int:
        """Where the block's first cell is, in bytes from the start of the buffer."""
        offset = self.storage.offset + self.base + block.step * self.step
        if self.slot is not None:
            constant, step, width, stride = self.slot
            offset += (constant + step * block.step) % width * stride
        return offset if block.whole else offset + sum(map(mul, block.starts, self.strides))

    def at(self, block: Block) -> Array:
        """The block's cells; writing to the array writes to the tensor."""
        shape = self.shape if block.sizes is self.sizes else self._shape_of(block.sizes)
        return np.ndarray(shape, self.storage.dtype, self.storage.root, self.offset(block), self.strides)


@dataclass
class Cells:
    """Which cells of a tensor are written. A position that every write covers whole is collapsed to one cell."""

    extents: tuple[int, ...]
    collapsed: tuple[bool, ...]
    flat: bytearray = field(init=False)
    storage: Storage = field(init=False)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.storage = dense(self.extents, np.dtype(bool), collapsed=self.collapsed)
        self.missing = prod(1 if c else n for n, c in zip(self.extents, self.collapsed, strict=True))
        self.flat = bytearray(self.missing)
        self.storage.root = np.frombuffer(self.flat, dtype=bool)

    def written(self, view: View, block: Block) -> bool:
        """Whether all cells the view names are written."""
        if self.missing == 0:
            return True
        if view.single:
            return bool(self.flat[view.offset(block)])
        return bool(view.at(block).all())

    def write(self, view: View, block: Block) -> bool:
        """Mark the cells written; False, and nothing marked, when one of them was written before."""
        if view.single:
            place = view.offset(block)
            if self.flat[place]:
                return False
            self.flat[place] = 1
            self.missing -= 1
            return True
        cells = view.at(block)
        if cells.any():
            return False
        cells[...] = True
        self.missing -= cells.size
        return True

    def array(self) -> Array:
        """One Boolean per cell, size 1 at collapsed positions."""
        shape = tuple(1 if c else n for n, c in zip(self.extents, self.collapsed, strict=True))
        return np.ndarray(shape, np.dtype(bool), self.storage.root, 0, self.storage.strides)
