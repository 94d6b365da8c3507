"""The skeleton of a mapping: the sizes of its tiles, and the orders of its loops.

A frame comes from a design: which ranks are split into which parts. Every part that is not the rest is open: one that
spreads over an array may have any divisor of what the array has, one that fills a memory any divisor of what is left.
Loops above the tiles may stand in any order, and loops over whole tiles of the outermost memory that have no part
further in (the key tiles of FuseMax) may move to the next memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.design.accelerator import Array
from fusemax.design.arithmetic import ceil_div, divisors
from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec
from fusemax.design.expression import parse_expression
from fusemax.design.mapping import Mapping as DesignMapping
from fusemax.design.mapping import fit_level
from fusemax.design.nest import part_of
from fusemax.design.sizes import Sizes

__all__ = ["Order", "Skeleton", "Tiles", "loops_of", "orders", "skeleton", "tile_sizes"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """Loops of the outermost memory and of the next one, and the place among all orders."""

    outer: tuple[str, ...]
    inner: tuple[str, ...]
    place: int


@dataclass(frozen=True)
class Skeleton:
    """A design's partition with every part but the rest open, under the parameter's name."""

    design: Design = field(repr=False)
    parameters: Mapping[str, str]
    """Part -> parameter that sizes it."""
    spread: Mapping[str, str]
    """Of parts that spread over an array, what they may be at most."""

    @cached_property
    def outer(self) -> str:
        """The outermost memory."""
        return next(iter(self.design.accelerator.memories))

    @cached_property
    def inner(self) -> str:
        """The next one."""
        return list(self.design.accelerator.memories)[1]

    @cached_property
    def arrays(self) -> Mapping[str, Array]:
        """The arrays, in file order."""
        return self.design.accelerator.arrays

    @cached_property
    def lanes(self) -> str:
        """The registers of the lanes, an array of one row; or nothing."""
        return next((f"{name}.registers" for name, array in self.arrays.items() if array.rows == 1), "")


def skeleton(design: Design) -> Skeleton | None:
    """The skeleton of a design's mapping, or None where it is of another kind: named parameters, nested parts."""
    mapping = design.mapping
    memories = list(design.accelerator.memories)
    nested = any(rank in part_of(mapping) for rank in mapping.partition)
    if len(memories) != 2 or set(mapping.loops) != set(memories) or mapping.capacity or mapping.parameters or nested:
        return None
    parameters: dict[str, str] = {}
    spread: dict[str, str] = {}
    partition: dict[str, dict[str, int | str]] = {}
    for rank, parts in mapping.partition.items():
        partition[rank] = {}
        for part, text in parts.items():
            if text != "rest":
                parameters[part] = f"size_{part}"
                if fit_level(text) is None:
                    spread[part] = str(text)
            partition[rank][part] = parameters.get(part, "rest")
    opened = mapping.model_copy(update={"partition": partition})
    return Skeleton(_with(design, opened), parameters, spread)


def _with(design: Design, mapping: DesignMapping) -> Design:
    return replace(design, mapping=mapping, binding=None)


def orders(shape: Skeleton) -> Iterator[Order]:
    """All orders of the loops, batch loops in their own one; those of the design's own first."""
    mapping = shape.design.mapping
    outer, inner = mapping.loops[shape.outer], mapping.loops[shape.inner]
    batch = [variable_of(rank) for rank in mapping.batch]
    inside = {part_of(mapping).get(rank_of(v), rank_of(v)) for v in inner}
    movable = [v for v in outer if v not in batch and part_of(mapping).get(rank_of(v), rank_of(v)) not in inside]
    place = 0
    for number in range(len(movable) + 1):
        for moved in itertools.combinations(movable, number):
            first = [v for v in outer if v not in moved]
            for one in itertools.permutations(first):
                if [v for v in one if v in batch] != [v for v in first if v in batch]:
                    continue
                for other in itertools.permutations((*moved, *inner)):
                    yield Order(one, other, place)
                    place += 1


def loops_of(shape: Skeleton, order: Order, spec: EinsumSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The loops of an order that an Einsum has."""
    whole = {part: rank for rank, parts in shape.design.mapping.partition.items() for part in parts}
    ranks = set(spec.ranks)

    def own(loops: tuple[str, ...]) -> tuple[str, ...]:
        parts = [(v, v[:1].upper() + v[1:]) for v in loops]
        return tuple(v for v, part in parts if part in ranks or whole.get(part) in ranks)

    return own(order.outer), own(order.inner)


@dataclass(frozen=True)
class Tiles:
    """Sizes of the parts, one entry per choice; ``group`` numbers choices that differ in what fills a memory only."""

    parameters: Mapping[str, Integers]
    group: Integers
    place: Integers

    def __len__(self) -> int:
        return len(self.place)

    def at(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Tiles:
        """Some of the choices."""
        return Tiles({n: v[chosen] for n, v in self.parameters.items()}, self.group[chosen], self.place[chosen])


def tile_sizes(shape: Skeleton, sizes: Sizes, ragged: bool, only: Mapping[str, Sequence[int]] | None = None) -> Tiles:
    """All sizes of the parts at a design point, large ones first.

    Without ``ragged`` only those that divide their rank. ``only`` limits parts to some sizes.
    """
    mapping = shape.design.mapping
    whole_of = part_of(mapping)
    spread = list(shape.spread)
    choices = [_spread_sizes(shape, sizes, part, whole_of[part], ragged, only) for part in spread]
    columns: dict[str, list[int]] = {name: [] for name in shape.parameters.values()}
    groups: list[int] = []
    for number, chosen in enumerate(itertools.product(*choices)):
        known = dict(zip(spread, chosen, strict=True))
        filling = [part for part in shape.parameters if part not in spread]
        left = [_left(mapping, sizes, part, whole_of[part], known) for part in filling]
        values = [list(divisors(whole)) for whole in left]
        if only is not None:
            values = [[v for v in each if v in only.get(p, each)] for p, each in zip(filling, values, strict=True)]
        for inner in itertools.product(*(reversed(each) for each in values)):
            for part, value in (known | dict(zip(filling, inner, strict=True))).items():
                columns[shape.parameters[part]].append(value)
            groups.append(number)
    arrays = {name: np.array(column, dtype=np.int64) for name, column in columns.items()}
    return Tiles(arrays, np.array(groups, dtype=np.int64), np.arange(len(groups)))


def _spread_sizes(
    shape: Skeleton, sizes: Sizes, part: str, rank: str, ragged: bool, only: Mapping[str, Sequence[int]] | None
) -> list[int]:
    most, whole = int(parse_expression(shape.spread[part])(sizes)), int(_whole(sizes, rank))
    found = {value for value in divisors(most) if value <= whole} | {min(most, whole)}
    if not ragged:
        found = {value for value in found if whole % value == 0}
    if only is not None and part in only:
        found &= set(only[part])
    return sorted(found, reverse=True)


def _left(mapping: DesignMapping, sizes: Sizes, part: str, rank: str, known: Mapping[str, int]) -> int:
    others = [other for other, text in mapping.partition[rank].items() if other != part and text != "rest"]
    inner = 1
    for other in others:
        inner *= known.get(other, 1)
    return int(ceil_div(_whole(sizes, rank), inner))


def _whole(sizes: Sizes, rank: str) -> int:
    return int(sizes(rank))
