"""The space that designs span: their own mappings, mixed Einsum by Einsum where they split and order ranks alike.

Parameters that a mapping leaves open (FLAT's rows, stationarity and places) are closed by the model's own search, for
all their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from fusemax.base.errors import UsageError
from fusemax.design.arithmetic import divisors
from fusemax.design.design import Design
from fusemax.design.expression import parse_expression
from fusemax.design.schedule import Phase, Schedule
from fusemax.design.sizes import Sizes
from fusemax.model.area import total_area
from fusemax.model.evaluate import measure
from fusemax.model.mapsearch import nests_of
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting
from fusemax.model.tiling import Tiling
from fusemax.search.branch import Part
from fusemax.search.closing import closed
from fusemax.search.compose import KINDS, SERIAL
from fusemax.search.epoch import least_epoch
from fusemax.search.frame import Skeleton, skeleton, tile_sizes
from fusemax.search.goal import Figures, Goal, Place, Point
from fusemax.search.group import group_points
from fusemax.search.serial import serial_schedule
from fusemax.search.space import GRANULE, Family, Frame, families, free_schedule, joinable
from fusemax.search.watch import words_of

__all__ = ["Given"]

NUM_STEPS = (2, 3, 4)


@dataclass(frozen=True)
class Given:
    """The designs of a frame. ``alone``: only the designs as they are. ``note`` is told of parameters and failures."""

    frame: Frame
    place: Place
    sizes_of: Callable[[Design], Sizes]
    rules: Accounting
    goal: Goal
    exps: tuple[int, ...]
    alone: bool
    note: Callable[[int, str], None]
    kinds: tuple[str, ...]

    @property
    def size(self) -> int:
        """Designs."""
        return sum(part.size for part in self.parts())

    @property
    def is_exact(self) -> bool:
        """Whether parameters that mappings leave open are closed by the objective that is asked for."""
        opens = any(seed.mapping.parameters for seed in self.frame.seeds)
        own = {"latency", "energy", "traffic", "area"}
        return not opens or (
            len(self.goal.objectives) == 1 and set(self.goal.objectives) <= own and not self.goal.limits
        )

    def parts(self) -> Iterator[Part]:
        """A part for each design with a bound, those of equal counts sharing one look at them."""
        if self.alone:
            yield from self._first_guesses()
            return
        probes: dict[Place, Measured | None] = {}
        epochs: dict[Place, list[Mapping[str, object]]] = {}
        for family in families(self.frame, 0, self.goal.objectives[0], self.exps):
            alike = family.place[:-1]  # streams change no count
            if alike not in probes:
                probes[alike] = self._probe(family.design)
            schedules = list(self._schedules(family, probes[alike], epochs))
            unique = {schedule.model_dump_json(): schedule for schedule in schedules}
            for number, schedule in enumerate(unique.values()):
                design = replace(family.design, schedule=schedule)
                yield self._part(design, probes[alike], (*self.place, *family.place, number))

    def _first_guesses(self) -> Iterator[Part]:
        """The designs as they are, and with arrays running freely, everything joined and any size of what fills."""
        number = 0
        for seed in self.frame.seeds:
            plain = replace(seed, binding=None)
            if set(self.kinds) >= set(KINDS):
                yield replace(self._part(plain, None, (*self.place, number)), is_first=True)
            shape = skeleton(plain)
            assert shape is not None
            free = self._first_schedule(seed)
            if free is None:
                continue
            opened: dict[str, tuple[int | str, ...]] = dict.fromkeys(shape.parameters.values(), ())
            mapping = shape.design.mapping.model_copy(update={"parameters": opened})
            design = replace(shape.design, mapping=mapping, schedule=free)
            fits: list[bool] = []
            yield self._of_every_size(shape, design, number + 1, fits)
            if fits == [False]:  # it was looked at: smaller tiles may fit
                yield self._of_every_size(shape, design, number + 1, None)
            number += 2

    def _first_schedule(self, seed: Design) -> Schedule | None:
        """A schedule of the kinds that are asked for, which needs no search."""
        joined = tuple(joinable(seed))
        if SERIAL in self.kinds and "free" not in self.kinds:
            return serial_schedule(seed, {n: entry.on for n, entry in seed.mapping.einsums.items()}, joined)
        return free_schedule(seed).model_copy(update={"as_one": joined}) if "free" in self.kinds else None

    def _of_every_size(self, shape: Skeleton, design: Design, number: int, fits: list[bool] | None) -> Part:
        """A design with tiles as large as the array, and every size of what fills a memory; told ``fits`` whether any
        fits when it is looked at. Without ``fits``, all sizes of tiles but these."""
        sizes = self.sizes_of(design)
        tiles = tile_sizes(shape, sizes, "ragged" in self.rules)
        tiles = tiles.at(tiles.group == 0) if fits is not None else tiles.at(tiles.group > 0)
        area, place = float(total_area(design, sizes, self.rules)), (*self.place, number)

        def points() -> list[Point]:
            try:
                nests = nests_of(design, {}, self.rules)
                found = group_points(design, tiles, sizes, self.rules, area, place, (), nests)[0]
            except UsageError as error:  # the accelerator lacks a unit
                self.note(0, str(error))
                return []
            if fits is not None:
                fits.append(bool(found))
            return found

        return Part(Figures(0.0, 0.0, 0.0, area), "nothing", place, len(tiles), points=points, is_first=True)

    def _part(self, design: Design, probe: Measured | None, place: Place) -> Part:
        bound, by = self._bound(design, probe)
        return Part(bound, by, place, 1, points=partial(self._points, design, place, bound.area))

    def _points(self, design: Design, place: Place, area: float) -> list[Point]:
        sizes = self.sizes_of(design)
        try:
            measured = measure(design, sizes, self.rules)
            if not measured.is_feasible:
                raise UsageError(f"{design.name}: its tensors do not fit {measured.outer}")
            layers = float(sizes("L"))
            figures = Figures(
                float(measured.latency) * layers, float(measured.energy) * layers,
                float(measured.traffic(design.schedule.einsums)) * layers, area,
            )  # fmt: skip
        except UsageError as error:  # it does not fit, or the accelerator lacks a unit
            self.note(0, str(error))
            return []
        self.note(_num_mappings(design, sizes), "")
        return [Point(figures, place, partial(closed, design, measured), partial(_words, design, measured))]

    def _probe(self, design: Design) -> Measured | None:
        """Counts of a design that no open parameter changes; None where names are open (loop orders, places)."""
        if set(design.mapping.parameters) - {GRANULE}:
            return None
        given = dict.fromkeys(design.mapping.parameters, 1)
        sizes = self.sizes_of(design)
        return Measured(Tiling(design, nests_of(design, {}, self.rules), sizes, self.rules, given, {}))

    def _schedules(
        self, family: Family, probe: Measured | None, epochs: dict[Place, list[Mapping[str, object]]]
    ) -> Iterator[Schedule]:
        """Schedules of the kinds that are asked for; the designs' own where all are."""
        if set(self.kinds) >= set(KINDS):
            yield from family.schedules
        if not family.can_pipeline:
            return
        if SERIAL in self.kinds:
            design, joined = family.design, family.design.schedule.as_one
            on = {name: entry.on for name, entry in design.mapping.einsums.items()}
            yield serial_schedule(design, on, joined).model_copy(update={"streams": design.schedule.streams})
        if self.kinds != (SERIAL,):
            yield from self._made(family, probe, epochs)

    def _made(
        self, family: Family, probe: Measured | None, epochs: dict[Place, list[Mapping[str, object]]]
    ) -> Iterator[Schedule]:
        design = family.design
        keep = {name: getattr(design.schedule, name) for name in ("as_one", "streams", "runs")}
        free = free_schedule(design)
        yield free.model_copy(update=keep)
        if probe is None:
            return
        alike = family.place[:-1]
        if alike not in epochs:
            arrays = free.phases[0].steps[0]
            loads = {on: [(name, float(probe.cycles(name))) for name in names] for on, names in arrays.items()}
            several = [n for n in NUM_STEPS if n <= sum(map(len, loads.values()))]
            epochs[alike] = [{"steps": least_epoch(loads, n).steps} for n in several]
        for made in epochs[alike]:
            yield Schedule(phases=(Phase.model_validate({"name": "epoch", **made}),)).model_copy(update=keep)

    def _bound(self, design: Design, probe: Measured | None) -> tuple[Figures, str]:
        """Amounts no candidate with this schedule is below, and what gives the latency."""
        area = float(total_area(design, self.sizes_of(design), self.rules))
        if probe is None:
            return Figures(0.0, 0.0, 0.0, area), "nothing"
        clock, layers = float(probe.sizes("clock")), float(probe.sizes("L"))
        cycles = 0.0
        for phase in design.schedule.phases:
            for step in phase.steps:
                times = [sum(float(probe.cycles(n)) for n in names) for on, names in step.items() if on != "drain"]
                cycles += max(times, default=0.0)
        traffic = float(probe.bytes(probe.compulsory_words)) * layers
        memory = traffic / float(probe.sizes(f"{probe.outer}.bandwidth"))
        latency, by = max((cycles / clock * layers, "the busiest arrays"), (memory, "compulsory traffic"))
        energy = sum(float(v) for n in design.schedule.einsums for v in probe.operation_energy(n).values()) * layers
        return Figures(latency, energy, traffic, area), by


def _words(design: Design, measured: Measured) -> str:
    """The design's name, then what its open parameters came to."""
    sizes = {name: int(value) for name, value in measured.tiling.parameters.items()}
    return f"{design.name}: {words_of(design, sizes)}"


def _num_mappings(design: Design, sizes: Sizes) -> int:
    """Values of the mapping's open parameters."""
    number = 1
    for given in design.mapping.parameters.values():
        if isinstance(given, str):
            inner = parse_expression(given.removeprefix("divisors(").removesuffix(")"))
            number *= len(divisors(int(inner(sizes))))
        else:
            number *= len(given)
    return number
