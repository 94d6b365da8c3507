"""Lets a recorder see what the memory does: transfers in either direction, accesses of the buffer, what it holds."""

from __future__ import annotations

from fusemax.simulate.machine import Machine
from fusemax.simulate.memory import Bus, Fetch, Move
from fusemax.simulate.trace import Recorder

__all__ = ["watch"]


def watch(recorder: Recorder, machine: Machine, bus: Bus) -> None:
    """Note the bus's transfers and the ports' accesses from now on."""
    outer, level = machine.measured.outer, machine.measured.next

    def moved(move: Move) -> None:
        unit = f"{outer} read" if move.read else f"{outer} write"
        recorder.span(unit, move.tensor, move.start, move.end, key=move.key)

    def served(start: int, end: int) -> None:
        if end > start:
            recorder.span(f"{level} ports", "rows", start, end)

    def changed(time: int, fetch: Fetch) -> None:
        if fetch.ported:
            recorder.level(time, level, fetch.tensor, fetch.held)

    bus.observe = moved
    bus.changed = changed
    if bus.ports is not None:
        bus.ports.observe = served
