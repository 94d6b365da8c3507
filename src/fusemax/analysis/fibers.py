"""The fibers whose passes are counted, one column each, so that all of them are counted at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial, reduce
from itertools import accumulate, product
from math import prod
from operator import and_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.lineage import Lineage
from fusemax.analysis.structure import Structure
from fusemax.analysis.unroll import Graph

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

    `whole[j]` is the set F of column j's coordinates. `coordinates`, of shape (cells, 2, columns), hold the bit of
    a root cell's coordinate, the second only where the coordinate is in F and the cell on the fiber. `lineage[s]`
    has all bits set for the (read, column) pairs that are lineage reads, `carries[T]` for the columns in which T
    carries and is no root.
    """

    fibers: tuple[Fiber, ...]
    whole: Masks
    coordinates: Masks
    lineage: dict[int, Masks]
    carries: dict[str, Masks]


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
    """For a factor of a whole rank, every setting of the other factors that no renaming maps onto another."""
    if lineage.rank == lineage.along:
        return [None]
    factors = [f for f in graph.structure.factors[lineage.along] if f != lineage.rank]
    symmetric = [graph.structure.symmetric_class(f) is not None for f in factors]
    return list(product(*(range(1 if s else graph.sizes[f]) for f, s in zip(factors, symmetric, strict=True))))


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
    spans = _spans(fibers)
    kind = _mask_type(max([_num_coordinates(graph, lineage) for lineage, _, _ in spans], default=1))
    whole = np.array([_whole(graph, fiber) for fiber in fibers], dtype=kind)
    coordinates = np.zeros((graph.num_cells, 2, len(fibers)), dtype=kind)
    index = cache(partial(_index, graph))
    bits = cache(partial(_bits, graph, index, kind))
    for lineage, first, last in spans:
        for root in lineage.roots:
            cells = graph.cells_of(root)
            own = bits(root, lineage.carriers[root])
            coordinates[cells, 0, first:last] = own
            if fibers[first].setting is not None:
                own = own * _on_fibers(graph, lineage, root, fibers[first:last], index)
            coordinates[cells, 1, first:last] = own & whole[first:last]
    return Columns(tuple(fibers), whole, coordinates, *_tables(spans, kind))


def _tables(spans: list[Span], kind: np.dtype[Any]) -> tuple[dict[int, Masks], dict[str, Masks]]:
    """`lineage` and `carries` of the columns: the flags of all lineages side by side, then all bits for each flag."""
    num_reads = {number: len(flags) for lineage, _, _ in spans for number, flags in lineage.lineage.items()}
    tensors = dict.fromkeys(tensor for lineage, _, _ in spans for tensor in lineage.carriers)
    rows = []
    for lineage, _, _ in spans:
        row = [flag for number, n in num_reads.items() for flag in lineage.lineage.get(number, (False,) * n)]
        rows.append(row + [tensor in lineage.carriers and tensor not in lineage.roots for tensor in tensors])
    ones = -1 if kind.kind == "O" else int(np.iinfo(kind).max)
    masks = np.array(rows, dtype=kind).reshape(len(spans), sum(num_reads.values()) + len(tensors)).T * ones
    masks = np.repeat(masks, [last - first for _, first, last in spans], axis=1)
    ends = dict(zip(num_reads, accumulate(num_reads.values()), strict=True))
    lineages = {number: masks[end - num_reads[number] : end] for number, end in ends.items()}
    return lineages, dict(zip(tensors, masks[sum(num_reads.values()) :], strict=True))


Span = tuple[Lineage, int, int]
"""Columns first to last (not included) of one lineage, all settings or all merged."""


def _spans(fibers: list[Fiber]) -> list[Span]:
    spans: list[Span] = []
    for j, fiber in enumerate(fibers):
        merged = fiber.setting is None
        if spans and spans[-1][0] is fiber.lineage and (fibers[j - 1].setting is None) == merged:
            spans[-1] = (fiber.lineage, spans[-1][1], j + 1)
        else:
            spans.append((fiber.lineage, j, j + 1))
    return spans


def _mask_type(count: int) -> np.dtype[Any]:
    for kind in (np.uint8, np.uint16, np.uint32, np.uint64):
        if count <= np.iinfo(kind).bits:
            return np.dtype(kind)
    return np.dtype(object)


def _radices(graph: Graph, lineage: Lineage, root: str) -> list[int]:
    return [graph.extents[root][p] for p in lineage.carriers[root]]


def _num_coordinates(graph: Graph, lineage: Lineage) -> int:
    return max(prod(_radices(graph, lineage, root)) for root in lineage.roots)


Index = Callable[[str, int], NDArray[np.intp]]
"""The index of each cell of a tensor at one position."""


def _index(graph: Graph, tensor: str, position: int) -> NDArray[np.intp]:
    extents = graph.extents[tensor]
    cells: NDArray[np.intp] = np.arange(prod(extents)) // prod(extents[position + 1 :]) % extents[position]
    return cells


def _bits(graph: Graph, index: Index, kind: np.dtype[Any], root: str, positions: tuple[int, ...]) -> Masks:
    """The bit of each cell's coordinate, of shape (cells, 1); the factors of a split root are put together."""
    first, *others = positions
    found, size = index(root, first), graph.extents[root][first]
    for position in others:
        extent = graph.extents[root][position]
        found, size = found * extent + index(root, position), size * extent
    return np.array([1 << i for i in range(size)], dtype=kind).take(found)[:, None]


def _on_fibers(graph: Graph, lineage: Lineage, root: str, fibers: list[Fiber], index: Index) -> Any:
    """Whether each cell of a root is on each fiber."""
    others = [p for p in range(len(graph.extents[root])) if p not in lineage.carriers[root]]
    settings = zip(*((fiber.setting or ()) for fiber in fibers), strict=True)
    matches = [index(root, p)[:, None] == np.array(at) for p, at in zip(others, settings, strict=True)]
    return reduce(and_, matches) if matches else True


def _whole(graph: Graph, fiber: Fiber) -> int:
    """The set F: the coordinates 0 .. size-1 of the rank, for a factor those with the other factors fixed."""
    lineage = fiber.lineage
    root = lineage.roots[0]
    radices = _radices(graph, lineage, root)
    if lineage.rank == lineage.along:
        if len(radices) == 1:
            return (1 << graph.sizes[lineage.rank]) - 1
        sizes = [graph.sizes[f] for f in graph.structure.factors[lineage.rank]]
        return sum(1 << _flat(c, radices) for c in product(*map(range, sizes)))
    factors = graph.structure.factors[lineage.along]
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
