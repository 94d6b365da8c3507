"""Where a tensor stands between the Einsum that makes it and those that read it.

For a tensor inside a cascade every Einsum that touches it chooses the levels that keep it. A choice is sound when

* every reader finds it: the outermost level it names is one where the writer, or an earlier reader, has put it; what it
  takes from registers is in registers of its own array (spread alike), or comes through the lanes' registers;
* what is only in registers is read while it is there: each element once, in the section that makes it;
* a running tensor, which the next key tile reads, is in a memory, and one that holds all that runs in between;
* a sum that is not done before the next one begins has a memory for its parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fusemax.cascade.ranks import rank_of
from fusemax.design.einsums import EinsumSpec, Operand
from fusemax.design.nest import Nest
from fusemax.search.frame import Skeleton
from fusemax.search.layout import Levels, Placing, levels_of, view_of
from fusemax.search.prices import Keeping, Prices

__all__ = ["Handing", "Place", "handings", "homes_of", "places_of", "touches"]


Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """An Einsum's operand: one place where a tensor is touched."""

    spec: EinsumSpec
    operand: Operand

    @property
    def is_output(self) -> bool:
        """Whether the Einsum makes the tensor."""
        return self.operand is self.spec.output


@dataclass(frozen=True)
class Handing:
    """Levels chosen at every place of a tensor, in the order of the places, and what they cost together."""

    kept: tuple[Levels, ...]
    numbers: tuple[int, ...]
    """The choice at each place, as a number among all."""
    cost: Keeping


def touches(specs: Sequence[EinsumSpec]) -> dict[str, tuple[Place, ...]]:
    """Tensor -> the places where it is touched, in the order of the Einsums."""
    found: dict[str, list[Place]] = {}
    for spec in specs:
        for operand in spec.operands:
            found.setdefault(operand.tensor, []).append(Place(spec, operand))
    return {tensor: tuple(places) for tensor, places in found.items()}


def places_of(shape: Skeleton, place: Place, placing: Placing) -> tuple[Levels, ...]:
    """All choices of levels at one place."""
    design = shape.design
    users = [spec.name for spec in design.specs if any(o.tensor == place.operand.tensor for o in spec.operands)]
    first = place.operand.tensor in design.boundary and users[:1] == [place.spec.name]
    return levels_of(shape, placing, place.operand, is_first=first)


def handings(
    prices: Prices, places: Sequence[Place], placed: Mapping[str, Placing], every: bool = False
) -> tuple[list[Handing], int]:
    """The sound choices for a tensor that no other one beats at any size of the tiles (or every one), and how many
    sound ones there are."""
    found: list[Handing] = []
    number = 0
    for handing in _sound(prices, places, placed):
        number += 1
        if every:
            found.append(handing)
        elif not any(one.cost.beats(handing.cost) for one in found):
            found = [one for one in found if not handing.cost.beats(one.cost)]
            found.append(handing)
    return found, number


def _sound(prices: Prices, places: Sequence[Place], placed: Mapping[str, Placing]) -> Iterator[Handing]:
    rule = _Rule(prices, places, placed)
    for numbers in rule.sound():
        kept = tuple(rule.options[i][number] for i, number in enumerate(numbers))
        cost: Keeping | None = None
        for place, placing, levels in zip(places, rule.placings, kept, strict=True):
            each = prices.keeping(place.spec, placing, place.operand, levels)
            cost = each if cost is None else cost.plus(each)
        assert cost is not None
        yield Handing(kept, numbers, cost)


def homes_of(prices: Prices, place: Place, placing: Placing) -> frozenset[str]:
    """The memories that keep a running tensor, seen from the Einsum that makes it.

    The next one; and the outermost where, outside the next, other elements come by before the next value of the same.
    """
    outer, inner = prices.shape.outer, prices.shape.inner
    walked = {rank_of(str(s.variable)) for s in prices.design.cascade.sections if s.kind == "iterate"}
    nest = prices.nest(place.spec, placing)
    loops = nest.levels[nest.level(outer)].loops
    at = [n for n, loop in enumerate(loops) if loop.ranks & walked]
    own = place.operand.ranks
    is_split = bool(at) and any(loop.ranks & own and not loop.ranks & walked for loop in loops[at[0] :])
    return frozenset((outer, inner) if is_split else (inner,))


class _Rule:
    """The rules of the module for one tensor, its Einsums placed."""

    def __init__(self, prices: Prices, places: Sequence[Place], placed: Mapping[str, Placing]) -> None:
        self.prices = prices
        self.places = places
        self.placings = [placed[place.spec.name] for place in places]
        self.options = [places_of(prices.shape, p, placing) for p, placing in zip(places, self.placings, strict=True)]
        self.nests = [prices.nest(place.spec, placing) for place, placing in zip(places, self.placings, strict=True)]
        self.views = [view_of(prices.shape, placing) for placing in self.placings]
        self.writer = next((i for i, place in enumerate(places) if place.is_output), None)
        self.is_old = [place.operand.label != place.operand.tensor for place in places]
        self.is_running = any(self.is_old)
        self.memories = (prices.shape.outer, prices.shape.inner)
        self.is_boundary = places[0].operand.tensor in prices.design.boundary
        if self.writer is not None:
            self._with_writer(self.writer)

    def _with_writer(self, writer: int) -> None:
        numbers = range(len(self.places))
        homes = homes_of(self.prices, self.places[writer], self.placings[writer]) if self.is_running else frozenset()
        self.written = [
            number
            for number, levels in enumerate(self.options[writer])
            if homes <= set(levels) and self._sums(self.nests[writer], self.places[writer].operand, levels)
        ]
        self.readers = sorted((i for i in numbers if i != writer), key=lambda i: not self.is_old[i])
        variables = self._variables()
        self.spread = [placing.spatial_of(variables) for placing in self.placings]
        self.columns = [next((v for side, v in spread if side == "columns"), "") for spread in self.spread]
        self.streams = [self._streams(i) for i in numbers]

    def sound(self) -> list[Numbers]:
        """The sound choices, as numbers at each place, in their order."""
        if self.writer is None:
            return [
                numbers
                for numbers in itertools.product(*(range(len(each)) for each in self.options))
                if all(
                    set(each[n]) <= set(self.options[0][numbers[0]]) and each[n]
                    for each, n in zip(self.options, numbers, strict=True)
                )
            ]
        found: list[Numbers] = []
        for number in self.written:
            found += self._with_written(self.writer, number)
        return sorted(found)

    def _with_written(self, writer: int, number: int) -> Iterator[Numbers]:
        """Those in which the Einsum that makes the tensor keeps it so."""
        written = self.options[writer][number]
        there = {level for level in written if level in self.memories}
        choices = []
        for i, each in enumerate(self.options):
            fits = [n for n, levels in enumerate(each) if self.is_boundary or self._are_there(levels, there)]
            choices.append([number] if i == writer else fits)
        is_viewed = self.views[writer] in written
        for numbers in itertools.product(*choices):
            if self.is_boundary:
                yield numbers
                continue
            kept = [each[n] for each, n in zip(self.options, numbers, strict=True)]
            if (not is_viewed or self._is_viewed(writer, kept)) and self._are_found(writer, kept):
                yield numbers

    def _are_there(self, levels: Levels, there: set[str]) -> bool:
        """Whether a reader's memories hold the tensor: the Einsum that makes it fills those inside its outermost."""
        return all(level in there for level in levels if level in self.memories)

    def _are_found(self, writer: int, kept: Sequence[Levels]) -> bool:
        """Whether readers as they come, of the old value first, find the tensor in a memory or in registers."""
        there: list[int] = [] if self.is_running else [writer]  # where it is in registers
        for i in self.readers:
            if not any(level in self.memories for level in kept[i]):
                sources = [j for j in there if self.is_old[j] == self.is_old[i]]
                if not self.is_old[i] and writer not in sources:
                    sources.append(writer)
                if not any(self._is_handed(j, i, writer, kept) for j in sources):
                    return False
            there.append(i)
        return True

    def _is_handed(self, source: int, reader: int, writer: int, kept: Sequence[Levels]) -> bool:
        """Whether a reader takes a tensor from where another Einsum has it in registers."""
        if self.places[source].spec.section != self.places[reader].spec.section or not self.streams[reader]:
            return False
        one, two = self.placings[source].on, self.placings[reader].on
        if one == two:
            return self.spread[source] == self.spread[reader] and self.views[reader] not in kept[reader]
        if self.columns[source] != self.columns[reader]:
            return False
        lanes = self.views[source] or self.views[reader]
        if lanes == f"{two}.registers":
            return lanes in kept[source] and source == writer
        return lanes == f"{one}.registers" and lanes in kept[reader]

    def _is_viewed(self, writer: int, kept: Sequence[Levels]) -> bool:
        """Whether what the writer leaves in the lanes' registers is read there."""
        view = self.views[writer]
        return any(f"{self.placings[i].on}.registers" == view or view in kept[i] for i in self.readers)

    def _variables(self) -> set[str]:
        """Loops over the tensor's ranks."""
        found: set[str] = set()
        for place, nest in zip(self.places, self.nests, strict=True):
            found |= {loop.variable for loop in nest.loops if loop.ranks & place.operand.ranks}
        return found

    def _streams(self, i: int) -> bool:
        """Whether each element of an operand comes to the registers once: no loop not over it stands outside one that
        is."""
        ranks = self.places[i].operand.ranks
        seen = False
        for loop in reversed(self.nests[i].temporal):
            over = bool(loop.ranks & ranks)
            if seen and not over:
                return False
            seen = seen or over
        return True

    def _sums(self, nest: Nest, operand: Operand, written: Levels) -> bool:
        """Whether parts of sums have a memory for as long as they are parts."""
        memories = [level for level in self.memories if level in written]
        outside = nest.levels[: nest.level(memories[0])] if memories else nest.levels
        summing = False
        for level in outside:
            for loop in level.loops:
                if loop.ranks & operand.ranks:
                    if summing:
                        return False
                else:
                    summing = True
        return True
