"""Amounts that no design is below once some of its Einsums are placed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from fusemax.design.arithmetic import maximum, or_zero
from fusemax.design.einsums import EinsumSpec
from fusemax.design.schedule import DRAIN, Schedule
from fusemax.model.costs import memory_cost
from fusemax.model.measure import Measured
from fusemax.model.pipeline import finals_of, tiles_of
from fusemax.search.compose import Composition, Variant
from fusemax.search.goal import Bounds
from fusemax.search.handing import Handing, Place, homes_of
from fusemax.search.layout import Placing
from fusemax.search.prices import Keeping, Prices
from fusemax.search.spent import Least, Spent
from fusemax.search.table import Costs, Table

__all__ = ["Floor"]

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
BY = ("the busiest arrays", "traffic", "buffer accesses")
ROOM = "no room for what is kept"


class Floor:
    """See the module."""

    def __init__(
        self, space: Composition, variant: Variant, prices: Prices, area: float,
        may_win: Callable[[Bounds], npt.NDArray[np.bool_]] | None = None,
    ) -> None:  # fmt: skip
        self.space = space
        self.variant = variant
        self.prices = prices
        self.area = area
        self._may_win = may_win
        self.joined = {second for _, second in variant.joined}
        self.zero = np.zeros(prices.tiles.place.shape)
        self.arrays = list(prices.shape.arrays)
        sizes = prices.tiling.sizes
        self.clock = float(sizes("clock"))
        self.layers = float(sizes("L"))
        self.word_s = float(sizes("word")) / 8 / float(sizes(f"{prices.shape.outer}.bandwidth"))
        self.word_bytes = float(sizes("word")) / 8
        self.row_s, self.leak = prices.fixed("row seconds", self._row_seconds), prices.fixed("leak", self._leakage)
        self.capacity = float(prices.tiling.capacity(prices.shape.inner))
        self._columns = [
            (on, float(sizes(f"{on}.columns")) - 1)
            for on, array in prices.shape.arrays.items()
            if array.rows != 1 and "fill-drain" in prices.rules
        ]
        self.tables = {spec.name: self._table(spec) for spec in space.specs}
        self.usable = self._usable()
        self.costs = {spec.name: self._costs(spec) for spec in space.specs}
        self._rest = self._suffixes()
        self._room = self._rooms()

    def _table(self, spec: EinsumSpec) -> Table:
        placings = tuple(self.space.placings(self.variant, spec))

        def make() -> Table:
            return Table(placings, np.array([self.cycles(spec, placing) for placing in placings]))

        return self.prices.shared(spec, ("table", spec.name in self.joined), make)

    def _costs(self, spec: EinsumSpec) -> Costs:
        table, usable = self.tables[spec.name], self.usable[spec.name]

        def least(placing: Placing) -> tuple[Reals, Reals, Reals]:
            kept = [self._operand(spec, placing, place) for place in self.space.places(spec)]
            words, rows, energy = (sum((k[i] for k in kept), self.zero) for i in range(3))
            return energy + self.operations(spec, placing), words, rows

        is_joined = spec.name in self.joined

        def make() -> Costs:
            each = [
                self.prices.shared(spec, ("least", is_joined, placing), partial(least, placing))
                for placing in (table.placings[number] for number in usable.tolist())
            ]
            return Costs.of(table, usable, each)

        return self.prices.shared(spec, ("costs", is_joined, usable.tobytes()), make)

    def _usable(self) -> dict[str, Integers]:
        """Rows of the tables: placings with which an array is not busy for too long, with what can only run on it.

        What is left out makes more Einsums depend on one array, which may leave out more.
        """
        every = {name: np.arange(len(table.placings)) for name, table in self.tables.items()}
        if self._may_win is None:
            return every
        cycles = np.concatenate([table.cycles for table in self.tables.values()])
        number = {on: i for i, on in enumerate(self.arrays)}
        on = np.array([number[placing.on] for table in self.tables.values() for placing in table.placings])
        of = np.repeat(np.arange(len(every)), [len(rows) for rows in every.values()])
        left = np.arange(len(of))
        while True:
            busy = cycles[left] + self._beside(cycles, on, of, left)
            times = np.fmin.reduce(busy, axis=1) / self.clock * self.layers
            none = np.zeros(times.shape)
            alive = self._may_win(Bounds(times, none, none, self.area))
            left = left[alive]
            if alive.all():
                first = np.searchsorted(of, np.arange(len(every)))
                return {name: left[of[left] == i] - first[i] for i, name in enumerate(every)}

    def _beside(self, cycles: Reals, on: Integers, of: Integers, left: Integers) -> Reals:
        """Cycles that the array of a row has to spend, at least, on other Einsums: those that run on no other."""
        forced = np.zeros((len(self.arrays), cycles.shape[1]))
        own = np.zeros((len(self.tables), cycles.shape[1]))
        for i in range(len(own)):
            rows = left[of[left] == i]
            if len(rows) and (on[rows] == on[rows[0]]).all():
                own[i] = cycles[rows].min(axis=0)
                forced[on[rows[0]]] += own[i]
        with np.errstate(invalid="ignore"):  # where nothing fits, all are infinite
            return forced[on[left]] - own[of[left]]

    def is_usable(self, spec: EinsumSpec, placing: Placing) -> bool:
        """Whether an Einsum may run so and win."""
        return placing in self.costs[spec.name].row

    def _row_seconds(self) -> float:
        """Seconds a word of the next memory takes at least."""
        sizes, name, design = self.prices.tiling.sizes, self.prices.shape.inner, self.prices.design
        part = design.accelerator.memories[name]
        cost = memory_cost(design, name, sizes, self.prices.rules)
        if part.bandwidth is not None:
            return float(sizes(f"{name}.access") / sizes(f"{name}.bandwidth") / cost.words)
        if "buffer-banks" not in self.prices.rules or not cost.cycle_s > 0:
            return 0.0
        slots = sizes(f"{name}.banks") * sizes(f"{name}.ports") * part.spread
        return float(max(cost.cycle_s, 1 / sizes("clock")) / slots / cost.words)

    def _leakage(self) -> float:
        """pJ per second that is known to leak."""
        if "leakage" not in self.prices.rules:
            return 0.0
        sizes, design = self.prices.tiling.sizes, self.prices.design
        table = design.costs.components
        found = 0.0
        for name in list(design.accelerator.memories)[1:]:
            found += float(or_zero(memory_cost(design, name, sizes, self.prices.rules).leakage_w)) * 1e12
        for name, array in design.accelerator.arrays.items():
            elements = float(sizes(f"{name}.rows") * sizes(f"{name}.columns"))
            for unit in array.units:
                found += elements * self.clock * (table.get(unit, "", "leakage") or 0.0)
        return found

    # --------------------------------------------------------------------------------------------- pieces

    def cycles(self, spec: EinsumSpec, placing: Placing) -> Reals:
        """Cycles of an Einsum; none where it is joined with the one before."""
        found = self.prices.cycles(spec, placing)
        return np.where(np.isfinite(found), 0.0, np.inf) if spec.name in self.joined else found

    def operations(self, spec: EinsumSpec, placing: Placing) -> Reals:
        """pJ of the operations of an Einsum; none where it is joined."""
        return self.zero if spec.name in self.joined else self.prices.operations(spec, placing)

    def _operand(self, spec: EinsumSpec, placing: Placing, place: Place) -> tuple[Reals, Reals, Reals, Reals]:
        """Least words, rows, energy and room of keeping an operand, each over all choices of levels."""
        is_running = place.is_output and place.operand.tensor in self.space.running
        homes = homes_of(self.prices, place, placing) if is_running else frozenset()

        def least(what: str) -> Reals:
            each = [
                self.prices.keeping(spec, placing, place.operand, levels)
                for levels in self.space.levels(self.prices.shape, place, placing)
                if homes <= set(levels)
            ]
            return _least([getattr(one, what) for one in each])

        words, rows, energy, room = (
            self.prices.shared(spec, ("least", what, placing, place.operand.label), partial(least, what))
            for what in ("words", "rows", "energy", "room")
        )
        return words, rows, energy, room

    def _suffixes(self) -> list[Least]:
        """For the Einsums from each one on, the least that they take, wherever they run."""
        none = dict.fromkeys(self.arrays, self.zero)
        found = [Least(self.zero, none, self.zero, self.zero, self.zero)]
        for spec in reversed(self.space.specs):
            after, costs = found[-1], self.costs[spec.name]
            if not costs.row:
                found.append(Least(after.cycles + np.inf, after.forced, after.energy, after.words, after.rows))
                continue
            least, on = costs.cycles.min(axis=0), {placing.on for placing in costs.row}
            forced = dict(after.forced)
            if len(on) == 1:
                (only,) = on
                forced[only] = forced[only] + least
            energy, words, moved = (one.min(axis=0) for one in (costs.energy, costs.words, costs.rows))
            found.append(
                Least(after.cycles + least, forced, after.energy + energy, after.words + words, after.rows + moved)
            )
        return found[::-1]

    def _rooms(self) -> list[Reals]:
        """By how many Einsums are placed, the room that tensors take at least whose Einsums are not all placed.

        It is that of running tensors: of others there are sound choices without.
        """
        found = [self.zero] * (len(self.space.specs) + 1)
        for tensor in sorted(self.space.running):
            touched = [i for i, spec in enumerate(self.space.specs) if any(o.tensor == tensor for o in spec.operands)]
            least = self.zero
            for place in (place for place in self.space.tensors[tensor] if place.is_output):
                each = [self._operand(place.spec, placing, place)[3] for placing in self.costs[place.spec.name].row]
                least = _least(each) if each else self.zero
            for i in range(touched[-1] + 1):
                found[i] = found[i] + least
        return found

    # --------------------------------------------------------------------------------------------- states

    def nothing(self) -> Spent:
        """Nothing is placed."""
        return Spent(
            dict.fromkeys(self.arrays, self.zero), self.zero, self.zero, self.zero, self.zero, len(self.space.specs)
        )

    def place(self, spent: Spent, spec: EinsumSpec, placing: Placing) -> Spent:
        """An Einsum is placed; its operands cost at least what their cheapest choice does."""
        costs = self.costs[spec.name]
        i = costs.row[placing]
        cycles = {**spent.cycles, placing.on: spent.cycles[placing.on] + costs.cycles[i]}
        return replace(
            spent,
            cycles=cycles,
            energy=spent.energy + costs.energy[i],
            words=spent.words + costs.words[i],
            rows=spent.rows + costs.rows[i],
            left=spent.left - 1,
        )

    def hand(self, spent: Spent, tensor: str, more: Keeping) -> Spent:
        """All Einsums that touch a tensor are placed: it costs at least its cheapest sound choice, so much `more`."""
        return replace(spent.plus(more), done=spent.done | {tensor})

    def more(self, places: Sequence[Place], placed: Mapping[str, Placing], found: Sequence[Handing]) -> Keeping:
        """What a tensor's sound choices cost at least, less what counts for it while not all its Einsums are placed."""
        words, rows, energy, room = (
            np.minimum.reduce([getattr(one.cost, what) for one in found])
            for what in ("words", "rows", "energy", "room")
        )
        for place in places:
            least = self._operand(place.spec, placed[place.spec.name], place)
            words, rows = words - least[0], rows - least[1]
            energy = energy - np.where(np.isfinite(least[2]), least[2], 0.0)  # what is unknown stays so
        return Keeping(words, rows, energy, room)

    def least_of(self, ways: Sequence[Sequence[Handing]]) -> list[Keeping]:
        """The least that tensors from each one on take, each handed over in one of some ways."""
        found = [Keeping(self.zero, self.zero, self.zero, self.zero)]
        for each in reversed(ways):
            least = (
                getattr(found[-1], what) + np.minimum.reduce([getattr(one.cost, what) for one in each])
                for what in ("words", "rows", "energy", "room")
            )
            found.append(Keeping(*least))
        return found[::-1]

    def placed(self, placed: Mapping[str, Placing]) -> Spent:
        """All Einsums are placed, and no tensor counts yet."""
        spent = self.nothing()
        cycles, energy = dict(spent.cycles), self.zero
        for spec in self.space.specs:
            placing = placed[spec.name]
            cycles[placing.on] = cycles[placing.on] + self.cycles(spec, placing)
            energy = energy + self.operations(spec, placing)
        return replace(spent, cycles=cycles, energy=energy, left=0)

    def with_handings(self, spent: Spent, placed: Mapping[str, Placing], chosen: Mapping[str, Handing]) -> Spent:
        """Every tensor is kept as chosen."""
        costs = [one.cost for one in chosen.values()]
        return replace(
            spent,
            words=sum((c.words for c in costs), spent.words),
            rows=sum((c.rows for c in costs), spent.rows),
            energy=sum((c.energy for c in costs), spent.energy),
            room=sum((c.room for c in costs), spent.room),
            load=self._first_tiles(placed, chosen),
            done=frozenset(chosen),
        )

    def _first_tiles(self, placed: Mapping[str, Placing], chosen: Mapping[str, Handing]) -> Reals:
        """Seconds in which the first Einsum's tiles come, those that another follows."""
        if "double-buffer" not in self.prices.rules:
            return self.zero
        spec, shape, found = self.space.specs[0], self.prices.shape, self.zero
        nest = self.prices.nest(spec, placed[spec.name])
        outside = nest.levels[nest.level(shape.outer)].loops
        for operand in spec.inputs:
            kept = next(
                levels
                for place, levels in zip(self.space.tensors[operand.tensor], chosen[operand.tensor].kept, strict=True)
                if place.operand is operand
            )
            if shape.inner in kept and shape.outer in kept and outside and outside[-1].ranks & operand.ranks:
                tile = self.prices.tiling.tile(nest, operand.ranks, nest.level(shape.inner))
                found = found + self.prices.store.real(tile) * self.word_s
        return found

    def scheduled(self, spent: Spent, schedule: Schedule, placed: Mapping[str, Placing]) -> Spent:
        """A step ends with its slowest array."""
        own = {spec.name: self.cycles(spec, placed[spec.name]) for spec in self.space.specs}
        total = self.zero
        for phase in schedule.phases:
            for step in phase.steps:
                each = [sum((own[n] for n in names), self.zero) for on, names in step.items() if on != DRAIN]
                total = total + np.maximum.reduce([self.zero, *each])
        free = all(len(phase.steps) == 1 for phase in schedule.phases)
        return replace(spent, busy=total, drain=int(free))

    def lag(self, spent: Spent, schedule: Schedule, placed: Mapping[str, Placing], measured: Measured) -> Reals:
        """Cycles by which unequal epochs take longer, and by which the last stage of the pipeline lags behind.

        From Einsum to Einsum along the cascade no value comes sooner than down a column of the array it leaves, and
        the lag is what all that takes less one epoch. ``measured`` is any design with the same Einsums and loops.
        """
        if "fill-drain" not in self.prices.rules or spent.drain or spent.busy is None:
            return self.zero
        sizes, late = self.prices.tiling.sizes, dict[str, float]()
        made = {spec.output.tensor: spec.name for spec in self.space.specs}
        section = self.space.specs[0].section
        own = [spec for spec in self.space.specs if spec.section == section]
        for spec in own:
            late[spec.name] = 0.0
            for operand in spec.inputs:
                before = made.get(operand.tensor)
                if operand.label == operand.tensor and before in late and before != spec.name:
                    leaves = placed[before].on != placed[spec.name].on
                    down = float(sizes(f"{placed[before].on}.rows")) - 1 if leaves else 0.0
                    late[spec.name] = max(late[spec.name], late[before] + down)
        phase = measured.design.schedule.phases[0]
        tiles, finals = tiles_of(measured, phase), maximum(finals_of(measured, phase), 1)
        plain, last = self.zero, self.zero
        each = {spec.name: self.cycles(spec, placed[spec.name]) for spec in self.space.specs}
        inside = {spec.name for spec in own}
        for step in (step for phase in schedule.phases for step in phase.steps):
            usual = [
                sum((each[n] / tiles for n in names if n in inside), self.zero)
                for on, names in step.items()
                if on != DRAIN
            ]
            ending = [
                sum((each[n] / finals for n in names if n not in inside), self.zero)
                for on, names in step.items()
                if on != DRAIN
            ]
            if not usual:
                continue
            plain = plain + np.maximum.reduce(usual)
            last = last + np.maximum.reduce([a + b for a, b in zip(usual, ending, strict=True)])
        uneven = np.maximum(tiles * plain + finals * (last - plain) - spent.busy, 0.0)
        found: Reals = np.maximum(max(late.values()) - last, 0.0) + uneven * (1 - 1e-9)
        return found

    def _skew(self, spent: Spent) -> float:
        """Cycles by which the last column of an array runs behind the first, once something is on it."""
        if spent.drain:
            return 0.0
        return max((columns for on, columns in self._columns if spent.cycles[on].max() > 0), default=0.0)

    def bounds(self, spent: Spent) -> tuple[Bounds, str]:
        """The least figures at every size, and what gives the latency at the first."""
        rest = self._rest[len(self.space.specs) - spent.left]
        busy = sum(spent.cycles.values(), rest.cycles) / len(self.arrays)
        for on in self.arrays:
            busy = np.maximum(busy, spent.cycles[on] + rest.forced[on])
        if spent.busy is not None:
            busy = np.maximum(busy, spent.busy)
        busy = busy + self._skew(spent)
        words = spent.words + rest.words
        times = (busy / self.clock, words * self.word_s, (spent.rows + rest.rows) * self.row_s)
        load = self.zero if spent.load is None else spent.load
        latency = np.maximum(np.maximum(times[0] + load, times[1]), times[2] + load)
        crowded = spent.room + self._room[len(self.space.specs) - spent.left] > self.capacity
        by = ROOM if crowded[0] else BY[max(range(3), key=lambda i: times[i][0])]
        latency = np.where(crowded, np.inf, latency * self.layers)
        leaks = self.leak * np.where(np.isfinite(latency), latency, 0.0)
        energy = (spent.energy + rest.energy) * self.layers + leaks
        return Bounds(latency, energy, words * (self.word_bytes * self.layers), self.area), by


def _least(values: Sequence[Reals]) -> Reals:
    found: Reals = np.minimum.reduce(values)
    return found
