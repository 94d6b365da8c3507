"""The parts of designs that ship: cascades, accelerators, mappings and schedules, and which fit which.

The mappings that ship are those of `catalogue/mappings` and those inside of designs; schedules likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fusemax.cascade import Cascade, load
from fusemax.design.einsums import einsums_of
from fusemax.design.load import load_accelerator, load_design, load_part
from fusemax.design.mapping import Mapping as DesignMapping
from fusemax.design.schedule import Schedule
from fusemax.web.answers.texts import names_of

__all__ = ["PARTS", "Part", "misfit", "parts", "shipped"]

PARTS = ("cascade", "accelerator", "mapping", "schedule")


@dataclass(frozen=True)
class Part:
    """A part that ships: its Einsums (none for an accelerator), and the design it comes from, if from one."""

    name: str
    title: str
    einsums: frozenset[str]
    value: Any
    of: str | None = None


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Mapping[str, Part]]:
    """The parts that ship, by kind and name."""
    designs = [load_design(name) for name in names_of("design")]
    cascades = {name: load(name) for name in names_of("cascade")}
    cascades |= {one.cascade.name: one.cascade for one in designs if one.cascade.name not in cascades}
    accelerators = {name: load_accelerator(name) for name in names_of("accelerator")}
    found: dict[str, dict[str, Part]] = {
        "cascade": {n: Part(n, c.title or "", _einsums(c), c) for n, c in cascades.items()},
        "accelerator": {n: Part(n, a.title, frozenset(), a) for n, a in accelerators.items()},
        "mapping": {},
        "schedule": {},
    }
    for kind, model in (("mapping", DesignMapping), ("schedule", Schedule)):
        for name in names_of(kind):
            part = load_part(name, f"{kind}s", kind, model)
            _add(found[kind], kind, name, part, next((d.name for d in designs if getattr(d, kind) == part), None))
        for design in designs:
            _add(found[kind], kind, design.name, getattr(design, kind), design.name, design.title)
    return found


def _add(known: dict[str, Part], kind: str, name: str, part: Any, of: str | None, title: str = "") -> None:
    if not any(one.value == part for one in known.values()):
        title = _in_words(part) if kind == "schedule" else part.title or title
        known[name] = Part(name, title, frozenset(part.einsums), part, of)


def _einsums(cascade: Cascade) -> frozenset[str]:
    return frozenset(spec.name for spec in einsums_of(cascade))


def _in_words(schedule: Schedule) -> str:
    """What kind of schedule it is."""
    lengths = [len(phase.steps) for phase in schedule.phases]
    if len(lengths) == 1 and lengths[0] == 1:
        return "arrays run side by side"
    if len(lengths) == 1:
        return f"one epoch of {lengths[0]} steps"
    return f"{len(lengths)} phases, one after the other"


def parts() -> dict[str, object]:
    """What there is to choose from, by kind: name, title, and which cascades it fits."""
    cascades = shipped()["cascade"].values()
    return {
        kind: [
            {"name": one.name, "title": one.title, "fits": [c.name for c in cascades if c.einsums == one.einsums]}
            for one in shipped()[kind].values()
        ]
        for kind in PARTS
    }


def misfit(found: Mapping[str, Part | None]) -> str | None:
    """Which chosen parts are of another cascade, and which would fit."""
    cascade = found["cascade"]
    if cascade is None:
        return None
    for kind in ("mapping", "schedule"):
        part = found[kind]
        if part is not None and part.einsums != cascade.einsums:
            names = [one.name for one in shipped()[kind].values() if one.einsums == cascade.einsums]
            fitting = f"{kind}s that fit: {', '.join(names)}" if names else f"no {kind} that ships fits it"
            return (
                f"the {kind} {part.name!r} is of another cascade: it has {_some(part.einsums - cascade.einsums)}"
                f" where {cascade.name} has {_some(cascade.einsums - part.einsums)}; {fitting}"
            )
    return None


def _some(names: frozenset[str], most: int = 6) -> str:
    listed = sorted(names)
    return "nothing more" if not listed else ", ".join(listed[:most]) + (", ..." if len(listed) > most else "")
