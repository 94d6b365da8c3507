"""The best mapping and schedule of a cascade on an accelerator, with a certificate of what was searched.

    found = search("attn_1pass_fusemax", "fusemax-cloud", "bert", "4K")
    found.value, found.unit, found.best (YAML of the design), found.certificate, found.front

Branch and bound (`branch`) over spaces of designs: those put together Einsum by Einsum (`compose`), and those that
shipped or given designs span (`given`). What wins is decided by a total order (`goal`), so the answer depends on
nothing else; nothing is drawn at random. Every accelerator that ``vary`` makes is a part of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Literal

from fusemax.base.errors import FusemaxError, UnknownName, UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.base.units import parse_length
from fusemax.cascade import load as load_cascade
from fusemax.cascade.ir import Cascade
from fusemax.design.design import Design, Hardware
from fusemax.design.load import load_design, load_hardware
from fusemax.design.workload import Workload, load_workload
from fusemax.model.area import total_area
from fusemax.model.evaluate import measure
from fusemax.model.mapsearch import nests_of
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting, accounting_of
from fusemax.model.tiling import Tiling
from fusemax.search.branch import Part, Tally, walk
from fusemax.search.compose import Limits
from fusemax.search.crew import WorkerLost, crew_of
from fusemax.search.found import Certificate, Found, Member
from fusemax.search.given import Given
from fusemax.search.goal import OBJECTIVES, Figures, Leaders, Place, Point, goal_of
from fusemax.search.interval import interval_of
from fusemax.search.lazily import with_lazy
from fusemax.search.orders import composed_parts
from fusemax.search.question import Question, Spaces
from fusemax.search.space import Frame, seeds_of, variants_of
from fusemax.search.watch import Glimpse, Leading, Lookout, Watch

__all__ = ["OBJECTIVES", "Certificate", "Found", "Glimpse", "Leading", "NothingFits", "WorkerLost", "search"]

MAPPINGS = ("all", "aligned", "designs")
_EASY = {"latency", "area"}
_NEAR = 0.8


class NothingFits(UsageError):
    """The question is sound, and the answer is that no design of the space fits or keeps the limits."""


def search(
    cascade: str | Cascade,
    accelerator: str | Hardware,
    workload: str | Workload,
    seq_len: int | str,
    objective: str | Sequence[str] = "latency",
    accounting: str | Accounting = "corrected",
    like: Sequence[str | Design] = (),
    exps: Sequence[int] = (),
    exhaustive: bool = False,
    observe: Observer = ignore,
    *,
    vary: Mapping[str, Sequence[object]] | None = None,
    latency: float | None = None,
    area: float | None = None,
    mappings: str | None = None,
    limits: Limits | None = None,
    as_published: bool = False,
    lazy: Fraction | Literal["measured"] | None = None,
    watch: Watch | None = None,
    workers: int | None = None,
) -> Found:
    """The best design of the space, or with two or three objectives the front.

    ``like`` are the designs whose mappings the space begins from (the catalogue's of the same cascade by default);
    ``exps`` numbers of multiply-adds for an exp (the accelerator's own by default); ``vary`` fields of the accelerator
    with their values (``{"edge": [128, 256]}``); ``latency`` (s) and ``area`` (um^2) limits. ``mappings`` is ``all``,
    ``aligned`` (loops are spread over an array only as a design spreads them there) or ``designs`` (only what designs
    map, Einsum by Einsum); by default all for latency and area where a design is near the roofline of the arrays, else
    aligned.
    ``as_published``: in published accounting, find the mapping of a design as its published one was found (FLAT's own
    objective). ``lazy``: designs with lazy rescaling too, at a share of the tiles that is given, or ``measured`` on
    random data (`rescaling`).
    ``exhaustive`` prunes nothing. ``observe`` is told how many designs are evaluated; ``watch`` is given a
    `Glimpse` with the best designs so far, at most four times a second and at the end. Both may raise and so end it.
    ``workers`` processes share large spaces (as many as there are cores by default; this process alone where it has
    other threads); the answer and all counts are the same for any number.
    Raises UnknownName, the loaders' errors, UsageError; NothingFits where no design fits or keeps the limits.
    """
    begun = time.perf_counter()
    goal = goal_of(objective, {"latency": latency, "area": area})
    if mappings is not None and mappings not in MAPPINGS:
        raise UnknownName("space of mappings", mappings, MAPPINGS)
    given = cascade if isinstance(cascade, Cascade) else load_cascade(cascade)
    hardware = accelerator if isinstance(accelerator, Hardware) else load_hardware(accelerator)
    load = workload if isinstance(workload, Workload) else load_workload(workload)
    length = parse_length(seq_len)
    seeds = tuple(one if isinstance(one, Design) else load_design(one) for one in like)
    if lazy == "measured" and vary:
        raise UsageError("lazy rescaling on several accelerators needs its share: it is measured for one")
    if lazy is not None:
        share = None if lazy == "measured" else lazy
        seeds = with_lazy(given, hardware, load, length, seeds_of(given, seeds), share)
    question = Question(
        given, load, length, accounting_of(accounting), goal, seeds, tuple(exps), mappings,
        limits or Limits(), exhaustive, as_published,
    )  # fmt: skip
    leaders, tally = Leaders(goal), Tally()
    lookout = Lookout(leaders, tally, observe, watch)
    if mappings is None:
        question = replace(question, mappings=_usual_mappings(question, hardware))
    walked = _Walk(Spaces(question, hardware, vary or {}), leaders, tally)
    with crew_of(walked.spaces.solve, workers) as engine:
        walk(walked.parts(), leaders, tally, exhaustive, engine, lookout.at_round, lookout.within)
    lookout.at_end()
    if not leaders:
        raise NothingFits(walked.why_nothing())
    return walked.found(begun)


def _usual_mappings(question: Question, hardware: Hardware) -> str:
    """All where it is the time that counts and a design is near the roofline of the arrays; else too many tie."""
    if not set(question.goal.objectives) <= _EASY:
        return "aligned"
    return "all" if any(_is_near(question, seed) for seed in question.frames(hardware)[0].seeds) else "aligned"


def _is_near(question: Question, seed: Design) -> bool:
    if seed.mapping.parameters:
        return False
    try:
        sizes = question.sizes(seed)
        measured = Measured(Tiling(seed, nests_of(seed, {}, question.rules), sizes, question.rules))
        memory = measured.bytes(measured.compulsory_words) / sizes(f"{measured.outer}.bandwidth")
        near = float(measured.roofline) >= _NEAR * float(measured.latency)
    except FusemaxError:  # it does not run here
        return False
    return near and float(measured.roofline) > float(memory)


class _Walk:
    """One search: its parts, and its result."""

    def __init__(self, spaces: Spaces, leaders: Leaders, tally: Tally) -> None:
        self.spaces = spaces
        self.question = spaces.question
        self.leaders = leaders
        self.tally = tally
        self.mappings = 0
        self.is_exact = True
        self.failures: list[str] = []

    def parts(self) -> Iterator[Part]:
        """The parts of the space: those of the accelerator, or one for each accelerator that ``vary`` makes."""
        if not self.spaces.vary:
            yield from self._of_hardware(0)
            return
        for number in range(len(self.spaces.accelerators)):
            found = self.spaces.frames(number)
            seed = found[0].seeds[0]
            area = float(total_area(seed, self.question.sizes(seed), self.question.rules))
            bound = Figures(self._roofline(seed), 0.0, 0.0, area)
            size = sum(given.size for given in self._given(found, (number,)))
            size += sum(space.size for _, space in self.spaces.compositions(number))
            yield Part(bound, "the roofline", (number,), size, open=partial(self._of_hardware, number))

    def _roofline(self, seed: Design) -> float:
        try:
            sizes = self.question.sizes(seed)
            given = dict.fromkeys(seed.mapping.parameters, 1)
            rules = self.question.rules
            measured = Measured(Tiling(seed, nests_of(seed, {}, rules), sizes, rules, given))
            return float(measured.roofline) * float(sizes("L")) * (1 - 1e-9)
        except FusemaxError:
            return 0.0

    def _of_hardware(self, accelerator: int) -> Iterator[Part]:
        number = 0
        for given in self._given(self.spaces.frames(accelerator), (accelerator,)):
            self.is_exact = self.is_exact and given.is_exact
            for part in given.parts():
                number += 1
                yield part
        for at, space in self.spaces.compositions(accelerator):
            number += 1
            yield from composed_parts(space, self.spaces.place(accelerator, at), self.tally, self.question.exhaustive)
        if not number:
            name = self.spaces.accelerators[accelerator].accelerator.name
            raise UsageError(f"no mapping of {self.question.cascade.name} runs on {name}: it lacks a unit or an array")

    def _given(self, found: Sequence[Frame], place: Place) -> Iterator[Given]:
        for number, frame in enumerate(found):
            alone = self.question.mappings != "designs" and bool(variants_of(frame, self.question.exps))
            yield Given(
                frame, (*place, 1, number), self.question.sizes, self.question.rules, self.question.goal,
                self.question.exps, alone, self._note, self.question.limits.kinds,
            )  # fmt: skip

    def _note(self, mappings: int, failure: str) -> None:
        self.mappings += mappings
        if failure and failure not in self.failures:
            self.failures.append(failure)

    # ------------------------------------------------------------------------------------------------ results

    def why_nothing(self) -> str:
        """Why there is no best design."""
        goal = self.question.goal
        kept = " and ".join(f"{name} {limit:g} {OBJECTIVES[name]}" for name, limit in goal.limits.items())
        if self.failures:
            return f"nothing in the space fits: {self.failures[0]}"
        if kept:
            return f"no design of the space keeps {kept}"
        return "nothing in the space fits the accelerator, or the objective is unknown for all of it"

    def found(self, begun: float) -> Found:
        """The result, its best design checked and measured once more."""
        question = self.question
        members = tuple(self._member(point) for point in self.leaders)
        best = members[0]
        measured = measure(best.design, question.sizes(best.design), question.rules)
        bounding = measured.bounding
        tally = self.tally
        space = tally.evaluated + tally.infeasible + sum(tally.pruned.values())
        certificate = Certificate(
            str(question.mappings), space, tally.evaluated, tally.pruned, tally.infeasible, self.mappings,
            self.is_exact, self._why(), time.perf_counter() - begun, schedule=interval_of(measured),
        )  # fmt: skip
        return Found(
            best.design, question.workload, question.length, question.rules.name, question.goal.objectives,
            best.figures, float(measured.roofline / measured.latency),
            max(bounding, key=lambda name: float(bounding[name])), certificate, members,
        )  # fmt: skip

    def _why(self) -> str:
        if not self.is_exact:
            return "sizes of a design's own parameters were chosen by another objective"
        if self.question.exhaustive:
            return "every design was evaluated"
        return "every design not evaluated has a bound above the best, or comes after it in the order of the space"

    def _member(self, point: Point) -> Member:
        return Member(point.figures, point.make())
