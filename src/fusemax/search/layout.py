"""How a single Einsum may run: on which array, with which loops spread over it, and what each level keeps.

A `Placing` is the array and the loops on its columns and rows; loops that neither stand above the tiles nor are spread
follow innermost in the next memory. For each operand the levels that keep it are chosen apart: memories, and for an
Einsum on an array of several rows the registers of the lanes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.design.accelerator import Array
from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec, Operand
from fusemax.design.mapping import EinsumMapping
from fusemax.search.frame import Order, Skeleton

__all__ = ["Placing", "entry_of", "levels_of", "placings", "placings_of", "view_of"]

Levels = tuple[str, ...]


@dataclass(frozen=True)
class Placing:
    """An array and what is spread over it: (side, loop variable) pairs, columns first."""

    on: str
    spatial: tuple[tuple[str, str], ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.on, self.spatial))

    def side(self, variable: str) -> str:
        """The side that a loop is spread over, or nothing."""
        return next((side for side, one in self.spatial if one == variable), "")

    def spatial_of(self, variables: set[str]) -> tuple[tuple[str, str], ...]:
        """What is spread of some loops."""
        return tuple(pair for pair in self.spatial if pair[1] in variables)


def placings(shape: Skeleton, spec: EinsumSpec) -> list[Placing]:
    """Every way: arrays that have the units, and as many of the Einsum's inner loops spread as the array has sides."""
    design, found = shape.design, []
    loops = [v for v in _spreadable(shape) if rank_of(v) in spec.ranks or _whole(design, v) & set(spec.ranks)]
    for name, array in design.accelerator.arrays.items():
        if not _can_run(design, spec, array):
            continue
        sides = ("columns",) if array.rows == 1 else ("columns", "rows")
        number = min(len(sides), len(loops))
        if number == 0:
            found.append(Placing(name, ()))
        for chosen in itertools.permutations(loops, number):
            ways = itertools.combinations(sides, number)
            found += [Placing(name, tuple(zip(places, chosen, strict=True))) for places in ways]
    return found


def placings_of(shape: Skeleton, spec: EinsumSpec, seeds: Sequence[Design]) -> list[Placing]:
    """Arrays that have the units, with what designs spread over arrays of that kind, of the loops the Einsum has."""
    known: dict[bool, dict[tuple[tuple[str, str], ...], None]] = {}
    for seed in seeds:
        for entry in seed.mapping.einsums.values():
            is_row = seed.accelerator.arrays[entry.on].rows == 1
            spread = tuple((side, str(loop)) for side, loop in entry.spatial.items())
            known.setdefault(is_row, {}).setdefault(spread)
    found: dict[Placing, None] = {}
    own = {v for v in _spreadable(shape) if rank_of(v) in spec.ranks or _whole(shape.design, v) & set(spec.ranks)}
    for name, array in shape.design.accelerator.arrays.items():
        if _can_run(shape.design, spec, array):
            for spread in known.get(array.rows == 1, {}):
                chosen = tuple(pair for pair in spread if pair[1] in own)
                found.setdefault(Placing(name, chosen))
    return list(found)


def _spreadable(shape: Skeleton) -> list[str]:
    """Loops over parts that spread over an array, then over ranks that are not split."""
    mapping = shape.design.mapping
    own = [variable_of(part) for part in shape.spread]
    parts = {part for split in mapping.partition.values() for part in split}
    whole = [v for v in mapping.loops[shape.inner] if rank_of(v) not in parts and rank_of(v) not in mapping.batch]
    return [*own, *whole]


def _whole(design: Design, variable: str) -> set[str]:
    """The ranks that a part belongs to."""
    part = rank_of(variable)
    return {rank for rank, parts in design.mapping.partition.items() if part in parts}


def _can_run(design: Design, spec: EinsumSpec, array: Array) -> bool:
    table = design.costs.components
    done = {action for unit in array.units for action in table.actions(unit)}
    entry = design.mapping.einsums[spec.name]
    wanted = dict(spec.operations if entry.operations is None else entry.operations)
    if wanted.pop("exp", 0) and array.exp is None:
        return False
    return all(operation in done for operation, times in wanted.items() if times)


def view_of(shape: Skeleton, placing: Placing) -> str:
    """The lanes' registers as an array of several rows sees them, or nothing."""
    return "" if shape.arrays[placing.on].rows == 1 else shape.lanes


def levels_of(shape: Skeleton, placing: Placing, operand: Operand, *, is_first: bool) -> tuple[Levels, ...]:
    """The levels that may keep an operand besides the registers of its own array, each choice outermost first.

    ``is_first``: the operand is an input or output of the cascade, and this is the Einsum that moves it.
    """
    outer, inner = shape.outer, shape.inner
    if is_first:
        return ((outer, inner), (outer,))
    view = view_of(shape, placing)
    views: tuple[Levels, ...] = ((view,), (inner, view)) if view else ()
    return ((), *views, (inner,), (outer, inner))


def entry_of(
    shape: Skeleton, order: Order, spec: EinsumSpec, placing: Placing, kept: Sequence[tuple[str, Levels]]
) -> EinsumMapping:
    """The mapping of an Einsum; ``kept`` are operand labels with their levels."""
    keep: dict[str, tuple[str, ...]] = {}
    for label, levels in kept:
        for level in levels:
            if label not in keep.get(level, ()):
                keep[level] = (*keep.get(level, ()), label)
    own = shape.design.mapping.einsums[spec.name].operations
    loops = {}
    left = left_over(shape, order, spec, placing)
    above = tuple(v for v in order.inner if not placing.side(v))
    if left or len(above) != len(order.inner):
        loops[shape.inner] = (*above, *left)
    return EinsumMapping(on=placing.on, spatial=dict(placing.spatial), loops=loops, keep=keep, operations=own)


def left_over(shape: Skeleton, order: Order, spec: EinsumSpec, placing: Placing) -> tuple[str, ...]:
    """Loops over inner parts that this Einsum has and does not spread."""
    there = {*order.outer, *order.inner}
    ranks = set(spec.ranks)
    found = [variable_of(part) for part in shape.spread]
    return tuple(
        v
        for v in found
        if v not in there and not placing.side(v) and (rank_of(v) in ranks or _whole(shape.design, v) & ranks)
    )
