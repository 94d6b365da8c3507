"""The machine's words and the choice of who steps them: compiled code where numba is, NumPy otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UnknownName
from fusemax.simulate.array.operations import POWERS, Words
from fusemax.simulate.array.program import Program

__all__ = ["ENGINES", "Counts", "Machine", "engine", "run"]

ENGINES = ("auto", "compiled", "vectors")
SMALL = 3e6  # PE cycles under which loading the compiled engine takes longer than NumPy does
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """What the engine counted: cycles gone by, PEs and lanes that worked in them, words read before they were there."""

    cycles: int
    busy_pe: int
    busy_lane: int
    late: int


@dataclass
class Machine:
    """The state, the only mutable data here; everything is undefined (NaN) at the start.

    `state` holds links and registers of the PEs by diagonal (`Layout`), `ready[w]` is the first cycle in which
    memory word w may be read.
    """

    state: Words
    lane_registers: Words
    memory: Words
    ready: Ints
    counts: Ints

    @classmethod
    def new(cls, program: Program, memory: Words) -> Machine:
        """A machine before its first cycle."""
        layout = program.layout
        state = np.full((layout.rows, layout.edge + 1), np.nan, np.float32)
        state[layout.constant(0) :] = program.pe_constants[:, None]
        lanes = np.full((max(1, program.lane_registers), layout.edge), np.nan, np.float32)
        return cls(state, lanes, memory, np.full(memory.size, -1, np.int64), np.zeros(3, np.int64))


@cache
def engine(name: str) -> Callable[..., None]:
    """`advance(begin, end, ...)` by name; "compiled" needs numba."""
    if name == "vectors":
        from fusemax.simulate.array.vectors import advance

        return advance
    from fusemax.base.errors import MissingExtra

    if find_spec("numba") is None:
        raise MissingExtra("numba", "simulate")
    from fusemax.simulate.array import compiled

    found: Callable[..., None] = compiled.advance
    return found


def run(program: Program, memory: Words, delay: int, words: int, name: str = "auto") -> Counts:
    """Run a program to its end on `memory`, which holds the output afterwards."""
    if name not in ENGINES:
        raise UnknownName("engine", name, ENGINES)
    edge = program.layout.edge
    cycles = program.length + 2 * edge - 1
    if name == "auto":
        large = cycles * edge * edge > SMALL and find_spec("numba") is not None
        name = "compiled" if large else "vectors"
    machine = Machine.new(program, memory)
    with np.errstate(all="ignore"):
        engine(name)(
            0, cycles, edge, program.pe, program.lane, machine.state, machine.lane_registers, program.lane_constants,
            program.lines, POWERS, machine.memory, machine.ready, delay, words, machine.counts,
        )  # fmt: skip
    return Counts(cycles, *(int(count) for count in machine.counts))
