"""The fibers whose passes are counted, one column each, so that all of them are counted at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.lineage import Counted, Lineage
from fusemax.analysis.structure import Structure
from fusemax.analysis.unroll import Graph
from fusemax.cascade.ranks import canonical, factors_of

Masks = NDArray[Any]
"""Sets of coordinates, one bit each: the smallest unsigned type that holds them, or Python integers."""


@dataclass(frozen=True, slots=True)
class Fiber:
    """One fiber of a lineage's root, or all fibers of its roots as one when `setting` is None.

    `outer` are the coordinates of the other factors when a factor of a partitioned root is counted.
    """

    lineage: Lineage
    setting: tuple[int, ...] | None
    outer: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Columns:
    """The fibers of a cascade as columns of arrays over cells.

    `whole[j]` is the set F of column j's coordinates. `coordinate` and `visit`, of shape (cells, columns), hold
    the bit of a root cell's coordinate, the second only where the cell is on the fiber. `lineage[s]` has all
    bits set for the (read, column) pairs that are lineage reads, `carries[T]` for the columns in which T carries,
    and `rooted[T]` for those in which T is a root.
    """

    fibers: tuple[Fiber, ...]
    whole: Masks
    coordinate: Masks
    visit: Masks
    lineage: dict[int, Masks]
    carries: dict[str, Masks]
    rooted: dict[str, Masks]


def fibers_of(graph: Graph, lineage: Lineage, merged: bool) -> list[Fiber]:
    """A root's fibers in index order, one of each set that a renaming of coordinates maps onto one another."""
    outers = _outer_settings(graph, lineage)
    if merged:
        return [Fiber(lineage, None, outer) for outer in outers]
    structure, root = graph.structure, lineage.roots[0]
    carrying = lineage.carriers[root]
    others = [p for p in range(len(graph.extents[root])) if p not in carrying]
    settings = _settings(structure, root, others, graph.extents[root])
    return [Fiber(lineage, setting, outer) for setting in settings for outer in outers]


def _outer_settings(graph: Graph, lineage: Lineage) -> list[tuple[int, ...] | None]:
    """For a factor of a whole rank, every setting of the other factors."""
    if lineage.rank == lineage.along:
        return [None]
    factors = _factor_names(graph.structure, lineage.along)
    return list(product(*(range(graph.sizes[f]) for f in factors if f != lineage.rank)))


def _factor_names(structure: Structure, rank: str) -> tuple[str, ...]:
    return tuple(canonical(structure.cascade, f) for f in factors_of(structure.cascade, rank))


def _settings(
    structure: Structure, tensor: str, positions: list[int], extents: tuple[int, ...]
) -> list[tuple[int, ...]]:
    classes = [structure.symmetric_class(structure.positions[tensor][p]) for p in positions]
    found = []
    choices = [
        range(extents[p] if kind is None else min(extents[p], classes[: i + 1].count(kind)))
        for i, (p, kind) in enumerate(zip(positions, classes, strict=True))
    ]
    for setting in product(*choices):
        highest: dict[str, int] = {}
        for kind, index in zip(classes, setting, strict=True):
            if kind is None:
                continue
            if index > highest.get(kind, -1) + 1:
                break
            highest[kind] = max(highest.get(kind, -1), index)
        else:
            found.append(setting)
    return found


def columns(graph: Graph, fibers: list[Fiber]) -> Columns:
    """Lay out the fibers side by side."""
    counts = [_num_coordinates(graph, fiber.lineage) for fiber in fibers]
    kind = _mask_type(max(counts, default=1))
    bit = np.array([1 << i for i in range(max(counts, default=1))], dtype=kind)
    shape = (graph.num_cells, len(fibers))
    coordinate, visit = np.zeros(shape, dtype=kind), np.zeros(shape, dtype=kind)
    whole = np.zeros(len(fibers), dtype=kind)
    for j, fiber in enumerate(fibers):
        whole[j] = _whole(graph, fiber)
        for root in fiber.lineage.roots:
            cells = graph.cells_of(root)
            bits = bit[_coordinates(graph, fiber.lineage, root)]
            coordinate[cells, j] = bits
            visit[cells, j] = bits if fiber.setting is None else np.where(_on_fiber(graph, fiber, root), bits, 0)
    ones = -1 if kind.kind == "O" else int(np.iinfo(kind).max)
    lineage: dict[int, Masks] = {}
    carries: dict[str, Masks] = {}
    rooted: dict[str, Masks] = {}
    for j, fiber in enumerate(fibers):
        for number, flags in fiber.lineage.lineage.items():
            if number not in lineage:
                lineage[number] = np.zeros((len(flags), len(fibers)), dtype=kind)
            for read, flag in enumerate(flags):
                if flag:
                    lineage[number][read, j] = ones
        for tensor in fiber.lineage.carriers:
            table = rooted if tensor in fiber.lineage.roots else carries
            if tensor not in table:
                table[tensor] = np.zeros(len(fibers), dtype=kind)
            table[tensor][j] = ones
    return Columns(tuple(fibers), whole, coordinate, visit, lineage, carries, rooted)


def _mask_type(count: int) -> np.dtype[Any]:
    for kind in (np.uint8, np.uint16, np.uint32, np.uint64):
        if count <= np.iinfo(kind).bits:
            return np.dtype(kind)
    return np.dtype(object)


def _radices(graph: Graph, lineage: Lineage, root: str) -> list[int]:
    return [graph.extents[root][p] for p in lineage.carriers[root]]


def _num_coordinates(graph: Graph, lineage: Lineage) -> int:
    return max(prod(_radices(graph, lineage, root)) for root in lineage.roots)


def _coordinates(graph: Graph, lineage: Lineage, root: str) -> NDArray[np.intp]:
    """The coordinate of each cell of a root; the factors of a split one are put together."""
    extents = graph.extents[root]
    index = np.indices(extents).reshape(len(extents), -1)
    found = np.zeros(prod(extents), dtype=np.intp)
    for position, radix in zip(lineage.carriers[root], _radices(graph, lineage, root), strict=True):
        found = found * radix + index[position]
    return found


def _on_fiber(graph: Graph, fiber: Fiber, root: str) -> NDArray[np.bool_]:
    extents = graph.extents[root]
    index = np.indices(extents).reshape(len(extents), -1)
    others = [p for p in range(len(extents)) if p not in fiber.lineage.carriers[root]]
    on = np.ones(prod(extents), dtype=bool)
    for position, coordinate in zip(others, fiber.setting or (), strict=True):
        on &= index[position] == coordinate
    return on


def _whole(graph: Graph, fiber: Fiber) -> int:
    """The set F: the coordinates 0 .. size-1 of the rank, for a factor those with the other factors fixed."""
    lineage = fiber.lineage
    root = lineage.roots[0]
    radices = _radices(graph, lineage, root)
    if lineage.rank == lineage.along:
        if len(radices) == 1:
            return (1 << graph.sizes[lineage.rank]) - 1
        sizes = [graph.sizes[f] for f in _factor_names(graph.structure, lineage.rank)]
        return sum(1 << _flat(c, radices) for c in product(*map(range, sizes)))
    factors = _factor_names(graph.structure, lineage.along)
    if len(radices) == 1:
        radices = [graph.sizes[f] for f in factors]
    outer = iter(fiber.outer or ())
    choices = [range(graph.sizes[f]) if f == lineage.rank else (next(outer),) for f in factors]
    return sum(1 << _flat(c, radices) for c in product(*choices))


def _flat(coordinates: tuple[int, ...], radices: list[int]) -> int:
    flat = 0
    for coordinate, radix in zip(coordinates, radices, strict=True):
        flat = flat * radix + coordinate
    return flat


def all_fibers(graph: Graph, ranks: tuple[Counted, ...]) -> list[Fiber]:
    """Every fiber that some count of the ranks needs."""
    found: list[Fiber] = []
    for rank in ranks:
        for lineage in rank.inputs:
            found += fibers_of(graph, lineage, merged=False)
        for lineage in rank.derived:
            found += fibers_of(graph, lineage, merged=True)
        if rank.sweep is not None:
            found += fibers_of(graph, rank.sweep, merged=True)
    return found
