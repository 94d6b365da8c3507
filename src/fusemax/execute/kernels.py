"""How a statement's values get to its left side: element by element, folded, or selected; always tile by tile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.execute.formats import Format
from fusemax.execute.storage import Axes, Block
from fusemax.execute.terms import Term, Value
from fusemax.execute.tiles import tile_sizes, tiles
from fusemax.execute.touch import Counter

Array = NDArray[Any]
REDUCTIONS: dict[str, tuple[Any, float]] = {
    "+": (np.add, 0.0),
    "*": (np.multiply, 1.0),
    "max": (np.maximum, -inf),
    "min": (np.minimum, inf),
}
"""Reduction operator -> (how two values combine, its identity)."""


@dataclass(frozen=True)
class Stage:
    """One reduction of a statement: the operator and the axes it takes away."""

    operator: str
    axes: tuple[int, ...]


class Kernel(ABC):
    """Computes one statement into an array over its left axes."""

    @abstractmethod
    def compute(self, target: Array, step: int) -> None:
        """Fill `target`, at one value of the iteration variable."""


@dataclass
class Elementwise(Kernel):
    """No reduction: every point of the iteration space is a cell of the target."""

    root: Term
    axes: Axes
    tile: tuple[int, ...]

    def __post_init__(self) -> None:
        self.fills = self.root.variables == frozenset(self.axes.names)

    def compute(self, target: Array, step: int) -> None:
        """Evaluate the right side straight into the target, tile by tile."""
        if self.tile == self.axes.sizes:
            self._fill(target, whole_block(self.axes, step))
            return
        for place, block in blocks(self.axes, self.tile, range(len(self.axes.names)), step):
            self._fill(target[place], block)

    def _fill(self, part: Array, block: Block) -> None:
        value = self.root.value(block, part if self.fills else None)
        if value is not part:
            np.copyto(part, value, casting="unsafe")


@dataclass
class Fold(Kernel):
    """Reductions, innermost first. Filters give the points that take part."""

    root: Term
    filters: Sequence[Term]
    stages: Sequence[Stage]
    axes: Axes
    num_left: int
    tile: tuple[int, ...]
    accumulator: Format
    dtype: np.dtype[Any]
    counter: Counter | None = None

    def compute(self, target: Array, step: int) -> None:
        """Reduce tile by tile; partial results combine with the same operator."""
        simple = self.tile == self.axes.sizes and len(self.stages) == 1 and not self.filters and not self.counter
        if simple and self._direct(target, step):
            return
        self.compute_block(target, whole_block(self.axes, step))

    def compute_block(self, target: Array, within: Block) -> None:
        """The same for the cells and points of one block."""
        for place, block in blocks(self.axes, self.tile, range(self.num_left), within.step, within):
            value = self._partial(len(self.stages) - 1, block)
            np.copyto(target[place] if place else target, value.reshape(value.shape[: self.num_left]), casting="unsafe")

    def _direct(self, target: Array, step: int) -> bool:
        """The common case in one call: reduce the whole space into the target."""
        if self.stages[0].operator in "+*" and self.accumulator.storage != target.dtype:
            return False
        if self.accumulator.narrow is not None or self.root.logical:
            return False
        value = self.root.value(whole_block(self.axes, step))
        if not isinstance(value, np.ndarray) or value.shape != self.axes.sizes:
            value = np.broadcast_to(value, self.axes.sizes)
        combine, _ = REDUCTIONS[self.stages[0].operator]
        combine.reduce(value, axis=self.stages[0].axes, out=target)
        return True

    def _partial(self, depth: int, block: Block) -> Array:
        """The value of a block after the stages up to `depth`, size 1 along the axes they reduced."""
        if depth < 0:
            return self._points(block)
        stage = self.stages[depth]
        total: Array | None = None
        for _, part in blocks(self.axes, self.tile, stage.axes, block.step, block):
            value = self._partial(depth - 1, part)
            if self.counter is not None:
                points = prod(part.sizes[: self.num_left]) * prod(value.shape[self.num_left :])
                self.counter.of_reduce(depth, value, points, part.mask if depth == 0 else None)
            value = self._reduce(stage, value)
            total = value if total is None else self._combine(stage, total, value)
        if total is None:
            raise AssertionError("a rank has at least one coordinate")
        return total

    def _points(self, block: Block) -> Array:
        """The values that take part, the operator's identity for those that do not."""
        shape = [1] * self.num_left + list(block.sizes[self.num_left :])
        mask = masked(self.filters, block)
        identity = REDUCTIONS[self.stages[0].operator][1]
        if mask is not None and not mask.any():
            return np.full((1,) * len(shape), identity, self.dtype)
        value = self.root.value(block)
        if self.root.logical or not isinstance(value, np.ndarray):
            value = np.asarray(value, dtype=self.dtype)
        if mask is not None:
            value = np.where(mask, value, identity)
        wanted = np.broadcast_shapes(value.shape, tuple(shape))
        return value if value.shape == wanted else np.broadcast_to(value, wanted)

    def _reduce(self, stage: Stage, value: Array) -> Array:
        combine, _ = REDUCTIONS[stage.operator]
        if stage.operator not in "+*":
            reduced: Array = combine.reduce(value, axis=stage.axes, keepdims=True)
        elif self.accumulator.narrow is None and self.accumulator.storage.itemsize >= self.dtype.itemsize:
            reduced = combine.reduce(value, axis=stage.axes, keepdims=True, dtype=self.accumulator.storage)
        else:
            # An accumulator narrower than the values: one addition after the other, each rounded.
            reduced = value.astype(self.accumulator.dtype)
            for axis in stage.axes:
                reduced = np.take(combine.accumulate(reduced, axis=axis), [-1], axis=axis)
        return reduced

    def _combine(self, stage: Stage, total: Array, value: Array) -> Array:
        combined: Array = REDUCTIONS[stage.operator][0](total, value)
        return combined


@dataclass
class Select(Kernel):
    """topk and argtopk over the last axis: largest first, ties by smaller coordinate, NaN last."""

    root: Term
    axes: Axes
    tile: tuple[int, ...]
    kept: int
    coordinates: bool
    dtype: np.dtype[Any]
    counter: Counter | None = None

    def compute(self, target: Array, step: int) -> None:
        """Sort each fiber whole; tiles hold some of the fibers."""
        for place, block in blocks(self.axes, self.tile, range(len(self.axes.names) - 1), step):
            value: Value = self.root.value(block)
            if self.root.logical or not isinstance(value, np.ndarray):
                value = np.asarray(value, dtype=self.dtype)
            value = np.broadcast_to(value, block.sizes)
            if self.counter is not None:
                self.counter.of_reduce(0, value, value.size, None)
            order = np.argsort(-value, axis=-1, kind="stable")[..., : self.kept]
            result = order if self.coordinates else np.take_along_axis(value, order, axis=-1)
            np.copyto(target[place], result, casting="unsafe")


def masked(filters: Sequence[Term], block: Block) -> Array | None:
    """The points of a block that all filters leave, None for all of them; also set as the block's mask.

    A filter reads only at the points that the filters before it leave; those that read nothing come first.
    """
    block.mask = None
    for term in sorted(filters, key=lambda term: bool(term.reads)):
        value = term.value(block)
        left = np.asarray(value if term.logical else value != 0, dtype=bool)
        left = left if left.ndim else left.reshape((1,) * len(block.sizes))
        block.mask = left if block.mask is None else block.mask & left
    return block.mask


def whole_block(axes: Axes, step: int) -> Block:
    """All points of a statement at one value of the iteration variable."""
    return Block((0,) * len(axes.sizes), axes.sizes, step)


def blocks(
    axes: Axes, tile: tuple[int, ...], split: Sequence[int], step: int, within: Block | None = None
) -> Iterator[tuple[tuple[slice, ...], Block]]:
    """Each tile over the axes `split`, the others as in `within` (the whole space for None).

    Gives its slices along `split`, counted from the start of `within`, and its block.
    """
    outer = whole_block(axes, step) if within is None else within
    starts, sizes = list(outer.starts), list(outer.sizes)
    for ranges in tiles(outer.sizes, tile, split):
        for axis, (start, size) in zip(split, ranges, strict=True):
            starts[axis], sizes[axis] = outer.starts[axis] + start, size
        yield tuple([slice(start, start + size) for start, size in ranges]), Block(tuple(starts), tuple(sizes), step)


def tile_for(axes: Axes, order: Sequence[int], operations: int, itemsize: int, budget: int) -> tuple[int, ...]:
    """The tile in which `operations` temporary arrays fit the budget (bytes); whole when there are none."""
    if operations == 0:
        return axes.sizes
    return tile_sizes(axes.sizes, order, max(1, budget // (itemsize * operations)))
