"""One structural variant of a design, measured: counts, cycles, words to memory, energy, time.

Everything here is computed once for a Python number or a NumPy array per quantity. `evaluate` and `compare`
take their figures and rows from a `Measured`; `mapsearch` takes its objectives.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from fusemax.design.arithmetic import Number, is_array, maximum, product, where
from fusemax.design.design import Design
from fusemax.design.einsums import Operand
from fusemax.design.nest import Nest
from fusemax.design.schedule import DRAIN
from fusemax.model.costs import MemoryCost, Work, lower, memory_cost, register_cost
from fusemax.model.counts import Count, count, cycles, processing_elements
from fusemax.model.tiling import Tiling

__all__ = ["Measured"]


class Measured:
    """The figures of one design at the design points of a `Tiling`."""

    def __init__(self, tiling: Tiling, spared: bool = True) -> None:
        self.tiling = tiling
        self.design: Design = tiling.design
        self.sizes = tiling.sizes
        self.rules = tiling.accounting
        self.spared = spared
        """Whether a boundary tensor that spills saves the words it would else have moved."""
        memories = list(self.design.accelerator.memories)
        self.outer = memories[0]
        self.next = memories[1] if len(memories) > 1 else ""

    # ------------------------------------------------------------------------------------------ counts

    def nest(self, einsum: str) -> Nest:
        """The nest of an Einsum."""
        return self.tiling.nests[einsum]

    def counts(self, einsum: str, operand: Operand) -> dict[int, Count]:
        """Counts by level index, per instance of the level."""
        return count(self.nest(einsum), operand, self.tiling)

    def instances(self, nest: Nest, level: int) -> Number:
        """Instances of a level of which each makes its own accesses."""
        component = nest.levels[level].component
        if component.endswith(".registers") and "all-registers" in self.rules and component == f"{nest.on}.registers":
            return processing_elements(nest, self.tiling)
        return 1

    def memory_words(self, einsum: str, operand: Operand) -> tuple[Number, Number]:
        """Words read from and written to the outermost memory, spills included."""
        nest = self.nest(einsum)
        counts = self.counts(einsum, operand)
        reads, writes = self._moved(counts.get(nest.level(self.outer)))
        inner = nest.level(self.next)
        if inner in counts and operand.tensor in self.spilled:
            lack = self.shortage
            again = self._moved(counts[inner])
            once = 1 - lack if self.spared else 1
            reads = lack * again[0] + once * reads
            writes = lack * again[1] + once * writes
        return reads, writes

    def _moved(self, counted: Count | None) -> tuple[Number, Number]:
        """Words out and in; an output read back as often as it is updated is read for nothing the first time."""
        if counted is None:
            return 0, 0
        if not is_array(counted.updates) and counted.updates == 0:
            return counted.reads, 0
        return where(counted.reads == counted.updates, 0, counted.reads), counted.updates

    @cached_property
    def spilled(self) -> frozenset[str]:
        """Tensors that go to memory in part."""
        return self.tiling.spilled(self.next) if self.next else frozenset()

    @cached_property
    def shortage(self) -> Number:
        """The share that spills."""
        return self.tiling.shortage(self.next)

    def words(self, einsums: Iterable[str]) -> Number:
        """Words between the outermost memory and the rest."""
        total: Number = 0
        for name in einsums:
            for operand in self.nest(name).operands:
                reads, writes = self.memory_words(name, operand)
                total = total + (reads + writes)
        return total

    def traffic(self, einsums: Iterable[str]) -> Number:
        """Bytes between the outermost memory and the rest."""
        word = self.sizes("word")
        words = self.words(einsums)
        return words * (word // 8) if not is_array(word) and word % 8 == 0 else words * word / 8

    # -------------------------------------------------------------------------------------------- time

    def work(self, einsum: str) -> Work:
        """Operations and issue cycles per point."""
        key = ("work", einsum)
        if key not in self.tiling.memo:
            nest = self.nest(einsum)
            self.tiling.memo[key] = lower(self.design, einsum, nest.on, nest.operations, self.rules)
        found: Work = self.tiling.memo[key]
        return found

    def cycles(self, einsum: str) -> Number:
        """Cycles an Einsum keeps its array."""
        return cycles(self.nest(einsum), self.tiling) * self.work(einsum).issues

    def filling(self, einsum: str) -> Number:
        """The share of its array's processing elements that an Einsum uses."""
        nest = self.nest(einsum)
        used = processing_elements(nest, self.tiling)
        there = self.sizes(f"{nest.on}.rows") * self.sizes(f"{nest.on}.columns")
        return used / there

    def step_cycles(self, step: dict[str, tuple[str, ...]]) -> dict[str, Number]:
        """Cycles of a step by array; ``drain`` for a wait."""
        found: dict[str, Number] = {}
        for on, names in step.items():
            if on == DRAIN:
                found[on] = sum(
                    cycles(self.nest(name), self.tiling) * self.sizes(f"{self.nest(name).on}.rows") for name in names
                )
            else:
                found[on] = sum(self.cycles(name) for name in names)
        return found

    @cached_property
    def phases(self) -> tuple[dict[str, Number], ...]:
        """Times of each phase in seconds: ``memory``, ``compute`` and their larger, ``time``."""
        clock, rate = self.sizes("clock"), self.sizes(f"{self.outer}.bandwidth")
        found = []
        for phase in self.design.schedule.phases:
            busy: Number = 0
            for step in phase.steps:
                busy = busy + maximum(*self.step_cycles(dict(step)).values())
            compute, memory = busy / clock, self.traffic(phase.einsums) / rate
            found.append({"memory": memory, "compute": compute, "time": maximum(memory, compute)})
        return tuple(found)

    @cached_property
    def bounding(self) -> dict[str, Number]:
        """Seconds for which each component is what the rest waits for; equals count for every one of them.

        In the order in which ties are settled: lanes and arrays that are busy longest first.
        """
        clock = self.sizes("clock")
        found: dict[str, Number] = dict.fromkeys(self._by_work(), 0)
        found[self.outer] = 0
        for phase, times in zip(self.design.schedule.phases, self.phases, strict=True):
            waits = times["memory"] > times["compute"]
            found[self.outer] = found[self.outer] + where(waits, times["time"], 0)
            for step in phase.steps:
                each = self.step_cycles(dict(step))
                most = maximum(*each.values())
                for on, own in each.items():
                    names = {self.nest(n).on for n in step[on]} if on == DRAIN else {on}
                    for name in names:
                        found[name] = found[name] + where(waits | (own < most), 0, own / clock)
        return found

    def _by_work(self) -> list[str]:
        """Arrays, those of one row first."""
        arrays = self.design.accelerator.arrays
        return sorted(arrays, key=lambda name: arrays[name].rows != 1)

    @cached_property
    def latency(self) -> Number:
        """Seconds."""
        return sum(phase["time"] for phase in self.phases)

    def side_by_side(self, einsums: Iterable[str]) -> Number:
        """Seconds of some Einsums if arrays and memory never wait for one another."""
        names = tuple(einsums)
        by_array: dict[str, Number] = {}
        for name in names:
            on = self.nest(name).on
            by_array[on] = by_array.get(on, 0) + self.cycles(name)
        compute = maximum(*by_array.values()) / self.sizes("clock")
        return maximum(compute, self.traffic(names) / self.sizes(f"{self.outer}.bandwidth"))

    def busy(self, einsum: str) -> Number:
        """The share of the whole time and of its array that an Einsum keeps busy."""
        return self.cycles(einsum) / self.sizes("clock") * self.filling(einsum) / self.latency

    # ------------------------------------------------------------------------------------------ energy

    def level_cost(self, component: str) -> MemoryCost:
        """Costs of a level by its component."""
        key = ("cost", component)
        if key not in self.tiling.memo:
            array, dot, _ = component.partition(".")
            make = register_cost if dot else memory_cost
            self.tiling.memo[key] = make(self.design, array, self.sizes, self.rules)
        found: MemoryCost = self.tiling.memo[key]
        return found

    def is_charged(self, einsum: str, component: str) -> bool:
        """Whether an Einsum's accesses of a level cost energy in this accounting."""
        return "all-registers" in self.rules or component not in self.design.as_published.uncharged.get(einsum, ())

    def access_energy(self, einsum: str, operand: Operand) -> dict[str, tuple[Number, Number]]:
        """pJ of reads and of writes (fills and updates) by component."""
        nest = self.nest(einsum)
        found: dict[str, tuple[Number, Number]] = {}
        for level, counted in self.counts(einsum, operand).items():
            component = nest.levels[level].component
            if component == self.outer or not self.is_charged(einsum, component):
                continue
            cost = self.level_cost(component)
            scale = self.instances(nest, level) / cost.words
            found[component] = (
                counted.reads * scale * cost.read_pj,
                (counted.fills + counted.updates) * scale * cost.write_pj,
            )
        reads, writes = self.memory_words(einsum, operand)
        cost = self.level_cost(self.outer)
        if is_array(reads) or is_array(writes) or reads or writes:
            found[self.outer] = (reads / cost.words * cost.read_pj, writes / cost.words * cost.write_pj)
        return found

    def operation_energy(self, einsum: str) -> dict[str, Number]:
        """pJ by operation."""
        nest, table = self.nest(einsum), self.design.costs.components
        points = self.points(einsum)
        found: dict[str, Number] = {}
        for action, unit, times in self.work(einsum).charged:
            each = table.get(unit, action, "energy")
            found[action] = found.get(action, 0) + points * (times * (float("nan") if each is None else each))
        assert nest.einsum == einsum
        return found

    def points(self, einsum: str) -> Number:
        """Points of the iteration space that are computed."""
        nest = self.nest(einsum)
        return cycles(nest, self.tiling) * product(self.tiling.bound(loop) for loop in nest.spatial)

    @cached_property
    def energy(self) -> Number:
        """pJ, everything that is charged."""
        total: Number = 0
        for name in self.design.schedule.einsums:
            for value in self.operation_energy(name).values():
                total = total + value
            for operand in self.nest(name).operands:
                for reads, writes in self.access_energy(name, operand).values():
                    total = total + (reads + writes)
        return total
