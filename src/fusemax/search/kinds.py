"""The schedule of a kind, once it is known where every Einsum runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fusemax.design.design import Design
from fusemax.design.schedule import Phase, Schedule
from fusemax.search.compose import SERIAL
from fusemax.search.epoch import steps_of
from fusemax.search.serial import serial_schedule

__all__ = ["freely", "schedule_of"]

Pairs = tuple[tuple[str, str], ...]


def schedule_of(
    kind: str, design: Design, on: Mapping[str, str], cycles: Mapping[str, npt.NDArray[np.float64]], joined: Pairs
) -> Schedule | None:
    """Arrays running freely, one tile at a time, or the shortest epoch of so many steps.

    ``on``: Einsum -> array; ``cycles`` of each, those of its first entry deciding. None where there are fewer Einsums
    than steps.
    """
    free = freely(design, on, joined)
    if kind == "free":
        return free
    if kind == SERIAL:
        return serial_schedule(design, on, joined)
    arrays = free.phases[0].steps[0]
    steps = int(kind.split()[2])
    if sum(map(len, arrays.values())) < steps:
        return None
    loads = {array: [(name, float(cycles[name][0])) for name in names] for array, names in arrays.items()}
    phase = Phase(name="epoch", steps=steps_of(loads, steps))
    return Schedule(phases=(phase,), as_one=joined, runs=design.schedule.runs)


def freely(design: Design, on: Mapping[str, str], joined: Pairs) -> Schedule:
    """Arrays run freely beside one another."""
    arrays: dict[str, tuple[str, ...]] = {}
    for spec in design.specs:
        arrays[on[spec.name]] = (*arrays.get(on[spec.name], ()), spec.name)
    return Schedule(phases=(Phase(name="run", steps=(arrays,)),), as_one=joined, runs=design.schedule.runs)
