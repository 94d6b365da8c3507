"""How many words each register and each tensor in the buffer takes, at most at one time."""

from __future__ import annotations

import numpy as np

from fusemax.simulate.array.expand import Word
from fusemax.simulate.array.memory import Memory
from fusemax.simulate.array.program import Program
from fusemax.simulate.array.stream import Stream
from fusemax.simulate.array.timing import Timing

__all__ = ["peak_words"]


def peak_words(timed: Timing, stream: Stream, program: Program, memory: Memory) -> dict[str, dict[str, int]]:
    """Component -> tensor or register -> words.

    Registers are those of all PEs or lanes. A tile of a tensor is held in the buffer as a whole, from the first cycle
    in which one of its words is written or read to the last, outputs to the end.
    """
    edge = program.layout.edge
    found: dict[str, dict[str, int]] = {"array2d": {}, "array1d": {}, "buffer": {}}
    for (unit, register), copies in timed.copies.items():
        component, units = ("array2d", edge * edge) if unit == "pe" else ("array1d", edge)
        found[component][register] = copies * units
    for tensor, place in memory.places.items():
        most = _peak(tensor, timed, stream, program, memory)
        if most:
            found["buffer"][tensor] = most * place.words * edge
    return found


def _peak(tensor: str, timed: Timing, stream: Stream, program: Program, memory: Memory) -> int:
    """Most tiles of a tensor that are held at once."""
    place = memory.places[tensor]
    end = program.length + memory.array
    first, last = np.full(place.copies, end + 1), np.full(place.copies, -1)
    for number, slot in enumerate(timed.slots):
        touched: list[Word] = [*slot.words_read, *((slot.write[:2],) if slot.write else ())]
        if not any(word[0] == tensor for word in touched):
            continue
        at = np.flatnonzero(program.slots[slot.unit] == number)
        rows = memory.rows(tensor, 0, program.tiles[slot.unit][at], stream)
        copies = (rows - place.base) // (place.words * memory.array)
        cycles = at + (memory.array if slot.unit == "lane" else 0)  # lanes live N cycles behind the ports
        np.minimum.at(first, copies, cycles)
        np.maximum.at(last, copies, end if tensor == "AV" else cycles)
    used = last >= 0
    if not used.any():
        return 0
    change = np.zeros(end + 2, np.int64)
    np.add.at(change, first[used], 1)
    np.add.at(change, last[used] + 1, -1)
    return int(np.max(np.cumsum(change)))
