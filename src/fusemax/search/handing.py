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
from fusemax.search.frame import Skeleton
from fusemax.search.layout import Levels, Placing, levels_of, view_of
from fusemax.search.prices import Keeping, Prices

__all__ = ["Handing", "Place", "handings", "places_of", "touches"]


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
    options = [list(enumerate(places_of(prices.shape, place, placed[place.spec.name]))) for place in places]
    rule = _Rule(prices, places, placed)
    for chosen in itertools.product(*options):
        kept = tuple(levels for _, levels in chosen)
        if rule.holds(kept):
            cost: Keeping | None = None
            for place, levels in zip(places, kept, strict=True):
                each = prices.keeping(place.spec, placed[place.spec.name], place.operand, levels)
                cost = each if cost is None else cost.plus(each)
            assert cost is not None
            yield Handing(kept, tuple(number for number, _ in chosen), cost)


class _Rule:
    """The rules of the module for one tensor, its Einsums placed."""

    def __init__(self, prices: Prices, places: Sequence[Place], placed: Mapping[str, Placing]) -> None:
        self.prices = prices
        self.places = places
        self.placings = [placed[place.spec.name] for place in places]
        self.nests = [prices.nest(place.spec, placing) for place, placing in zip(places, self.placings, strict=True)]
        self.writer = next((i for i, place in enumerate(places) if place.is_output), None)
        running = {p.operand.tensor for p in places if p.operand.label != p.operand.tensor}
        self.is_running = bool(running)
        self.order = [*prices.design.accelerator.memories]
        self.is_boundary = places[0].operand.tensor in prices.design.boundary
        self.is_split = self.is_running and self._is_split()
        self.streams = [self._streams(i) for i in range(len(places))]

    def holds(self, kept: tuple[Levels, ...]) -> bool:
        """Whether the levels are sound."""
        if self.writer is None:
            return all(set(levels) <= set(kept[0]) and levels for levels in kept)
        outer, inner = self.prices.shape.outer, self.prices.shape.inner
        written = kept[self.writer]
        homes = {level for levels in kept for level in levels if level in self.order}
        if self.is_running and (inner not in written or (self.is_split and outer not in written)):
            return False
        if self.is_boundary:
            return self._sums(written)
        if outer in homes and outer not in written:
            return False
        if not self._sums(written):
            return False
        if view_of(self.prices.design, self.placings[self.writer]) in written and not self._is_viewed(kept):
            return False
        there: list[int] = [] if self.is_running else [self.writer]  # where it is in registers
        for i in self._reading_order():
            if not self._finds(i, kept, written, there):
                return False
            there.append(i)
        return True

    def _reading_order(self) -> list[int]:
        """Readers as they come: of the old value first, then those after the writer."""
        old = [i for i, p in enumerate(self.places) if not p.is_output and p.operand.label != p.operand.tensor]
        new = [i for i, p in enumerate(self.places) if not p.is_output and i not in old]
        return [*old, *new]

    def _finds(self, i: int, kept: tuple[Levels, ...], written: Levels, there: list[int]) -> bool:
        levels, place = kept[i], self.places[i]
        assert self.writer is not None
        memories = [level for level in self.order if level in levels]
        is_old = place.operand.label != place.operand.tensor
        if memories:
            return memories[0] in written and set(memories) <= set(written)
        sources = [j for j in there if (self.places[j].operand.label != self.places[j].operand.tensor) == is_old]
        if not is_old and self.writer not in sources:
            sources.append(self.writer)
        return any(self._is_handed(j, i, kept) for j in sources)

    def _is_handed(self, source: int, reader: int, kept: tuple[Levels, ...]) -> bool:
        """Whether a reader takes a tensor from where another Einsum has it in registers."""
        one, two = self.placings[source], self.placings[reader]
        design = self.prices.design
        if self.places[source].spec.section != self.places[reader].spec.section or not self.streams[reader]:
            return False
        if one.on == two.on:
            view = view_of(design, two)
            return one.spatial_of(self._variables()) == two.spatial_of(self._variables()) and view not in kept[reader]
        if _columns(one, self._variables()) != _columns(two, self._variables()):
            return False
        lanes = view_of(design, one) or view_of(design, two)
        if lanes == f"{two.on}.registers":
            return lanes in kept[source] and source == self.writer
        return lanes == f"{one.on}.registers" and lanes in kept[reader]

    def _is_viewed(self, kept: tuple[Levels, ...]) -> bool:
        """Whether what the writer leaves in the lanes' registers is read there."""
        assert self.writer is not None
        view = view_of(self.prices.design, self.placings[self.writer])
        return any(
            f"{self.placings[i].on}.registers" == view or view in kept[i]
            for i in range(len(self.places))
            if i != self.writer
        )

    def _variables(self) -> set[str]:
        """Loops over the tensor's ranks."""
        assert self.writer is not None
        nest, operand = self.nests[self.writer], self.places[self.writer].operand
        found = {loop.variable for loop in nest.loops if loop.ranks & operand.ranks}
        for place, other in zip(self.places, self.nests, strict=True):
            found |= {loop.variable for loop in other.loops if loop.ranks & place.operand.ranks}
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

    def _is_split(self) -> bool:
        """Whether other elements come by, outside the next memory, before the next value of the same one."""
        shape = self.prices.shape
        assert self.writer is not None
        nest, operand = self.nests[self.writer], self.places[self.writer].operand
        walked = {rank_of(str(s.variable)) for s in self.prices.design.cascade.sections if s.kind == "iterate"}
        loops = nest.levels[nest.level(shape.outer)].loops
        at = [n for n, loop in enumerate(loops) if loop.ranks & walked]
        return bool(at) and any(loop.ranks & operand.ranks and not loop.ranks & walked for loop in loops[at[0] :])

    def _sums(self, written: Levels) -> bool:
        """Whether parts of sums have a memory for as long as they are parts."""
        assert self.writer is not None
        nest, operand = self.nests[self.writer], self.places[self.writer].operand
        memories = [level for level in self.order if level in written]
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


def _columns(placing: Placing, variables: set[str]) -> str:
    return next((v for side, v in placing.spatial if side == "columns" and v in variables), "")
