"""A phase of a design at one point, as the engines see it: tiles, durations, dependences, operands, memory.

Taken from the design: loop bounds (`Tiling`), issue cycles of an Einsum's point, places in the buffer, the cycle time
of its banks. Not taken: counts over a run, or times. Time is counted in ticks, 2^16 to a cycle, so that durations
that are no whole cycles (of transfers) add up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from fusemax.design.einsums import EinsumSpec, Operand
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import Phase
from fusemax.model.measure import Measured
from fusemax.simulate.memory import Bus, Fetch, Ports, Store
from fusemax.simulate.space import Axis, Index, Mask

__all__ = ["HEADS", "TICKS", "Machine", "ticks"]

TICKS = 1 << 16
HEADS = "heads"
"""The axis of all batch ranks together."""


def ticks(cycles: float | Fraction) -> int:
    """Cycles as ticks, to the nearest."""
    return round(cycles * TICKS)


@dataclass(frozen=True)
class Machine:
    """One design point; ``return_delay`` is how many cycles a word of a lane needs to be back above its column."""

    measured: Measured
    return_delay: int = 1

    @cached_property
    def mask(self) -> Mask | None:
        """The mask between queries and keys."""
        sizes, tiling = self.measured.sizes, self.measured.tiling
        if not tiling.masked:
            return None
        return Mask(tiling.part("P"), tiling.part("M"), sizes("group"), sizes("window"))

    def specs(self, phase: Phase) -> list[EinsumSpec]:
        """The Einsums of a phase in the cascade's order."""
        return [spec for spec in self.measured.design.specs if spec.name in phase.einsums]

    def nest(self, name: str) -> Nest:
        """The nest of an Einsum."""
        return self.measured.nest(name)

    def unit(self, part: str) -> int:
        """Coordinates of its whole rank that one iteration of the loop over a part covers."""
        for rank, parts in self.measured.design.mapping.partition.items():
            names = list(parts)
            if part in names:
                size = self.unit(rank)
                for inner in names[names.index(part) + 1 :]:
                    size *= int(self.measured.tiling.part(inner))
                return size
        return 1

    def axis(self, loop: Loop) -> Axis:
        """A loop in time as an axis of tiles."""
        return Axis(loop.variable, loop.root, self.unit(loop.part), int(self.measured.tiling.bound(loop)))

    def axes(self, loops: tuple[Loop, ...]) -> tuple[Axis, ...]:
        """Loops in time as axes; the batch ranks' loops, which come first and are all alike, as one."""
        batch = self.measured.design.mapping.batch
        heads, rest = 1, list(loops)
        while rest and rest[0].part in batch:
            heads *= int(self.measured.tiling.bound(rest.pop(0)))
        first = (Axis(HEADS, HEADS, 1, heads),) if len(rest) < len(loops) else ()
        return (*first, *(self.axis(loop) for loop in rest))

    def ranks(self, nest: Nest, axis: Axis) -> frozenset[str]:
        """The ranks that a nest's axis runs over."""
        if axis.root == HEADS:
            return frozenset(self.measured.design.mapping.batch)
        return next((x.ranks for x in nest.temporal if x.variable == axis.variable), frozenset())

    @property
    def heads(self) -> int:
        """Independent heads in all."""
        number = 1
        for rank in self.measured.design.mapping.batch:
            number *= int(self.measured.tiling.part(rank))
        return number

    def sizes(self, axes: tuple[Axis, ...]) -> dict[str, int]:
        """Sizes of whole ranks."""
        roots = {axis.root for axis in axes} - {HEADS}
        return {HEADS: self.heads} | {root: int(self.measured.tiling.part(root)) for root in roots}

    def rows(self, array: str) -> int:
        """How deep a column of an array is."""
        return int(self.measured.sizes(f"{array}.rows"))

    def columns(self, array: str) -> int:
        """How many columns it has."""
        return int(self.measured.sizes(f"{array}.columns"))

    @cached_property
    def ticks_per_word(self) -> Callable[[int], int]:
        """Ticks that the outermost memory takes for some words."""
        sizes, outer = self.measured.sizes, self.measured.outer
        bits = Fraction(int(sizes("word")), 8)
        per_word = bits * Fraction(sizes("clock")) / Fraction(sizes(f"{outer}.bandwidth")) * TICKS
        return lambda words: round(words * per_word)

    @cached_property
    def ports(self) -> Ports | None:
        """The ports of the memory next to the arrays; None where no table knows how fast they are."""
        name = self.measured.next
        if not name:
            return None
        part = self.measured.design.accelerator.memories[name]
        words = float(self.measured.level_cost(name).words)
        slack = ticks(max(self.rows(array) for array in self.measured.design.accelerator.arrays))
        if part.bandwidth is not None:
            rate = float(self.measured.sizes(f"{name}.bandwidth") / self.measured.sizes(f"{name}.access"))
            return Ports(name, float(self.measured.sizes("clock")) / rate * TICKS, words, slack)
        cycle = float(self.measured.level_cost(name).cycle_s)
        if not math.isfinite(cycle) or cycle <= 0:
            return None
        side_by_side = float(self.measured.sizes(f"{name}.banks") * self.measured.sizes(f"{name}.ports")) * part.spread
        return Ports(name, cycle * float(self.measured.sizes("clock")) / side_by_side * TICKS, words, slack)

    def bus(self) -> Bus:
        """The channel to the outermost memory."""
        return Bus(self.ticks_per_word, self.ports)


@dataclass(frozen=True)
class Feed:
    """An operand that comes from the outermost memory, by the axes its boxes follow and the places it has."""

    einsum: str
    operand: Operand
    fetch: Fetch


@dataclass(frozen=True)
class Sink:
    """A result that goes to the outermost memory tile by tile, so many words each."""

    einsum: str
    store: Store
    words: Callable[[Index], int]


def words_of(machine: Machine, nest: Nest, operand: Operand, loops: tuple[Loop, ...]) -> int:
    """Words of an operand under some loops."""
    size = 1
    for loop in loops:
        if loop.ranks & operand.ranks:
            size *= int(machine.measured.tiling.bound(loop))
    return size
