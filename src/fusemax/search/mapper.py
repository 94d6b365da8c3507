"""The best mapping and schedule of a cascade on an accelerator, with a certificate of what was searched.

    found = search("attn_1pass_fusemax", "fusemax-cloud", "bert", "4K")
    found.value, found.unit, found.best (YAML of the design), found.certificate

Every candidate has a bound from below on its objective: time by the busiest array and by compulsory traffic, energy
by its operations and compulsory traffic. Candidates are taken by rising bound; once a bound is above the best value
found, the rest is pruned, and the best is proven within the space. Of equal values the first in the order of the
space wins, so the answer depends on nothing else. Nothing is drawn at random: there is no seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.base.result import Result
from fusemax.base.units import format_bytes, format_length, format_si, parse_length
from fusemax.cascade import load as load_cascade
from fusemax.cascade.ir import Cascade
from fusemax.design.arithmetic import divisors
from fusemax.design.design import Design, Hardware
from fusemax.design.expression import parse_expression
from fusemax.design.load import load_design, load_hardware
from fusemax.design.mapping import Mapping as DesignMapping
from fusemax.design.schedule import Phase, Schedule
from fusemax.design.sizes import Sizes, workload_sizes
from fusemax.design.workload import Workload, load_workload
from fusemax.model.evaluate import measure
from fusemax.model.mapsearch import nests_of
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting, accounting_of
from fusemax.model.tiling import Tiling, attention_sizes
from fusemax.search.epoch import least_epoch
from fusemax.search.rewrite import checked, design_document, design_text
from fusemax.search.space import GRANULE, Family, Frame, families, frames, free_schedule

__all__ = ["OBJECTIVES", "Certificate", "Found", "search"]

OBJECTIVES: Mapping[str, str] = {"latency": "s", "energy": "pJ", "edp": "pJ s", "traffic": "B"}
NUM_STEPS = (2, 3, 4)


@dataclass(frozen=True)
class Certificate:
    """What was searched: designs in the space, those evaluated, those pruned by each bound, whether best is proven.

    ``mappings`` counts values of mapping parameters (tile sizes, places, stationarity) that the model's own search
    looked at inside the evaluated designs; ``infeasible`` the designs for which none fits.
    """

    space: int
    evaluated: int
    pruned: Mapping[str, int]
    infeasible: int
    mappings: int
    optimal: bool
    why: str
    seed: None = None


@dataclass(frozen=True)
class _Figures:
    latency: float
    energy: float
    traffic: float

    def value(self, objective: str) -> float:
        """The objective; unknown energy is never best."""
        found = {"latency": self.latency, "traffic": self.traffic, "energy": self.energy}
        value = self.latency * self.energy if objective == "edp" else found[objective]
        return math.inf if math.isnan(value) else value


@dataclass(frozen=True)
class _Candidate:
    bound: float
    by: str
    place: tuple[int, ...]
    design: Design = field(repr=False)


@dataclass(frozen=True)
class Found(Result):
    """The best design of a space; see the module."""

    command: ClassVar[str] = "search"
    design: Design
    workload: Workload
    seq_len: int
    accounting: str
    objective: str
    value: float
    figures: _Figures
    roofline_fraction: float
    bound: str
    certificate: Certificate
    front: tuple[Mapping[str, object], ...]
    seconds: float

    @property
    def unit(self) -> str:
        """The unit of the value."""
        return OBJECTIVES[self.objective]

    @property
    def best(self) -> str:
        """The best design as a design file."""
        return design_text(self.design)

    def rows(self) -> list[dict[str, object]]:
        """The evaluated designs that no other one beats in latency, energy and traffic at once."""
        return [dict(row) for row in self.front]

    def document(self) -> Mapping[str, object]:
        """See the product page; ``best`` is the design file as data."""
        certificate = self.certificate
        return {
            "objective": self.objective,
            "value": self.value,
            "unit": self.unit,
            "roofline_fraction": self.roofline_fraction,
            "bound": self.bound,
            "workload": self.workload.name,
            "seq_len": self.seq_len,
            "accounting": self.accounting,
            "latency_s": self.figures.latency,
            "energy_pj": None if math.isnan(self.figures.energy) else self.figures.energy,
            "traffic_bytes": self.figures.traffic,
            "best": design_document(self.design),
            "certificate": {
                "space": certificate.space,
                "evaluated": certificate.evaluated,
                "pruned": certificate.pruned,
                "infeasible": certificate.infeasible,
                "mappings": certificate.mappings,
                "optimal": certificate.optimal,
                "why": certificate.why,
                "seed": certificate.seed,
            },
            "front": self.rows(),
            "seconds": self.seconds,
        }

    def headline(self) -> str:
        """The answer in words."""
        c, figures = self.certificate, self.figures
        energy = "unknown energy" if math.isnan(figures.energy) else format_si(figures.energy * 1e-12, "J")
        pruned = ", ".join(f"{number} pruned by {by}" for by, number in c.pruned.items())
        return (
            f"best {self.objective} of {self.design.cascade.name} on {self.design.accelerator.name},"
            f" {self.workload.name} at {format_length(self.seq_len)}: {format_si(figures.latency, 's')}, {energy},"
            f" {format_bytes(figures.traffic)} of memory traffic; {self.roofline_fraction:.1%} of the roofline,"
            f" bound by {self.bound}\n"
            f"{c.space} designs in the space, {c.evaluated} evaluated{', ' if pruned else ''}{pruned},"
            f" {c.infeasible} do not fit; {'proven best in the space' if c.optimal else 'not proven'}: {c.why}"
        )

    def notes(self) -> Sequence[str]:
        """How the arrays run."""
        lines = ["schedule of the best:"]
        for phase in self.design.schedule.phases:
            lines += [
                "  " + "; ".join(f"{on}: {', '.join(names)}" for on, names in step.items()) for step in phase.steps
            ]
        joined = ", ".join(f"{a}+{b}" for a, b in self.design.schedule.as_one) or "none"
        return [*lines, f"  joined multiply-adds: {joined}; streams: {self.design.schedule.streams}"]


def search(
    cascade: str | Cascade,
    accelerator: str | Hardware,
    workload: str | Workload,
    seq_len: int | str,
    objective: str = "latency",
    accounting: str | Accounting = "corrected",
    like: Sequence[str | Design] = (),
    exps: Sequence[int] = (),
    exhaustive: bool = False,
    observe: Observer = ignore,
) -> Found:
    """The best design of the space. ``exhaustive`` prunes nothing.

    ``like`` are the designs whose mappings the space is made of (the catalogue's of the same cascade by default);
    ``exps`` numbers of multiply-adds for an exp (the accelerator's own by default).
    Raises UnknownName, the loaders' errors, and UsageError where nothing fits.
    """
    begun = time.perf_counter()
    if objective not in OBJECTIVES:
        raise UnknownName("objective", objective, OBJECTIVES)
    given = cascade if isinstance(cascade, Cascade) else load_cascade(cascade)
    hardware = accelerator if isinstance(accelerator, Hardware) else load_hardware(accelerator)
    load = workload if isinstance(workload, Workload) else load_workload(workload)
    rules, length = accounting_of(accounting), parse_length(seq_len)
    seeds = [one if isinstance(one, Design) else load_design(one) for one in like]
    space = _Space(load, length, rules, objective)
    waiting = sorted(space.candidates(frames(given, hardware, seeds), exps), key=lambda c: (c.bound, c.place))
    if not waiting:
        raise UsageError(f"no mapping of {given.name} runs on {hardware.accelerator.name}: it lacks a unit or an array")
    found = _walk(space, waiting, exhaustive, observe)
    return replace(found, seconds=time.perf_counter() - begun)


def _walk(space: _Space, waiting: Sequence[_Candidate], exhaustive: bool, observe: Observer) -> Found:
    best: tuple[float, tuple[int, ...], Design, Measured, _Figures] | None = None
    seen: list[tuple[_Figures, tuple[int, ...]]] = []
    pruned: dict[str, int] = {}
    infeasible = mappings = 0
    for number, candidate in enumerate(waiting):
        if best is not None and candidate.bound > best[0] and not exhaustive:
            for rest in waiting[number:]:
                pruned[rest.by] = pruned.get(rest.by, 0) + 1
            break
        observe(number, len(waiting), "designs")
        try:
            measured = measure(candidate.design, space.sizes(candidate.design), space.rules)
        except UsageError:
            infeasible += 1
            continue
        figures = _figures(measured)
        mappings += space.num_mappings(candidate.design)
        seen.append((figures, candidate.place))
        value = figures.value(space.objective)
        if math.isfinite(value) and (best is None or (value, candidate.place) < best[:2]):
            best = (value, candidate.place, candidate.design, measured, figures)
    if best is None:
        raise UsageError("nothing in the space fits the accelerator, or the objective is unknown for all of it")
    value, _, design, measured, figures = best
    total = Certificate(
        len(waiting), len(seen), pruned, infeasible, mappings, space.is_exact, space.why(exhaustive)
    )  # fmt: skip
    bounding = measured.bounding
    return Found(
        checked(_closed(design, measured)), space.workload, space.length, space.rules.name, space.objective, value,
        figures, float(measured.roofline / measured.latency), max(bounding, key=lambda n: float(bounding[n])), total,
        tuple(_front(seen)), 0.0,
    )  # fmt: skip


def _figures(measured: Measured) -> _Figures:
    layers = float(measured.sizes("L"))
    traffic = measured.traffic(measured.design.schedule.einsums)
    return _Figures(float(measured.latency) * layers, float(measured.energy) * layers, float(traffic) * layers)


def _closed(design: Design, measured: Measured) -> Design:
    """The design with the granule that was chosen written in; a name of its own."""
    mapping: DesignMapping = design.mapping
    name = f"{design.cascade.name}-on-{design.accelerator.name}"
    if set(mapping.parameters) == {GRANULE}:
        size = int(measured.tiling.parameters[GRANULE])
        partition = {
            rank: {part: size if text == GRANULE else text for part, text in parts.items()}
            for rank, parts in mapping.partition.items()
        }
        mapping = mapping.model_copy(update={"partition": partition, "parameters": {}, "search": None})
    mapping = mapping.model_copy(update={"mapping": "", "title": "", "source": ""})
    title = "Found by search"
    return replace(design, name=name, mapping=mapping, title=title, source=f"fusemax search, from {design.name}")


def _front(seen: Sequence[tuple[_Figures, tuple[int, ...]]]) -> Iterator[dict[str, object]]:
    kept: list[_Figures] = []
    for figures, _ in sorted(seen, key=lambda one: (one[0].latency, one[0].energy, one[0].traffic, one[1])):
        if not any(k.energy <= figures.energy and k.traffic <= figures.traffic for k in kept):
            kept.append(figures)
            energy = None if math.isnan(figures.energy) else figures.energy
            yield {"latency_s": figures.latency, "energy_pj": energy, "traffic_bytes": figures.traffic}


class _Space:
    """One search: the point it is about, and bounds."""

    def __init__(self, workload: Workload, length: int, rules: Accounting, objective: str) -> None:
        self.workload = workload
        self.length = length
        self.rules = rules
        self.objective = objective
        self._opens = False
        self._probes: dict[tuple[int, ...], Measured | None] = {}
        self._epochs: dict[tuple[int, ...], list[tuple[Mapping[str, tuple[str, ...]], ...]]] = {}

    @property
    def is_exact(self) -> bool:
        """Whether the best of the space is proven: the model's search of parameters knows no product of objectives."""
        return not (self.objective == "edp" and self._opens)

    def why(self, exhaustive: bool) -> str:
        """The proof in words."""
        if not self.is_exact:
            return "tile sizes were chosen by least latency, not by the product"
        return "every design was evaluated" if exhaustive else "every design not evaluated has a bound above the best"

    def sizes(self, design: Design) -> Sizes:
        """The numbers of the point."""
        return attention_sizes(Sizes(design.accelerator, workload_sizes(self.workload, self.length)), self.rules)

    def num_mappings(self, design: Design) -> int:
        """Values of the mapping's open parameters."""
        sizes, number = self.sizes(design), 1
        for given in design.mapping.parameters.values():
            if isinstance(given, str):
                inner = parse_expression(given.removeprefix("divisors(").removesuffix(")"))
                number *= len(divisors(int(inner(sizes))))
            else:
                number *= len(given)
        return number

    def candidates(self, found: Sequence[Frame], exps: Sequence[int]) -> Iterator[_Candidate]:
        """Every design of the space with its bound."""
        for number, frame in enumerate(found):
            for family in families(frame, number, self.objective, exps):
                self._opens = self._opens or bool(family.design.mapping.parameters)
                yield from self._of_family(family)

    def _of_family(self, family: Family) -> Iterator[_Candidate]:
        alike = family.place[:-1]  # streams change no count
        if alike not in self._probes:
            self._probes[alike] = self._probe(family.design)
        probe = self._probes[alike]
        schedules = [*family.schedules, *self._made(family, probe)]
        unique = {schedule.model_dump_json(): schedule for schedule in schedules}
        for number, schedule in enumerate(unique.values()):
            bound, by = self._bound(probe, schedule)
            yield _Candidate(bound, by, (*family.place, number), replace(family.design, schedule=schedule))

    def _probe(self, design: Design) -> Measured | None:
        """Counts of a design that no open parameter changes; None where names are open (loop orders, places)."""
        if set(design.mapping.parameters) - {GRANULE}:
            return None
        given = dict.fromkeys(design.mapping.parameters, 1)
        return Measured(Tiling(design, nests_of(design, {}, self.rules), self.sizes(design), self.rules, given, {}))

    def _made(self, family: Family, probe: Measured | None) -> Iterator[Schedule]:
        if not family.can_pipeline:
            return
        design = family.design
        keep = {"as_one": design.schedule.as_one, "streams": design.schedule.streams}
        free = free_schedule(design)
        yield free.model_copy(update=keep)
        if probe is None:
            return
        alike = family.place[:-1]
        if alike not in self._epochs:
            arrays = free.phases[0].steps[0]
            loads = {on: [(name, float(probe.cycles(name))) for name in names] for on, names in arrays.items()}
            several = [n for n in NUM_STEPS if n <= sum(map(len, loads.values()))]
            self._epochs[alike] = [least_epoch(loads, n).steps for n in several]
        for steps in self._epochs[alike]:
            yield Schedule(phases=(Phase(name="epoch", steps=steps),)).model_copy(update=keep)

    def _bound(self, probe: Measured | None, schedule: Schedule) -> tuple[float, str]:
        """A value no candidate with this schedule is below, and what gives it."""
        if probe is None:
            return 0.0, "nothing"
        clock, layers = float(probe.sizes("clock")), float(probe.sizes("L"))
        cycles = 0.0
        for phase in schedule.phases:
            for step in phase.steps:
                times = [sum(float(probe.cycles(n)) for n in names) for on, names in step.items() if on != "drain"]
                cycles += max(times, default=0.0)
        traffic = float(probe.bytes(probe.compulsory_words)) * layers
        memory = traffic / float(probe.sizes(f"{probe.outer}.bandwidth"))
        latency = max((cycles / clock * layers, "the busiest arrays"), (memory, "compulsory traffic"))
        energy = sum(float(v) for n in schedule.einsums for v in probe.operation_energy(n).values()) * layers
        if self.objective == "latency":
            return latency
        if self.objective == "traffic":
            return traffic, "compulsory traffic"
        if self.objective == "energy":
            return energy, "energy of operations"
        return latency[0] * energy, f"{latency[1]} x energy of operations"
