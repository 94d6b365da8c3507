"""Branching over a `Composition`: loops, tiles, where each Einsum runs, what is kept, when it runs.

Bounds at every branch: the busiest arrays (what is placed, and the least that the rest takes), traffic and buffer
accesses, and energy, each at every size of the tiles that is still in question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec
from fusemax.design.nest import Nest, build_nests
from fusemax.design.schedule import Schedule
from fusemax.model.handover import free_fill
from fusemax.model.measure import Measured
from fusemax.model.tiling import Tiling
from fusemax.search.branch import Tally
from fusemax.search.compose import Composition, Variant
from fusemax.search.floor import Floor
from fusemax.search.frame import Order
from fusemax.search.goal import Bounds, Leaders, Place
from fusemax.search.group import group_points
from fusemax.search.handing import Handing, handings
from fusemax.search.kinds import freely, schedule_of
from fusemax.search.layout import Placing, entry_of
from fusemax.search.prices import Keeping, Prices
from fusemax.search.spent import Spent

__all__ = ["Assignment", "Walk"]

BUSY = "the busiest arrays"
UNSOUND = "a tensor is not where it is read"
BEATEN = "kept elsewhere for less"
SETTLED = "more streams than it takes"
UNJOINED = "no multiply-add for a joined pair"


@dataclass(frozen=True)
class Walk:
    """A composition, its place among the spaces, and what a task works with."""

    space: Composition
    leaders: Leaders
    tally: Tally
    place: Place
    exhaustive: bool
    within: Callable[[], None]


@dataclass(frozen=True, eq=False)
class _Handed:
    """Ways to hand a tensor over that nothing beats, how many sound ones there are, and what they cost more at least
    than is counted before; None where there are none."""

    ways: Sequence[Handing]
    number: int
    more: Keeping | None


class Assignment:
    """Depth first over the Einsums of one order at sizes that differ only in what fills a memory."""

    def __init__(
        self, walk: Walk, variant: Variant, order: Order, priced: Prices, chosen: npt.NDArray[np.int64]
    ) -> None:
        self.walk = walk
        self.space = walk.space
        self.variant = variant
        self.order = order
        self.area = walk.space.area(variant)
        self._priced = priced
        self._chosen = chosen
        self.before = (*walk.place, *variant.place, order.place)
        self._alike: dict[Place, Measured] = {}
        """By placings, any design with them: how many tiles it has."""
        self.below: dict[int, int] = {}
        self.handed: dict[tuple[object, ...], _Handed] = {}

        self.prices = priced.at(chosen)
        self.floor = Floor(walk.space, variant, self.prices, self.area, None if walk.exhaustive else self._starts)

    def run(self) -> None:
        """Evaluates what the bounds leave."""
        self._descend({}, (), self.floor.nothing())

    def _starts(self, bounds: Bounds) -> npt.NDArray[np.bool_]:
        return self.walk.leaders.may_win(bounds, self.before)

    def _descend(self, placed: dict[str, Placing], numbers: Place, spent: Spent) -> None:
        self.walk.within()
        specs = self.space.specs
        if len(placed) == len(specs):
            self._leaf(placed, numbers, spent)
            return
        spec = specs[len(placed)]
        children = []
        for number, placing in enumerate(self.space.placings(self.variant, spec)):
            now = {**placed, spec.name: placing}
            size = self._below(now)
            if not self.floor.is_usable(spec, placing):
                self.walk.tally.prune(BUSY, size)
                continue
            if not self._may_join(now):
                self.walk.tally.prune(UNJOINED, size)
                continue
            after = self._complete(self.floor.place(spent, spec, placing), now, spec)
            if after is None:
                self.walk.tally.prune(UNSOUND, size)
                continue
            bounds, by = self.floor.bounds(after)
            if not self.walk.exhaustive and not self._may_win(bounds, (*numbers, number)).any():
                self.walk.tally.prune(by, size)
                continue
            children.append((self.walk.leaders.goal.order(bounds.least()), number, now, after, size))
        for _, number, now, after, size in sorted(children, key=lambda one: one[:2]):
            if self._prunes(after, (*numbers, number), size):
                continue
            self._descend(now, (*numbers, number), after)

    def _below(self, placed: Mapping[str, Placing]) -> int:
        at = len(placed)
        if at not in self.below:
            self.below[at] = self.space.below(self.variant, self.space.specs[at:])
        ways = prod(self.space.choices(spec, placed[spec.name]) for spec in self.space.specs[:at])
        return ways * self.below[at] * self.space.tails * len(self.prices.tiles)

    def _may_join(self, placed: Mapping[str, Placing]) -> bool:
        arrays = self.prices.shape.arrays
        for pair in self.variant.joined:
            there = [placed[name].on for name in pair if name in placed]
            if len(set(there)) > 1 or any(not arrays[on].multiply_add or "mac" not in arrays[on].units for on in there):
                return False
        return True

    def _prunes(self, spent: Spent, numbers: Place, size: int) -> bool:
        """Whether no size of the tiles may still win; counts what is left out."""
        if self.walk.exhaustive:
            return False
        bounds, by = self.floor.bounds(spent)
        if self._may_win(bounds, numbers).any():
            return False
        self.walk.tally.prune(by, size)
        return True

    def _may_win(self, bounds: Bounds, numbers: Place) -> npt.NDArray[np.bool_]:
        """At which sizes of the tiles designs whose places go on with some numbers may win."""
        return self.walk.leaders.may_win(bounds, (*self.before, int(self.prices.tiles.place[0]), *numbers))

    def _complete(self, spent: Spent, placed: Mapping[str, Placing], spec: EinsumSpec) -> Spent | None:
        """What tensors cost at least whose Einsums are all placed now; None where one cannot be handed over."""
        for operand in spec.operands:
            places = self.space.tensors[operand.tensor]
            if all(place.spec.name in placed for place in places) and operand.tensor not in spent.done:
                handed = self._handings(operand.tensor, placed)
                if handed.more is None:
                    return None
                spent = self.floor.hand(spent, operand.tensor, handed.more)
        return spent

    def _handings(self, tensor: str, placed: Mapping[str, Placing]) -> _Handed:
        places = self.space.tensors[tensor]
        key = (tensor, *(placed[place.spec.name] for place in places))
        if key not in self.handed:

            def make() -> _Handed:
                free = self.space.limits.kept
                is_free = free is None or tensor in free
                found, number = handings(self.prices, places, placed, is_free and self.walk.exhaustive)
                if not is_free:
                    found, number = found[:1], 1
                return _Handed(found, number, self.floor.more(places, placed, found) if found else None)

            self.handed[key] = self.prices.together([place.spec for place in places], key, make)
        return self.handed[key]

    # ------------------------------------------------------------------------------------------------ leaves

    def _leaf(self, placed: dict[str, Placing], numbers: Place, spent: Spent) -> None:
        """Everything is placed: sizes of the tiles that cannot win any more go, then what is left is kept and run."""
        if not self.walk.exhaustive:
            bounds, by = self.floor.bounds(spent)
            alive = self._may_win(bounds, numbers)
            if not alive.all():
                each = prod(self.space.choices(spec, placed[spec.name]) for spec in self.space.specs)
                self.walk.tally.prune(by, each * self.space.tails * int((~alive).sum()))
                if alive.any():
                    chosen = self._chosen[alive]
                    narrower = Assignment(self.walk, self.variant, self.order, self._priced, chosen)
                    narrower.keep(placed, numbers)
                return
        self.keep(placed, numbers)

    def keep(self, placed: dict[str, Placing], numbers: Place) -> None:
        """Every sound way to keep the tensors that is not beaten by another."""
        tensors = list(self.space.tensors)
        found = [self._handings(tensor, placed) for tensor in tensors]
        tiles, tails = len(self.prices.tiles), self.space.tails
        syntactic = prod(self.space.choices(spec, placed[spec.name]) for spec in self.space.specs)
        sound, kept = prod(one.number for one in found), prod(len(one.ways) for one in found)
        self.walk.tally.prune(UNSOUND, (syntactic - sound) * tiles * tails)
        self.walk.tally.prune(BEATEN, (sound - kept) * tiles * tails)
        ways = [one.ways for one in found]
        self._choose(placed, numbers, ways, self.floor.least_of(ways), [], self.floor.placed(placed))

    def _choose(
        self, placed: dict[str, Placing], numbers: Place, ways: Sequence[Sequence[Handing]], least: Sequence[Keeping],
        taken: list[Handing], spent: Spent,
    ) -> None:  # fmt: skip
        """Depth first over the tensors: what is taken so far, and the least that the others take."""
        self.walk.within()
        at, each = len(taken), len(self.prices.tiles) * self.space.tails
        if at == len(ways):
            chosen = dict(zip(self.space.tensors, taken, strict=True))
            exact = self.floor.with_handings(self.floor.placed(placed), placed, chosen)
            where = tuple(choice for spec in self.space.specs for choice in self._levels(spec, chosen))
            if not self._prunes(exact, (*numbers, *where), each):
                self._schedules(placed, numbers, where, exact, chosen)
            return
        below = prod(map(len, ways[at + 1 :])) * each
        for way in ways[at]:
            now = spent.plus(way.cost)
            if len(ways[at]) > 1 and self._prunes(now.plus(least[at + 1]), numbers, below):
                continue
            self._choose(placed, numbers, ways, least, [*taken, way], now)

    def _schedules(
        self, placed: dict[str, Placing], numbers: Place, where: Place, exact: Spent, chosen: Mapping[str, Handing]
    ) -> None:
        design = self._design(placed, chosen)
        nests = build_nests(design, {}, "declared-ranks" not in self.space.rules)
        first: Measured | None = None
        done: dict[str, int] = {}
        tiles = len(self.prices.tiles)
        for kind_number, kind in enumerate(self.space.limits.kinds):
            schedule = self._schedule(kind, placed)
            if schedule is None:
                self.walk.tally.prune("fewer Einsums than steps", tiles * len(self.space.limits.streams))
                continue
            text = schedule.model_dump_json()
            if text in done:
                self.walk.tally.prune("the same schedule", tiles * len(self.space.limits.streams))
                continue
            done[text] = kind_number
            bound = self.floor.scheduled(exact, schedule, placed)
            if self._prunes(bound, (*numbers, *where, kind_number), tiles * len(self.space.limits.streams)):
                continue
            if "fill-drain" in self.space.rules:
                bound, first = self._late(bound, schedule, placed, numbers, design, nests, first)
            open_ = np.arange(tiles)
            for stream_number, streams in enumerate(self.space.limits.streams):
                after = (*numbers, *where, kind_number, stream_number)
                # Every stream has tiles of its own.
                left = self._remaining(replace(bound, room=bound.room * streams), after, open_, tiles)
                if not len(left):
                    continue
                one = replace(design, schedule=schedule.model_copy(update={"streams": streams}))
                one.__dict__["specs"] = design.specs
                whole = len(left) == tiles
                points, measured, settled = group_points(
                    one, self.prices.tiles.at(left), self.space.sizes, self.space.rules, self.area, self.before, after,
                    nests, first.tiling if whole and first is not None else None,
                )  # fmt: skip
                first = measured if whole and first is None else first
                for point in points:
                    self.walk.leaders.offer(point)
                self.walk.tally.evaluated += len(points)
                self.walk.tally.infeasible += len(left) - len(points)
                if not self.walk.exhaustive:
                    open_ = left[~settled]

    def _late(
        self, bound: Spent, schedule: Schedule, placed: Mapping[str, Placing], numbers: Place, design: Design,
        nests: Mapping[str, Nest], first: Measured | None,
    ) -> tuple[Spent, Measured | None]:  # fmt: skip
        """The bound with what arrays wait for at least: first and last blocks, or the pipeline's lag."""
        assert bound.busy is not None
        if bound.drain:
            first = self._measured(replace(design, schedule=schedule), design, nests)
            waits: npt.NDArray[np.float64] = np.asarray(free_fill(first, schedule.phases[0]), dtype=np.float64)
            return replace(bound, busy=bound.busy + np.maximum(waits, 0.0)), first
        if numbers not in self._alike:
            self._alike[numbers] = self._measured(replace(design, schedule=self._free(placed)), design, nests)
        late = self.floor.lag(bound, schedule, placed, self._alike[numbers])
        return replace(bound, busy=bound.busy + late), first

    def _measured(self, design: Design, of: Design, nests: Mapping[str, Nest]) -> Measured:
        design.__dict__["specs"] = of.specs
        return Measured(Tiling(design, nests, self.space.sizes, self.space.rules, self.prices.tiles.parameters))

    def _remaining(
        self, spent: Spent, numbers: Place, candidates: npt.NDArray[np.int64], tiles: int
    ) -> npt.NDArray[np.int64]:
        """The sizes at which a schedule with more streams may win; counts the others."""
        if self.walk.exhaustive:
            return candidates
        self.walk.tally.prune(SETTLED, tiles - len(candidates))
        bounds, by = self.floor.bounds(spent)
        alive = self._may_win(bounds, numbers)
        left = candidates[alive[candidates]]
        self.walk.tally.prune(by, len(candidates) - len(left))
        return left

    def _levels(self, spec: EinsumSpec, chosen: Mapping[str, Handing]) -> Iterator[int]:
        for operand in spec.operands:
            for place, number in zip(self.space.tensors[operand.tensor], chosen[operand.tensor].numbers, strict=True):
                if place.spec is spec and place.operand is operand:
                    yield number

    def _design(self, placed: Mapping[str, Placing], chosen: Mapping[str, Handing]) -> Design:
        shape, einsums = self.prices.shape, {}
        for spec in self.space.specs:
            kept = [
                (place.operand.label, levels)
                for operand in spec.operands
                for place, levels in zip(self.space.tensors[operand.tensor], chosen[operand.tensor].kept, strict=True)
                if place.spec is spec and place.operand is operand
            ]
            einsums[spec.name] = entry_of(shape, self.order, spec, placed[spec.name], kept)
        parameters = dict.fromkeys(shape.parameters.values(), ())
        mapping = shape.design.mapping.model_copy(update={"einsums": einsums, "parameters": parameters})
        found = replace(shape.design, mapping=mapping)
        found.__dict__["specs"] = shape.design.specs
        return found

    def _schedule(self, kind: str, placed: Mapping[str, Placing]) -> Schedule | None:
        cycles = {spec.name: self.floor.cycles(spec, placed[spec.name]) for spec in self.space.specs}
        on = {name: placing.on for name, placing in placed.items()}
        return schedule_of(kind, self.prices.design, on, cycles, self.variant.joined)

    def _free(self, placed: Mapping[str, Placing]) -> Schedule:
        return freely(self.prices.design, {n: p.on for n, p in placed.items()}, self.variant.joined)
