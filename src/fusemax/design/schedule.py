"""A schedule: what runs beside what, in which order.

A schedule is a list of phases that follow one another without overlap. A phase is a list of steps; within a
step the arrays run side by side, each through its own Einsums in turn, and the step ends with the slowest. A
phase of one step lets both arrays and the memory run freely beside one another for the whole run; several
steps are one epoch of a steady state, repeated for every tile. ``drain: [LM]`` in a step waits, once per
iteration of LM, for a value to come down a column of the array that ran it.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema, model_validator

from fusemax.design.accelerator import Frozen

__all__ = ["DRAIN", "Phase", "Schedule", "Share", "Step", "share_of"]

DRAIN = "drain"
_FINEST = 1 << 20

Step = AnyMapping[str, tuple[str, ...]]
"""Array -> Einsums in order; the key ``drain`` lists Einsums whose results are waited for."""


def share_of(value: float | str) -> Fraction:
    """A share above 0, at most 1, from ``0.125`` or ``1/8``. ValueError for anything else."""
    try:
        found = Fraction(value.replace(" ", "")) if isinstance(value, str) else Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is not a share: expected a number above 0, at most 1, like 0.125 or 1/8") from None
    if not 0 < found <= 1:
        raise ValueError(f"{value} is not a share: expected above 0 and at most 1, like 0.125 or 1/8")
    if found.denominator > _FINEST:
        raise ValueError(f"{value} is finer than 1/{_FINEST}")
    return found


def _as_written(value: float | str) -> float | str:
    share_of(value)
    return value


Share = Annotated[
    float | str,
    AfterValidator(_as_written),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(/\s*\d+\s*)?$"},
            ]
        }
    ),
]
"""A number above 0, at most 1: ``0.125`` or ``1/8``."""


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

    ``runs`` lists Einsums that do work only at a share of their tiles (iterations over key tiles and query tiles), and
    that share, assumed or measured (`fusemax.execute.rescaling`). Elsewhere what they multiply passes through as it is,
    and they take no cycle and no operation; its words are read and written as if they ran. All rows of a tile that an
    array has at once go together. Einsums that may be skipped multiply by a factor that is 1 as long as a running
    reference stays (`fusemax.design.corrections`).
    """

    schedule: str = ""
    source: str = ""
    phases: tuple[Phase, ...]
    as_one: tuple[tuple[str, str], ...] = ()
    streams: int = 1
    runs: AnyMapping[str, Share] = {}

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

    @property
    def shares(self) -> dict[str, Fraction]:
        """The Einsums that are skipped at some tiles, and the exact share of tiles at which they run."""
        return _shares(tuple(self.runs.items())) if self.runs else _NONE  # not cached in here: copies would keep it


_NONE: dict[str, Fraction] = {}


@lru_cache(maxsize=64)
def _shares(runs: tuple[tuple[str, float | str], ...]) -> dict[str, Fraction]:
    found = {name: share_of(share) for name, share in runs}
    return {name: share for name, share in found.items() if share != 1}
