"""A schedule: what runs beside what, in which order.

A schedule is a list of phases that follow one another without overlap. A phase is a list of steps; within a
step the arrays run side by side, each through its own Einsums in turn, and the step ends with the slowest. A
phase of one step lets both arrays and the memory run freely beside one another for the whole run; several
steps are one epoch of a steady state, repeated for every tile. ``drain: [LM]`` in a step waits, once per
iteration of LM, for a value to come down a column of the array that ran it.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from functools import cached_property

from pydantic import model_validator

from fusemax.design.accelerator import Frozen

__all__ = ["DRAIN", "Phase", "Schedule", "Step"]

DRAIN = "drain"

Step = AnyMapping[str, tuple[str, ...]]
"""Array -> Einsums in order; the key ``drain`` lists Einsums whose results are waited for."""


class Phase(Frozen):
    """Steps that follow one another within every epoch."""

    name: str = ""
    steps: tuple[Step, ...]

    @cached_property
    def einsums(self) -> tuple[str, ...]:
        """The Einsums of the phase, in step order."""
        return tuple(e for step in self.steps for on, names in step.items() if on != DRAIN for e in names)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """The steps as something to look up by."""
        return tuple(tuple(step.items()) for step in self.steps)


class Schedule(Frozen):
    """Phases in order.

    ``as_one`` lists pairs of Einsums, a multiply and the add that uses it, run as one multiply-add where the
    array has one. ``streams`` is the number of independent heads whose tiles take turns in an epoch.
    """

    schedule: str = ""
    source: str = ""
    phases: tuple[Phase, ...]
    as_one: tuple[tuple[str, str], ...] = ()
    streams: int = 1

    @model_validator(mode="after")
    def _once_each(self) -> Schedule:
        seen: set[str] = set()
        for phase in self.phases:
            if not phase.einsums:
                raise ValueError("a phase runs at least one Einsum")
            for name in phase.einsums:
                if name in seen:
                    raise ValueError(f"Einsum '{name}' is scheduled twice")
                seen.add(name)
        return self

    @cached_property
    def einsums(self) -> tuple[str, ...]:
        """All Einsums, in the order of the schedule."""
        return tuple(name for phase in self.phases for name in phase.einsums)
