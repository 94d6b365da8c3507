"""An independent count: a loop nest walked point by point, with registers and buffers that hold what they hold.

Nothing here is shared with the counting rule. Every iteration in time is visited in order; every instance of every
level holds one tile of each operand at a time, known by the coordinates that loops outside give it. While a tile is
held, the elements that are touched are written down. From these stays everything is counted:

* a stay begins: its elements come in from the next level out, once for all instances that take the same ones;
* an output's element that was there before must come back in, one that was not starts empty;
* a stay ends: an output's elements go out, added up on the way where several instances hold the same ones;
* the arithmetic touches one element per processing element and step, the same ones at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop, Nest

Values = dict[str, int]
Element = tuple[int, ...]
Instance = tuple[int, ...]


@dataclass
class Stay:
    """One tile in one instance: from its first step to its last, with the elements that were touched."""

    tile: tuple[int, ...]
    start: int
    end: int
    elements: set[Element] = field(default_factory=set)


@dataclass(frozen=True)
class Counted:
    """Words over all instances of a level."""

    reads: int
    fills: int
    updates: int


@dataclass(frozen=True)
class Walk:
    """All steps of a nest: values of the loops in time, and the processing elements that do something."""

    nest: Nest
    steps: list[tuple[Values, list[Values]]]

    @property
    def points(self) -> int:
        """Points of the iteration space."""
        return sum(len(active) for _, active in self.steps)


def walk(nest: Nest, bounds: Values, sizes: dict[str, int], is_seen: Callable[[Values], bool] = lambda _: True) -> Walk:
    """Visit the nest; ``sizes`` are those of whole ranks, ``is_seen`` says of coordinates whether they are computed."""
    spread = list(_values(nest.spatial, bounds))
    steps = []
    for outer in _values(nest.temporal, bounds):
        active = [inner for inner in spread if _is_there(nest, {**outer, **inner}, bounds, sizes, is_seen)]
        if active:
            steps.append((outer, active))
    return Walk(nest, steps)


def _values(loops: tuple[Loop, ...], bounds: Values) -> Iterator[Values]:
    names = [loop.variable for loop in loops]
    for combination in itertools.product(*(range(bounds[name]) for name in names)):
        yield dict(zip(names, combination, strict=True))


def _is_there(
    nest: Nest, values: Values, bounds: Values, sizes: dict[str, int], is_seen: Callable[[Values], bool]
) -> bool:
    coordinates = {}
    for root, chain in nest.chains.items():
        place = 0
        for loop in chain:
            place = place * bounds[loop.variable] + values[loop.variable]
        if place >= sizes[root]:
            return False
        coordinates[root] = place
    return is_seen(coordinates)


def count_by_walking(walked: Walk, operand: Operand) -> dict[int, Counted]:
    """Words of an operand by level index."""
    nest = walked.nest
    keeping = [i for i, level in enumerate(nest.levels) if operand.label in level.keeps]
    stays = {level: _stays(walked, operand, level) for level in keeping}
    is_output = operand is nest.output
    found = {}
    for place, level in enumerate(keeping):
        moves = _moves(walked, operand, level, keeping[place + 1] if place + 1 < len(keeping) else None, stays)
        back, out = _exchanged(moves, is_output)
        fills = 0
        if place:
            fills = sum(_coming(own, is_output) for own in stays[level].values())
        found[level] = Counted(back, fills, out) if is_output else Counted(out, fills, 0)
    return found


def _instance(nest: Nest, level: int, pe: Values) -> Instance:
    return tuple(pe[loop.variable] for at in nest.levels[:level] for loop in at.spatial)


def _relevant(nest: Nest, operand: Operand) -> list[Loop]:
    return [loop for loop in nest.loops if loop.ranks & operand.ranks]


def _stays(walked: Walk, operand: Operand, level: int) -> dict[Instance, list[Stay]]:
    nest = walked.nest
    outside = [x.variable for at in nest.levels[:level] for x in at.loops if x.ranks & operand.ranks]
    own = [loop.variable for loop in _relevant(nest, operand)]
    found: dict[Instance, list[Stay]] = {}
    for number, (outer, active) in enumerate(walked.steps):
        tile = tuple(outer[name] for name in outside)
        for pe in active:
            instance = _instance(nest, level, pe)
            stays = found.setdefault(instance, [])
            if not stays or stays[-1].tile != tile:
                stays.append(Stay(tile, number, number))
            stays[-1].end = number
            stays[-1].elements.add(tuple({**outer, **pe}[name] for name in own))
    return found


Move = tuple[int, Instance, set[Element]]
"""Step, instance of the level outside, elements that move together."""


def _moves(
    walked: Walk, operand: Operand, level: int, inner: int | None, stays: dict[int, dict[Instance, list[Stay]]]
) -> list[Move]:
    """What moves between a level and the next one in that keeps the operand, in time order."""
    nest = walked.nest
    together: dict[tuple[int, Instance], set[Element]] = {}
    if inner is None:
        own = [loop.variable for loop in _relevant(nest, operand)]
        for number, (outer, active) in enumerate(walked.steps):
            for pe in active:
                element = tuple({**outer, **pe}[name] for name in own)
                together.setdefault((number, _instance(nest, level, pe)), set()).add(element)
    else:
        depth = sum(len(at.spatial) for at in nest.levels[:level])
        starts = _switches(walked, operand, inner)
        for instance, several in stays[inner].items():
            for stay in several:
                when = starts[stay.start]
                together.setdefault((when, instance[:depth]), set()).update(stay.elements)
    return [(number, instance, elements) for (number, instance), elements in sorted(together.items())]


def _switches(walked: Walk, operand: Operand, level: int) -> list[int]:
    """For each step, the step at which the tile of that moment came: all instances switch at once."""
    outside = [x.variable for at in walked.nest.levels[:level] for x in at.loops if x.ranks & operand.ranks]
    found: list[int] = []
    before: tuple[int, ...] | None = None
    for number, (outer, _) in enumerate(walked.steps):
        tile = tuple(outer[name] for name in outside)
        found.append(number if tile != before else found[-1])
        before = tile
    return found


def _exchanged(moves: list[Move], is_output: bool) -> tuple[int, int]:
    """Words that come back into the inner level because they were there before, and words moved in all."""
    seen: dict[Instance, set[Element]] = {}
    back = out = 0
    for _, instance, elements in moves:
        out += len(elements)
        known = seen.setdefault(instance, set())
        back += len(elements & known)
        known |= elements
    return (back if is_output else 0), out


def _coming(stays: list[Stay], is_output: bool) -> int:
    """Words that come into one instance from outside; of an output only those that were there before."""
    seen: set[Element] = set()
    total = 0
    for stay in stays:
        total += len(stay.elements & seen) if is_output else len(stay.elements)
        seen |= stay.elements
    return total
