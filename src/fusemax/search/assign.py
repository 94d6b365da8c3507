"""Branching over a `Composition`: loops, tiles, where each Einsum runs, what is kept, when it runs.

Bounds at every branch: the busiest arrays (what is placed, and the least that the rest takes), traffic and buffer
accesses, and energy, each at every size of the tiles that is still in question.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from fusemax.cascade.ranks import variable_of
from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec
from fusemax.design.schedule import Phase, Schedule
from fusemax.model.area import total_area
from fusemax.model.handover import free_fill
from fusemax.model.mapsearch import nests_of
from fusemax.model.measure import Measured
from fusemax.model.tiling import Tiling
from fusemax.search.branch import Part, Tally
from fusemax.search.compose import SERIAL, Composition, Variant
from fusemax.search.epoch import least_epoch
from fusemax.search.floor import Floor, Spent, quick_cycles
from fusemax.search.frame import Order, Skeleton, loops_of
from fusemax.search.goal import Bounds, Figures, Leaders, Place
from fusemax.search.group import group_points
from fusemax.search.handing import Handing, handings
from fusemax.search.layout import Placing, entry_of
from fusemax.search.serial import serial_schedule

__all__ = ["composed_parts"]

BUSY = "the busiest arrays"
ORDERS = "loops that only fetch again"
SAME = "the same loops as an earlier order"
UNSOUND = "a tensor is not where it is read"
BEATEN = "kept elsewhere for less"
SETTLED = "more streams than it takes"
UNJOINED = "no multiply-add for a joined pair"


@dataclass(frozen=True)
class _Walk:
    space: Composition
    leaders: Leaders
    tally: Tally
    place: Place
    exhaustive: bool
    within: Callable[[], None]


def composed_parts(
    space: Composition, leaders: Leaders, tally: Tally, place: Place, exhaustive: bool, within: Callable[[], None]
) -> Iterator[Part]:
    """A part for each variant and order; orders that cannot be better than another are counted and left out.

    ``within`` is called often while a part is gone through, and may raise.
    """
    walk = _Walk(space, leaders, tally, place, exhaustive, within)
    for variant in space.variants:
        area = float(total_area(variant.shape.design, space.sizes, space.rules))
        size = space.size_of(variant)
        seen: set[tuple[object, ...]] = set()
        for order in space.orders:
            key = tuple(loops_of(space.shape, order, spec) for spec in space.specs)
            if not exhaustive and (key in seen or not _is_batch_outermost(space.shape, order)):
                tally.prune(SAME if key in seen else ORDERS, size)
                continue
            seen.add(key)
            start = (*place, *variant.place, order.place)
            yield Part(Figures(0.0, 0.0, 0.0, area), "area", start, size, open=_Opener(walk, variant, order, area))


def _is_batch_outermost(shape: Skeleton, order: Order) -> bool:
    """Batch loops are over ranks of every tensor: no loop outside them is worth it, for it only fetches again."""
    batch = {variable_of(rank) for rank in shape.design.mapping.batch}
    return all(variable in batch for variable in order.outer[: len(batch)])


@dataclass(frozen=True)
class _Opener:
    walk: _Walk
    variant: Variant
    order: Order
    area: float

    def __call__(self) -> Iterator[Part]:
        """A part for every size of what is spread, with what fills a memory still open."""
        walk, space = self.walk, self.walk.space
        whole = space.prices(self.variant, self.order)
        each = space.below(self.variant, space.specs) * space.tails
        clock, layers = float(space.sizes("clock")), float(space.sizes("L"))
        none = np.zeros(len(whole.tiles))
        latency = quick_cycles(space, self.variant, whole) * layers / clock
        alive = self._alive(Bounds(latency, none, none, self.area), BUSY, each)
        if not len(alive):
            return
        prices = whole.only(alive)
        floor = Floor(space, self.variant, prices, self.area, self._is_beaten)
        bounds, by = floor.bounds(floor.nothing())
        alive = self._alive(bounds, by, each)
        for number in np.unique(prices.tiles.group[alive]):
            chosen = alive[prices.tiles.group[alive] == number]
            one = _Assignment(walk, self.variant, self.order, floor, chosen)
            start = (*self._start, int(prices.tiles.place[chosen[0]]))
            yield Part(bounds.least(chosen), by, start, each * len(chosen), open=one.run)

    def _alive(self, bounds: Bounds, by: str, each: int) -> npt.NDArray[np.int64]:
        """Sizes of the tiles that may still win; the others are counted."""
        if self.walk.exhaustive:
            return np.arange(len(bounds.latency))
        alive = self.walk.leaders.may_win(bounds, self._start)
        self.walk.tally.prune(by, each * int((~alive).sum()))
        return np.flatnonzero(alive)

    @property
    def _start(self) -> Place:
        return (*self.walk.place, *self.variant.place, self.order.place)

    def _is_beaten(self, figures: Figures) -> bool:
        return not self.walk.exhaustive and self.walk.leaders.beats(figures, self._start)


class _Assignment:
    """Depth first over the Einsums of one order at sizes that differ only in what fills a memory."""

    def __init__(
        self, walk: _Walk, variant: Variant, order: Order, whole: Floor, chosen: npt.NDArray[np.int64]
    ) -> None:
        self.walk = walk
        self.space = walk.space
        self.variant = variant
        self.order = order
        self.area = whole.area
        self._whole = whole
        self._chosen = chosen
        self.before = (*walk.place, *variant.place, order.place)
        self._alike: dict[Place, Measured] = {}
        """By placings, any design with them: how many tiles it has."""
        self.below: dict[int, int] = {}
        self.handed: dict[tuple[object, ...], tuple[list[Handing], int]] = {}

    def run(self) -> Iterator[Part]:
        """Evaluates what the bounds leave; no parts remain."""
        self._begin()
        self._descend({}, (), self.floor.nothing())
        return iter(())

    def _begin(self) -> None:
        self.floor = self._whole.at(self._chosen)
        self.prices = self.floor.prices

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
            if placing not in self.floor.usable[spec.name]:
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
            if not self.walk.exhaustive and not self.walk.leaders.may_win(bounds, self.before).any():
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
        arrays = self.prices.design.accelerator.arrays
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
        if self.walk.leaders.may_win(bounds, (*self.before, int(self.prices.tiles.place[0]))).any():
            return False
        self.walk.tally.prune(by, size)
        return True

    def _complete(self, spent: Spent, placed: Mapping[str, Placing], spec: EinsumSpec) -> Spent | None:
        """What tensors cost at least whose Einsums are all placed now; None where one cannot be handed over."""
        for operand in spec.operands:
            places = self.space.tensors[operand.tensor]
            if all(place.spec.name in placed for place in places) and operand.tensor not in spent.done:
                found, _ = self._handings(operand.tensor, placed)
                if not found:
                    return None
                spent = self.floor.hand(spent, operand.tensor, places, placed, found)
        return spent

    def _handings(self, tensor: str, placed: Mapping[str, Placing]) -> tuple[list[Handing], int]:
        places = self.space.tensors[tensor]
        key = (tensor, *(placed[place.spec.name] for place in places))
        if key not in self.handed:

            def make() -> tuple[list[Handing], int]:
                free = self.space.limits.kept
                if free is not None and tensor not in free:
                    return handings(self.prices, places, placed)[0][:1], 1
                return handings(self.prices, places, placed, self.walk.exhaustive)

            self.handed[key] = self.prices.together([place.spec for place in places], key, make)
        return self.handed[key]

    # ------------------------------------------------------------------------------------------------ leaves

    def _leaf(self, placed: dict[str, Placing], numbers: Place, spent: Spent) -> None:
        """Everything is placed: sizes of the tiles that cannot win any more go, then what is left is kept and run."""
        if not self.walk.exhaustive:
            bounds, by = self.floor.bounds(spent)
            alive = self.walk.leaders.may_win(bounds, (*self.before, int(self.prices.tiles.place[0])))
            if not alive.all():
                each = prod(self.space.choices(spec, placed[spec.name]) for spec in self.space.specs)
                self.walk.tally.prune(by, each * self.space.tails * int((~alive).sum()))
                if alive.any():
                    chosen = self._chosen[alive]
                    narrower = _Assignment(self.walk, self.variant, self.order, self._whole, chosen)
                    narrower._begin()
                    narrower.keep(placed, numbers)
                return
        self.keep(placed, numbers)

    def keep(self, placed: dict[str, Placing], numbers: Place) -> None:
        """Every sound way to keep the tensors that is not beaten by another."""
        tensors = list(self.space.tensors)
        found = [self._handings(tensor, placed) for tensor in tensors]
        tiles, tails = len(self.prices.tiles), self.space.tails
        syntactic = prod(self.space.choices(spec, placed[spec.name]) for spec in self.space.specs)
        sound, kept = prod(number for _, number in found), prod(len(each) for each, _ in found)
        self.walk.tally.prune(UNSOUND, (syntactic - sound) * tiles * tails)
        self.walk.tally.prune(BEATEN, (sound - kept) * tiles * tails)
        base = self.floor.placed(placed)
        for combination in itertools.product(*(each for each, _ in found)):
            chosen = dict(zip(tensors, combination, strict=True))
            exact = self.floor.with_handings(base, placed, chosen)
            self.walk.within()
            if self._prunes(exact, numbers, tiles * tails):
                continue
            self._schedules(placed, numbers, exact, chosen)

    def _schedules(
        self, placed: dict[str, Placing], numbers: Place, exact: Spent, chosen: Mapping[str, Handing]
    ) -> None:
        design = self._design(placed, chosen)
        where = [choice for spec in self.space.specs for choice in self._levels(spec, chosen)]
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
            if "fill-drain" in self.space.rules:
                bound, first = self._late(bound, schedule, placed, numbers, design, first)
            open_ = np.arange(tiles)
            for stream_number, streams in enumerate(self.space.limits.streams):
                after = (*numbers, *where, kind_number, stream_number)
                left = self._remaining(bound, open_, tiles)
                if not len(left):
                    continue
                one = replace(design, schedule=schedule.model_copy(update={"streams": streams}))
                one.__dict__["specs"] = design.specs
                whole = len(left) == tiles
                points, measured, settled = group_points(
                    one, self.prices.tiles.at(left), self.space.sizes, self.space.rules, self.area, self.before, after,
                    first.tiling if whole and first is not None else None,
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
        first: Measured | None,
    ) -> tuple[Spent, Measured | None]:  # fmt: skip
        """The bound with what arrays wait for at least: first and last blocks, or the pipeline's lag."""
        assert bound.busy is not None
        if bound.drain:
            first = self._measured(replace(design, schedule=schedule), design)
            waits: npt.NDArray[np.float64] = np.asarray(free_fill(first, schedule.phases[0]), dtype=np.float64)
            return replace(bound, busy=bound.busy + np.maximum(waits, 0.0)), first
        if numbers not in self._alike:
            self._alike[numbers] = self._measured(replace(design, schedule=self._free(placed)), design)
        late = self.floor.lag(bound, schedule, placed, self._alike[numbers])
        return replace(bound, busy=bound.busy + late), first

    def _measured(self, design: Design, of: Design) -> Measured:
        design.__dict__["specs"] = of.specs
        nests = nests_of(design, {}, self.space.rules)
        return Measured(Tiling(design, nests, self.space.sizes, self.space.rules, self.prices.tiles.parameters))

    def _remaining(self, spent: Spent, candidates: npt.NDArray[np.int64], tiles: int) -> npt.NDArray[np.int64]:
        """The sizes at which a schedule with more streams may win; counts the others."""
        if self.walk.exhaustive:
            return candidates
        self.walk.tally.prune(SETTLED, tiles - len(candidates))
        bounds, by = self.floor.bounds(spent)
        alive = self.walk.leaders.may_win(bounds, (*self.before, int(self.prices.tiles.place[0])))
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
        """The schedule of a kind: arrays running freely, or the shortest epoch of so many steps."""
        free = self._free(placed)
        if kind == "free":
            return free
        if kind == SERIAL:
            return serial_schedule(self.prices.design, {name: p.on for name, p in placed.items()}, self.variant.joined)
        arrays = free.phases[0].steps[0]
        steps = int(kind.split()[2])
        if sum(map(len, arrays.values())) < steps:
            return None
        own = {spec.name: float(self.floor.cycles(spec, placed[spec.name])[0]) for spec in self.space.specs}
        loads = {on: [(name, own[name]) for name in names] for on, names in arrays.items()}
        return Schedule(phases=(Phase(name="epoch", steps=_epoch(loads, steps)),), as_one=self.variant.joined)

    def _free(self, placed: Mapping[str, Placing]) -> Schedule:
        arrays: dict[str, tuple[str, ...]] = {}
        for spec in self.space.specs:
            on = placed[spec.name].on
            arrays[on] = (*arrays.get(on, ()), spec.name)
        return Schedule(phases=(Phase(name="run", steps=(arrays,)),), as_one=self.variant.joined)


_EPOCHS: dict[tuple[object, ...], tuple[Mapping[str, tuple[str, ...]], ...]] = {}


def _epoch(loads: Mapping[str, Sequence[tuple[str, float]]], steps: int) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    key = (steps, *((on, *each) for on, each in loads.items()))
    if key not in _EPOCHS:
        if len(_EPOCHS) > 4096:
            _EPOCHS.clear()
        _EPOCHS[key] = least_epoch(loads, steps).steps
    return _EPOCHS[key]
