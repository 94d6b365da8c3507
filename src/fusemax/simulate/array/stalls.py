"""Why units were idle: every idle cycle of a unit's table gets one cause, so that busy and idle cycles add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusemax.simulate.array.expand import Slot
from fusemax.simulate.array.program import Program
from fusemax.simulate.array.stream import Stream
from fusemax.simulate.array.timing import Timing

__all__ = ["CAUSES", "stalls"]

CAUSES = {
    "skew": "the first word needs N - 1 hops right and down before every unit works, and as many to the end",
    "fill": "stages that wait for their first tile",
    "drain": "stages whose last tile has gone",
    "waiting for returns": "no tile enters, because its queries' last tile has not come back",
    "slots without work": "slots of an epoch in which the binding gives the unit nothing to do",
    "one row at a time": "words move to or from one row of the array while the other rows pass them on",
    "division epilogue": "an epoch made longer by a row that ends a query",
}
"""Cause -> what it means."""


def stalls(timed: Timing, stream: Stream, program: Program, unit: str) -> dict[str, float]:
    """Cause -> cycles in which a unit (`pe` or `lane`) on average did nothing; only causes that occur."""
    edge = program.layout.edge
    found = dict.fromkeys(CAUSES, 0.0)
    found["skew"] = float(2 * edge - 1)
    first, end = program.work
    table = program.slots[unit][first:end]
    epoch = np.repeat(np.arange(len(program.starts) - 1), np.diff(program.starts))[first:end]
    place = np.arange(first, end) - program.starts[epoch]
    idle = table < 0
    found["division epilogue"] = float(np.sum(idle & (place >= timed.period)))
    regular = idle & (place < timed.period)
    rows = {slot.slot: slot for slot in timed.of(unit) if slot.when == "always"}
    empty = np.bincount(place[regular], minlength=timed.period)
    for at, count in enumerate(empty.tolist()):
        if count and at in rows:
            for cause, cycles in _missing(rows[at], timed, stream, epoch[regular & (place == at)]).items():
                found[cause] += cycles
        else:
            found["slots without work"] += count
    single = [number for number, slot in enumerate(timed.slots) if slot.unit == unit and slot.only is not None]
    found["one row at a time"] = float(np.sum(np.isin(table, single))) * (edge - 1) / edge
    return {cause: cycles for cause, cycles in found.items() if cycles}


def _missing(slot: Slot, timed: Timing, stream: Stream, epochs: NDArray[np.int64]) -> dict[str, int]:
    """Why a row had no tile in some epochs."""
    entered = epochs - timed.lags[slot.stage]
    return {
        "fill": int(np.sum(entered < 0)), "drain": int(np.sum(entered >= stream.epochs)),
        "waiting for returns": int(np.sum((entered >= 0) & (entered < stream.epochs))),
    }  # fmt: skip
