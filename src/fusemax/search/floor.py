"""Amounts that no design is below once some of its Einsums are placed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from fusemax.design.arithmetic import maximum, or_zero
from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec
from fusemax.design.schedule import DRAIN, Schedule
from fusemax.model.costs import memory_cost
from fusemax.model.measure import Measured
from fusemax.model.pipeline import finals_of, tiles_of
from fusemax.search.compose import Composition, Variant
from fusemax.search.goal import Bounds, Figures
from fusemax.search.handing import Handing, Place
from fusemax.search.layout import Placing
from fusemax.search.prices import Prices

__all__ = ["Floor", "Spent", "quick_cycles"]

Reals = npt.NDArray[np.float64]
BY = ("the busiest arrays", "traffic", "buffer accesses")


@dataclass(frozen=True)
class Spent:
    """What is spent so far, one entry per size of the tiles.

    ``cycles`` by array; ``energy`` of operations and operands; ``words`` of the outermost memory; ``rows`` words of the
    next, ``room`` bytes there; ``left`` Einsums that are not placed; ``busy`` cycles of a schedule; ``done`` tensors
    that count with what they cost, the others with the least any choice does.
    """

    cycles: Mapping[str, Reals]
    energy: Reals
    words: Reals
    rows: Reals
    room: Reals
    left: int
    busy: Reals | None = None
    drain: int = 0
    """1 where arrays run freely, and ``busy`` has what the last column waits for already."""
    load: Reals | None = None
    """Seconds before anything runs."""
    done: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Least:
    cycles: Reals
    forced: Mapping[str, Reals]
    energy: Reals
    words: Reals
    rows: Reals


class Floor:
    """See the module."""

    def __init__(
        self, space: Composition, variant: Variant, prices: Prices, area: float,
        is_beaten: Callable[[Figures], bool] | None = None,
    ) -> None:  # fmt: skip
        self.space = space
        self.variant = variant
        self.prices = prices
        self.area = area
        self._is_beaten = is_beaten
        self.joined = {second for _, second in variant.joined}
        self.zero = np.zeros(prices.tiles.place.shape)
        self.arrays = list(prices.design.accelerator.arrays)
        sizes = prices.tiling.sizes
        self.clock = float(sizes("clock"))
        self.layers = float(sizes("L"))
        self.word_s = float(sizes("word")) / 8 / float(sizes(f"{prices.shape.outer}.bandwidth"))
        self.word_bytes = float(sizes("word")) / 8
        self.row_s = self._row_seconds(prices.design)
        self.capacity = float(prices.tiling.capacity(prices.shape.inner))
        self.leak = self._leakage(prices.design)
        self.usable = self._usable()
        self._rest = self._suffixes()

    def _usable(self) -> dict[str, list[Placing]]:
        """Placings with which an array is not busy for too long, with what can only run on it.

        What is left out makes more Einsums depend on one array, which may leave out more.
        """
        found = {spec.name: list(self.space.placings(self.variant, spec)) for spec in self.space.specs}
        if self._is_beaten is None:
            return found
        while True:
            own: dict[str, tuple[str, Reals]] = {}  # Einsums that run on one array only, with the least they take
            for spec in self.space.specs:
                arrays = sorted({placing.on for placing in found[spec.name]})
                if len(arrays) == 1:
                    each = [self.cycles(spec, placing) for placing in found[spec.name]]
                    own[spec.name] = (arrays[0], _least(each))
            left = {spec.name: self._not_beaten(spec, found[spec.name], own) for spec in self.space.specs}
            if left == found:
                return found
            found = left

    def _not_beaten(
        self, spec: EinsumSpec, options: list[Placing], own: Mapping[str, tuple[str, Reals]]
    ) -> list[Placing]:
        assert self._is_beaten is not None
        kept = []
        for placing in options:
            beside = [least for name, (on, least) in own.items() if on == placing.on and name != spec.name]
            busy = sum(beside, self.cycles(spec, placing))
            time = float(busy.min()) / self.clock * self.layers
            if not self._is_beaten(Figures(time, 0.0, 0.0, self.area)):
                kept.append(placing)
        return kept

    def at(self, chosen: npt.NDArray[np.int64]) -> Floor:
        """The floor at some of the sizes."""
        return Floor(self.space, self.variant, self.prices.at(chosen), self.area, self._is_beaten)

    def _row_seconds(self, design: Design) -> float:
        """Seconds a word of the next memory takes at least."""
        sizes, name = self.prices.tiling.sizes, self.prices.shape.inner
        part = design.accelerator.memories[name]
        cost = memory_cost(design, name, sizes, self.prices.rules)
        if part.bandwidth is not None:
            return float(sizes(f"{name}.access") / sizes(f"{name}.bandwidth") / cost.words)
        if "buffer-banks" not in self.prices.rules or not cost.cycle_s > 0:
            return 0.0
        slots = sizes(f"{name}.banks") * sizes(f"{name}.ports") * part.spread
        return float(max(cost.cycle_s, 1 / sizes("clock")) / slots / cost.words)

    def _leakage(self, design: Design) -> float:
        """pJ per second that is known to leak."""
        if "leakage" not in self.prices.rules:
            return 0.0
        sizes, table = self.prices.tiling.sizes, design.costs.components
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

    def _operand(self, spec: EinsumSpec, placing: Placing, place: Place) -> tuple[Reals, Reals, Reals]:
        """Least words, rows and energy of keeping an operand, each over all choices of levels."""

        def least(what: str) -> Reals:
            each = [
                self.prices.keeping(spec, placing, place.operand, levels)
                for levels in self.space.levels(self.prices.shape, place, placing)
            ]
            return _least([getattr(one, what) for one in each])

        words, rows, energy = (
            self.prices.shared(spec, ("least", what, placing, place.operand.label), partial(least, what))
            for what in ("words", "rows", "energy")
        )
        return words, rows, energy

    def _suffixes(self) -> list[_Least]:
        """For the Einsums from each one on, the least that they take, wherever they run."""
        none = dict.fromkeys(self.arrays, self.zero)
        found = [_Least(self.zero, none, self.zero, self.zero, self.zero)]
        for spec in reversed(self.space.specs):
            after = found[-1]
            options = self.usable[spec.name]
            if not options:
                found.append(_Least(after.cycles + np.inf, after.forced, after.energy, after.words, after.rows))
                continue
            each = [self.cycles(spec, placing) for placing in options]
            least = np.minimum.reduce(each)
            energies, words, rows = [], [], []
            for placing in options:
                kept = [self._operand(spec, placing, place) for place in self.space.places(spec)]
                energies.append(sum((k[2] for k in kept), self.operations(spec, placing)))
                words.append(sum((k[0] for k in kept), self.zero))
                rows.append(sum((k[1] for k in kept), self.zero))
            forced = dict(after.forced)
            for on in self.arrays:
                elsewhere = [c for c, p in zip(each, options, strict=True) if p.on != on]
                there = [c for c, p in zip(each, options, strict=True) if p.on == on]
                if there and not elsewhere:
                    forced[on] = forced[on] + np.minimum.reduce(there)
            found.append(
                _Least(
                    after.cycles + least,
                    forced,
                    after.energy + np.minimum.reduce(energies),
                    after.words + np.minimum.reduce(words),
                    after.rows + np.minimum.reduce(rows),
                )
            )
        return found[::-1]

    # --------------------------------------------------------------------------------------------- states

    def nothing(self) -> Spent:
        """Nothing is placed."""
        return Spent(
            dict.fromkeys(self.arrays, self.zero), self.zero, self.zero, self.zero, self.zero, len(self.space.specs)
        )

    def place(self, spent: Spent, spec: EinsumSpec, placing: Placing) -> Spent:
        """An Einsum is placed; its operands cost at least what their cheapest choice does."""
        cycles = {**spent.cycles, placing.on: spent.cycles[placing.on] + self.cycles(spec, placing)}
        energy, words, rows = spent.energy + self.operations(spec, placing), spent.words, spent.rows
        for place in self.space.places(spec):
            least = self._operand(spec, placing, place)
            words, rows, energy = words + least[0], rows + least[1], energy + least[2]
        return replace(spent, cycles=cycles, energy=energy, words=words, rows=rows, left=spent.left - 1)

    def hand(
        self, spent: Spent, tensor: str, places: Sequence[Place], placed: Mapping[str, Placing],
        found: Sequence[Handing],
    ) -> Spent:  # fmt: skip
        """All Einsums that touch a tensor are placed: it costs at least its cheapest sound choice."""
        words, rows, energy = spent.words, spent.rows, spent.energy
        for place in places:
            least = self._operand(place.spec, placed[place.spec.name], place)
            words, rows, energy = words - least[0], rows - least[1], energy - least[2]
        return replace(
            spent,
            words=words + np.minimum.reduce([one.cost.words for one in found]),
            rows=rows + np.minimum.reduce([one.cost.rows for one in found]),
            energy=energy + np.minimum.reduce([one.cost.energy for one in found]),
            room=spent.room + np.minimum.reduce([one.cost.room for one in found]),
            done=spent.done | {tensor},
        )

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
        if "fill-drain" not in self.prices.rules or spent.drain:
            return 0.0
        sizes, found = self.prices.tiling.sizes, 0.0
        for on, array in self.prices.design.accelerator.arrays.items():
            if array.rows != 1 and bool((spent.cycles[on] > 0).any()):
                found = max(found, float(sizes(f"{on}.columns")) - 1)
        return found

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
        by = BY[max(range(3), key=lambda i: times[i][0])]
        latency = np.where(spent.room > self.capacity, np.inf, latency * self.layers)
        leaks = self.leak * np.where(np.isfinite(latency), latency, 0.0)
        energy = (spent.energy + rest.energy) * self.layers + leaks
        return Bounds(latency, energy, words * (self.word_bytes * self.layers), self.area), by


def _least(values: Sequence[Reals]) -> Reals:
    found: Reals = np.minimum.reduce(values)
    return found


def quick_cycles(space: Composition, variant: Variant, prices: Prices) -> Reals:
    """Cycles that no placing of the Einsums is below, at every size of the tiles."""
    arrays = list(prices.design.accelerator.arrays)
    joined = {second for _, second in variant.joined}
    total = np.zeros(prices.tiles.place.shape)
    forced = dict.fromkeys(arrays, total)
    for spec in space.specs:
        if spec.name in joined:
            continue
        options = space.placings(variant, spec)
        each = [prices.cycles(spec, placing) for placing in options]
        total = total + np.minimum.reduce(each)
        for on in arrays:
            if all(placing.on == on for placing in options):
                forced[on] = forced[on] + np.minimum.reduce(each)
    found: Reals = np.maximum.reduce([total / len(arrays), *forced.values()])
    return found
