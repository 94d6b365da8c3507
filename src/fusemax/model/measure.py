"""One structural variant of a design, measured: counts, words to memory, energy, time.

Every quantity is computed once, for Python numbers or for NumPy arrays with one entry per design point. `evaluate`,
`compare` and `mapsearch` take their figures, rows and objectives from a `Measured`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cached_property, partial

from fusemax.design.arithmetic import Number, is_array, maximum, minimum, or_zero, product, where
from fusemax.design.einsums import Operand
from fusemax.design.nest import Nest
from fusemax.model import latency
from fusemax.model.costs import (
    SKIPPED,
    UNKNOWN,
    MemoryCost,
    Work,
    lower_running,
    mean_work,
    memory_cost,
    register_cost,
    sides,
)
from fusemax.model.counts import cycles, processing_elements
from fusemax.model.masks import seen_pairs
from fusemax.model.movement import Movement

__all__ = ["Measured"]


class Measured(Movement):
    """The figures of one design at the design points of a `Tiling`."""

    def buffer_rows(self, einsums: Iterable[str], memory: str) -> Number:
        """Accesses of an inner memory."""
        total: Number = 0
        for name in einsums:
            total = total + self.memo(("rows", self.nest(name).key, memory), partial(self._rows, name, memory))
        return total / self.level_cost(memory).words

    def _rows(self, einsum: str, memory: str) -> Number:
        nest = self.nest(einsum)
        total: Number = 0
        for operand in nest.operands:
            counted = self.counts(einsum, operand).get(nest.level(memory))
            if counted is not None:
                total = total + (counted.reads + counted.fills + counted.updates)
        return total

    # -------------------------------------------------------------------------------------------- time

    def work(self, einsum: str) -> Work:
        """Operations and issue cycles per point; of an Einsum that is skipped at some tiles the mean over all."""
        found: Work = self.memo(("work", einsum), partial(self._mean_work, einsum))
        return found

    def work_if(self, einsum: str, running: bool) -> Work:
        """Operations and issue cycles per point of a tile at which the Einsums that may be skipped run, or do not."""
        found: Work = self.memo(("work", einsum, running), partial(self._lowered, einsum, running))
        return found

    def share(self, einsum: str) -> Fraction:
        """The share of tiles at which what may be skipped runs: an Einsum itself, or the one it is joined with."""
        shares = self.design.schedule.shares
        return shares.get(einsum, shares.get(self._joined.get(einsum, ""), Fraction(1)))

    @cached_property
    def _joined(self) -> dict[str, str]:
        """Einsum -> the one before it with which it is one multiply-add."""
        arrays = self.design.accelerator.arrays
        pairs = self.design.schedule.as_one
        return {second: first for first, second in pairs if arrays[self.nest(second).on].multiply_add}

    def _mean_work(self, einsum: str) -> Work:
        share = self.share(einsum)
        if share == 1:
            return self.work_if(einsum, True)
        return mean_work(self.work_if(einsum, True), self.work_if(einsum, False), float(share))

    def _lowered(self, einsum: str, running: bool) -> Work:
        nest = self.nest(einsum)
        work = lower_running(self.design, einsum, nest.on, nest.operations, self.rules)
        if einsum in self.design.schedule.shares and not running:
            return SKIPPED
        first = self._joined.get(einsum)
        if first is not None and (running or first not in self.design.schedule.shares):
            return Work(work.operations, 0, ())  # done within the multiply-add of the Einsum before it
        return work

    def iterations(self, einsum: str) -> Number:
        """Iterations of an Einsum's loops in time."""
        return cycles(self.nest(einsum), self.tiling)

    def cycles(self, einsum: str) -> Number:
        """Cycles an Einsum keeps its array."""
        return self.iterations(einsum) * self.work(einsum).issues

    def cycles_if(self, einsum: str, running: bool) -> Number:
        """Cycles an Einsum would keep its array if what may be skipped ran at every tile, or at none."""
        return self.iterations(einsum) * self.work_if(einsum, running).issues

    def filling(self, einsum: str) -> Number:
        """The share of its array's processing elements that an Einsum uses, ragged tiles counted by what they hold."""
        nest = self.nest(einsum)
        there = self.sizes(f"{nest.on}.rows") * self.sizes(f"{nest.on}.columns")
        if "ragged" in self.rules:
            return self.points(einsum) / (self.iterations(einsum) * there)
        return processing_elements(nest, self.tiling) / there

    @cached_property
    def phases(self) -> tuple[latency.PhaseTime, ...]:
        """The time of each phase of the schedule, and what it is made of."""
        return tuple(latency.phase_time(self, phase) for phase in self.design.schedule.phases)

    @cached_property
    def latency(self) -> Number:
        """Seconds."""
        return sum(phase.time for phase in self.phases)

    @cached_property
    def bounding(self) -> dict[str, Number]:
        """Seconds for which each component is what the rest waits for; equals count for every one of them.

        In the order in which ties are settled: lanes, wider arrays, memories from the outermost in.
        """
        arrays = self.design.accelerator.arrays
        found: dict[str, Number] = dict.fromkeys(sorted(arrays, key=lambda name: arrays[name].rows != 1), 0)
        found |= dict.fromkeys(self.design.accelerator.memories, 0)
        for phase in self.phases:
            for name, seconds in phase.bounding.items():
                found[name] = found[name] + seconds
        return found

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

    # ---------------------------------------------------------------------------------- ideal and needed

    @cached_property
    def useful(self) -> Number:
        """Multiply-adds of contractions that the result needs, on the arrays of several rows."""
        wide = sides(self.design.accelerator)
        total: Number = 0
        for name in self.design.schedule.einsums:
            nest = self.nest(name)
            if wide[nest.on] == "2d" and dict(nest.operations).get("mac"):
                total = total + self._needed_points(nest)
        return total

    @cached_property
    def useful_share(self) -> Number:
        """Useful multiply-adds per cycle and element of the arrays of several rows."""
        wide = [name for name, side in sides(self.design.accelerator).items() if side == "2d"]
        elements = sum(self.sizes(f"{name}.rows") * self.sizes(f"{name}.columns") for name in wide)
        return self.useful / (elements * self.sizes("clock") * self.latency)

    def _needed_points(self, nest: Nest) -> Number:
        roots = set(nest.chains)
        if not (self.tiling.masked and {"P", "M"} <= roots):
            return product(self.tiling.part(root) for root in sorted(roots))
        rows, keys = self.tiling.part("P"), self.tiling.part("M")
        seen = seen_pairs(rows, keys, self.sizes("group"), self.sizes("window"))
        pairs = where(self.sizes("causal") > 0, seen, rows * keys)
        return pairs * product(self.tiling.part(root) for root in sorted(roots - {"P", "M"}))

    @cached_property
    def compulsory_words(self) -> Number:
        """Words of the cascade's inputs and outputs, each once."""
        found: dict[str, Number] = {}
        for name in self.design.schedule.einsums:
            nest = self.nest(name)
            for operand in nest.operands:
                if operand.tensor in self.design.boundary:
                    roots = sorted(
                        root for root, chain in nest.chains.items() if any(c.ranks & operand.ranks for c in chain)
                    )
                    found[operand.tensor] = product(map(self._extent_of, roots))
        return sum(found.values())

    def _extent_of(self, root: str) -> Number:
        """The size of a rank, of keys those that a query sees."""
        size = self.tiling.part(root)
        if root == "M" and self.tiling.masked:
            reach = self.sizes("window") + self.tiling.part("P") // self.sizes("group") - 1
            return where((self.sizes("window") > 0) & (self.sizes("causal") > 0), minimum(size, reach), size)
        return size

    @cached_property
    def roofline(self) -> Number:
        """Seconds: the larger of useful multiply-adds at full rate and compulsory traffic at full bandwidth."""
        wide = [name for name, side in sides(self.design.accelerator).items() if side == "2d"]
        rate = sum(self.sizes(f"{n}.rows") * self.sizes(f"{n}.columns") for n in wide) * self.sizes("clock")
        memory = self.bytes(self.compulsory_words) / self.sizes(f"{self.outer}.bandwidth")
        return maximum(self.useful / rate, memory)

    @cached_property
    def footprint(self) -> Number:
        """Bytes of all tensors that stand in the outermost memory at once."""
        found: dict[str, Number] = {}
        for name in self.design.schedule.einsums:
            nest = self.nest(name)
            for operand in nest.operands:
                if operand.label in nest.levels[nest.level(self.outer)].keeps:
                    loops = tuple(loop for loop in nest.loops if loop.ranks & operand.ranks)
                    size = self.tiling.extent(nest, loops)
                    found[operand.tensor] = maximum(found.get(operand.tensor, 0), size)
        return self.bytes(sum(found.values()))

    @cached_property
    def is_feasible(self) -> Number:
        """Whether the outermost memory holds the footprint; always, in accountings that do not ask."""
        if "dram-capacity" not in self.rules or not self.sizes.known(f"{self.outer}.capacity"):
            return True
        return self.footprint <= self.sizes(f"{self.outer}.capacity")

    # ------------------------------------------------------------------------------------------ energy

    def level_cost(self, component: str) -> MemoryCost:
        """Costs of a level by its component."""
        array, dot, _ = component.partition(".")
        make = register_cost if dot else memory_cost
        found: MemoryCost = self.memo(("cost", component), partial(make, self.design, array, self.sizes, self.rules))
        return found

    def is_charged(self, einsum: str, component: str) -> bool:
        """Whether an Einsum's accesses of a level cost energy in this accounting."""
        return "all-registers" in self.rules or component not in self.design.as_published.uncharged.get(einsum, ())

    def accesses(self, einsum: str, operand: Operand) -> Iterator[tuple[str, str, Number, bool]]:
        """(component, read or write, words, whether it is charged) of one operand."""
        nest = self.nest(einsum)
        for level, counted in self.counts(einsum, operand).items():
            component = nest.levels[level].component
            if component != self.outer:
                charged = self.is_charged(einsum, component)
                for action, words in (("read", counted.reads), ("write", counted.fills + counted.updates)):
                    if is_array(words) or words:
                        yield component, action, words, charged
        reads, writes = self.memory_words(einsum, operand)
        for action, words in (("read", reads), ("write", writes)):
            if is_array(words) or words:
                yield self.outer, action, words, True

    def _charged_inside(self, einsum: str) -> dict[tuple[str, str], Number]:
        """Charged words of all levels but the outermost, by component and action."""
        found: dict[tuple[str, str], Number] = {}
        for operand in self.nest(einsum).operands:
            for component, action, words, charged in self.accesses(einsum, operand):
                if charged and component != self.outer:
                    found[component, action] = found.get((component, action), 0) + words
        return found

    def access_energy(self, component: str, action: str, words: Number) -> Number:
        """pJ of reading or writing words of a component."""
        cost = self.level_cost(component)
        return words / cost.words * (cost.read_pj if action == "read" else cost.write_pj)

    def operation_energy(self, einsum: str) -> dict[str, Number]:
        """pJ by operation."""
        number = self.points(einsum)
        found: dict[str, Number] = {}
        for action, unit, times in self.work(einsum).charged:
            found[action] = found.get(action, 0) + number * (times * self._operation_pj(unit, action))
        return found

    def _operation_pj(self, unit: str, action: str) -> float:
        each = self.design.costs.components.get(unit, action, "energy")
        return UNKNOWN if each is None else each

    @cached_property
    def leakage(self) -> tuple[tuple[str, str, Number], ...]:
        """(component, what leaks, pJ) over the run; NaN for parts whose leakage no table has."""
        if "leakage" not in self.rules:
            return ()
        table, cycles_of_run = self.design.costs.components, self.latency * self.sizes("clock")
        found: list[tuple[str, str, Number]] = [
            (name, "leak", self.level_cost(name).leakage_w * self.latency * 1e12) for name in self.inner
        ]
        for name, array in self.design.accelerator.arrays.items():
            elements = self.sizes(f"{name}.rows") * self.sizes(f"{name}.columns")
            for unit in array.units:
                each = table.get(unit, "", "leakage")
                found.append((name, f"leak {unit}", UNKNOWN if each is None else elements * cycles_of_run * each))
            found.append((f"{name}.registers", "leak", UNKNOWN))
        return tuple(found)

    @cached_property
    def energy(self) -> Number:
        """pJ, everything that is charged; leakage that no table has is left out (`leakage` says which)."""
        words: dict[tuple[str, str], Number] = {}
        done: dict[tuple[str, str], Number] = {}
        for name in self.design.schedule.einsums:
            number = self.points(name)
            for action, unit, times in self.work(name).charged:
                done[unit, action] = done.get((unit, action), 0) + number * times
            inside = self.memo(("inside", self.nest(name).key), partial(self._charged_inside, name))
            for key, moved in inside.items():
                words[key] = words.get(key, 0) + moved
            for operand in self.nest(name).operands:
                for action, moved in zip(("read", "write"), self.memory_words(name, operand), strict=True):
                    if is_array(moved) or moved:
                        words[self.outer, action] = words.get((self.outer, action), 0) + moved
        total: Number = 0
        for (unit, action), number in done.items():
            total = total + number * self._operation_pj(unit, action)
        for (component, action), moved in words.items():
            total = total + self.access_energy(component, action, moved)
        for _, _, energy in self.leakage:
            total = total + or_zero(energy)
        return total
