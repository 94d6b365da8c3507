"""The space of mappings and schedules of a cascade on an accelerator.

Mappings come from designs of the same cascade (the catalogue's, or those given). Designs that split and order ranks
alike make a frame; in a frame every Einsum may be mapped as any of them maps it, as long as tensors are found where
they are read (`is_connected`) and the array can do the operations. A part that fills a level (``fit(LEVEL)``)
may be any divisor of what is left. To that come joined multiply-adds, streams, the terms of exp, and the schedule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Literal

from fusemax.base.errors import FusemaxError, UsageError
from fusemax.cascade.ir import Cascade
from fusemax.cascade.print import print_cascade
from fusemax.design.accelerator import Array
from fusemax.design.design import AsPublished, Design, Hardware
from fusemax.design.einsums import EinsumSpec
from fusemax.design.load import catalogue_names, load_design
from fusemax.design.mapping import EinsumMapping, Search, fit_level, split_kept
from fusemax.design.mapping import Mapping as DesignMapping
from fusemax.design.schedule import Phase, Schedule
from fusemax.search.compose import Variant
from fusemax.search.frame import skeleton
from fusemax.search.lazily import is_lazy_form
from fusemax.search.rewrite import checked

__all__ = [
    "GRANULE",
    "STREAMS",
    "Family",
    "Frame",
    "families",
    "frames",
    "free_schedule",
    "is_connected",
    "joinable",
    "objectives",
    "seeds_of",
    "variants_of",
]

STREAMS = (1, 2, 4)
GRANULE = "granule"
Order = Literal["latency", "energy", "traffic"]


@dataclass(frozen=True)
class Frame:
    """Designs whose mappings differ only in how single Einsums are mapped."""

    seeds: tuple[Design, ...]
    alternatives: Mapping[str, tuple[EinsumMapping, ...]] = field(repr=False)


@dataclass(frozen=True)
class Family:
    """Candidates that differ in their schedule alone: a design with its mapping, joined pairs, streams and exp set."""

    design: Design = field(repr=False)
    place: tuple[int, ...]
    """Where it stands in the order of the space."""
    schedules: tuple[Schedule, ...] = field(repr=False)
    """Those of the seeds with the same arrays."""
    can_pipeline: bool
    """Whether its Einsums are one phase, so that epochs can be made for it."""


def frames(
    cascade: Cascade, hardware: Hardware, like: Sequence[Design] = (), as_published: bool = False
) -> list[Frame]:
    """The frames of a cascade on an accelerator. UsageError where no design shows how to map it.

    A design given in ``like`` may have the cascade with its running maxima moved lazily (`lazily`): a frame of its own.
    ``as_published`` keeps how a design's published mapping was found, for accountings that ask for it.
    """
    every = list(like) or _shipped(cascade.name) or _shipped("")
    seeds = seeds_of(cascade, like)
    seeds += [d for d in like if d.schedule.runs and d not in seeds and is_lazy_form(d.cascade, cascade)]
    if not seeds:
        known = ", ".join(sorted({d.cascade.name for d in every}))
        raise UsageError(
            f"no design maps the cascade {cascade.name}: a search begins from mappings of its Einsums; there are some"
            f" of {known} (--like DESIGN gives another)"
        )
    grouped: dict[str, list[Design]] = {}
    for seed in seeds:
        quirks = seed.as_published if as_published else AsPublished()
        moved = replace(seed.with_accelerator(hardware.accelerator), costs=hardware.costs, as_published=quirks)
        shape = moved.mapping.model_dump_json(exclude={"einsums", "mapping", "title", "source", "labels"})
        runs = sorted(moved.schedule.runs.items())
        grouped.setdefault(f"{print_cascade(moved.cascade)}{runs}{shape}", []).append(moved)
    return [Frame(tuple(group), _alternatives(group)) for group in grouped.values()]


def seeds_of(cascade: Cascade, like: Sequence[Design] = ()) -> list[Design]:
    """The designs of a cascade that a space begins from: the catalogue's, or those given."""
    every = list(like) or _shipped(cascade.name) or _shipped("")
    return [d for d in every if print_cascade(d.cascade) == print_cascade(cascade)]


def _shipped(cascade: str) -> list[Design]:
    """The catalogue's designs whose files name a cascade; all of them for no name."""
    folder = files("fusemax") / "catalogue" / "designs"
    line = f"\ncascade: {cascade}"
    texts = {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in catalogue_names("designs")}
    return [load_design(name) for name, text in texts.items() if line in text]


def _alternatives(seeds: Sequence[Design]) -> dict[str, tuple[EinsumMapping, ...]]:
    found: dict[str, tuple[EinsumMapping, ...]] = {}
    for spec in seeds[0].specs:
        entries = {seed.mapping.einsums[spec.name].model_dump_json(): seed.mapping.einsums[spec.name] for seed in seeds}
        found[spec.name] = tuple(entries.values())
    return found


def families(frame: Frame, number: int, objective: str, exps: Sequence[int] = ()) -> Iterator[Family]:
    """The families of a frame, in the order of the space; those that break a rule are left out."""
    names = list(frame.alternatives)
    for chosen in itertools.product(*(range(len(frame.alternatives[name])) for name in names)):
        entries = {n: frame.alternatives[n][i] for n, i in zip(names, chosen, strict=True)}
        mapped = _mapped(frame.seeds[0], entries, objective)
        if not is_connected(mapped, entries):
            continue
        schedules = _seed_schedules(frame, entries)
        pipelined = (bool(schedules) and all(len(s.phases) == 1 for s in schedules)) or not schedules
        first = schedules[0] if schedules else free_schedule(mapped)
        try:
            checked(replace(mapped, schedule=first))
        except FusemaxError:
            continue
        pairs = joinable(mapped)
        subsets = [p for n in range(len(pairs) + 1) for p in itertools.combinations(pairs, n)]
        choices = itertools.product(enumerate(_exps(mapped, exps)), enumerate(subsets), enumerate(STREAMS))
        for (e, design), (j, joined), (s, streams) in choices:
            changed = {"as_one": joined, "streams": streams}
            variants = tuple(schedule.model_copy(update=changed) for schedule in schedules)
            base = replace(design, schedule=first.model_copy(update=changed))
            yield Family(base, (number, *chosen, e, j, s), variants, pipelined)


def _mapped(seed: Design, entries: Mapping[str, EinsumMapping], objective: str) -> Design:
    mapping = seed.mapping.model_copy(update={"einsums": dict(entries)})
    return replace(seed, mapping=_opened(mapping, objective), binding=None)


def _opened(mapping: DesignMapping, objective: str) -> DesignMapping:
    """The mapping with its filling part open, and the search's objective first."""
    order = objectives(objective)
    if mapping.search is not None:
        search = mapping.search.model_copy(update={"objective": order})
        return mapping.model_copy(update={"search": search})
    partition, parameters = dict(mapping.partition), dict(mapping.parameters)
    for rank, parts in mapping.partition.items():
        filling = [part for part, text in parts.items() if fit_level(text)]
        if filling and not parameters:
            others = [str(text) for part, text in parts.items() if part not in filling and text != "rest"]
            inner = " * ".join(f"({text})" for text in others) or "1"
            partition[rank] = {part: GRANULE if part in filling else text for part, text in parts.items()}
            parameters[GRANULE] = f"divisors(ceil({rank} / ({inner})))"
    if not parameters:
        return mapping
    search = Search(objective=order, over=tuple(parameters))
    return mapping.model_copy(update={"partition": partition, "parameters": parameters, "search": search})


def objectives(objective: str) -> tuple[Order, ...]:
    """What the parameters of a mapping are chosen by, in order."""
    every: tuple[Order, ...] = ("latency", "energy", "traffic")
    first: Order = next((name for name in every if name == objective), "latency")
    return (first, *(name for name in every if name != first))


def _exps(design: Design, exps: Sequence[int]) -> list[Design]:
    """The design with every number of multiply-adds for exp, on the arrays that find it so."""
    if not exps:
        return [design]
    found = []
    for terms in exps:
        components = {
            name: part.model_copy(update={"exp": part.exp.model_copy(update={"multiply_adds": terms})})
            if isinstance(part, Array) and part.exp is not None and part.exp.unit is None
            else part
            for name, part in design.accelerator.components.items()
        }
        found.append(design.with_accelerator(design.accelerator.model_copy(update={"components": components})))
    return found


def _seed_schedules(frame: Frame, entries: Mapping[str, EinsumMapping]) -> tuple[Schedule, ...]:
    found: dict[str, Schedule] = {}
    for seed in frame.seeds:
        if all(seed.mapping.einsums[name].on == entry.on for name, entry in entries.items()):
            plain = seed.schedule.model_copy(update={"as_one": (), "streams": 1, "schedule": "", "source": ""})
            found[plain.model_dump_json()] = plain
    return tuple(found.values())


def free_schedule(design: Design) -> Schedule:
    """One step: the arrays run freely beside one another."""
    step: dict[str, tuple[str, ...]] = {}
    for spec in design.specs:
        on = design.mapping.einsums[spec.name].on
        step[on] = (*step.get(on, ()), spec.name)
    return Schedule(phases=(Phase(name="run", steps=(step,)),), runs=design.schedule.runs)


def is_connected(design: Design, entries: Mapping[str, EinsumMapping]) -> bool:
    """Whether every tensor is, where an Einsum reads it, also kept by the Einsum that makes it.

    The outermost level that a reader names must be one of the writer's (it fills those inside from there); a reader on
    another array than the writer's needs a level of both: memories they name, and the registers of their arrays.
    """
    writers = {spec.output.tensor: spec for spec in design.specs}
    order = [*design.accelerator.memories, *(f"{array}.registers" for array in design.accelerator.arrays)]
    for spec in design.specs:
        for operand in spec.inputs:
            writer = writers.get(operand.tensor)
            if writer is None or operand.tensor in design.boundary:
                continue
            there = _levels(entries[writer.name], {operand.tensor})
            here = _levels(entries[spec.name], {operand.tensor, operand.label})
            own_there = {*there, f"{entries[writer.name].on}.registers"}
            own_here = {*here, f"{entries[spec.name].on}.registers"}
            for earlier in design.specs[: design.specs.index(spec)]:  # what it brought to a level is there
                if any(o.tensor == operand.tensor for o in earlier.inputs):
                    own_there |= _levels(entries[earlier.name], {operand.tensor})
            outermost = [level for level in order if level in here][:1]
            if not set(outermost) <= own_there or not own_here & own_there:
                return False
    return True


def _levels(entry: EinsumMapping, names: set[str]) -> set[str]:
    return {level for level, kept in entry.keep.items() if any(split_kept(text)[0] in names for text in kept)}


def variants_of(frame: Frame, exps: Sequence[int] = ()) -> list[Variant]:
    """Ways to find exp and to join multiplications with additions, for designs put together anew.

    None where the cascade has no iteration that hands every tile on at once (it goes over a rank several times), or
    where the frame's mapping has named parameters.
    """
    seed = frame.seeds[0]
    if not any(section.kind == "iterate" for section in seed.cascade.sections) or skeleton(seed) is None:
        return []
    pairs = [
        (spec.name, reader.name)
        for spec in seed.specs
        for reader in _readers(seed, spec)
        if dict(spec.operations) == {"mul": 1} and dict(reader.operations) == {"add": 1}
    ]
    pairs = [pair for pair in pairs if len(_readers(seed, seed.spec(pair[0]))) == 1]
    subsets = [p for n in range(len(pairs) + 1) for p in itertools.combinations(pairs, n)]
    found = []
    for e, design in enumerate(_exps(seed, exps)):
        shape = skeleton(design)
        assert shape is not None
        found += [Variant(shape, joined, (e, j)) for j, joined in enumerate(reversed(subsets))]
    return found


def _readers(design: Design, spec: EinsumSpec) -> list[EinsumSpec]:
    return [r for r in design.specs if any(o.tensor == spec.output.tensor for o in r.inputs)]


def joinable(design: Design) -> list[tuple[str, str]]:
    """Multiplications with the one addition that reads them, on an array that has a multiply-add."""
    found = []
    for spec in design.specs:
        on = design.mapping.einsums[spec.name].on
        readers = [r for r in design.specs if any(o.tensor == spec.output.tensor for o in r.inputs)]
        if dict(spec.operations) != {"mul": 1} or len(readers) != 1:
            continue
        (reader,) = readers
        alone = dict(reader.operations) == {"add": 1} and design.mapping.einsums[reader.name].on == on
        if alone and design.accelerator.arrays[on].multiply_add and "mac" in design.accelerator.arrays[on].units:
            found.append((spec.name, reader.name))
    return found
