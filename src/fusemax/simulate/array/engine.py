"""The machine's words and the choice of who steps them: compiled code where numba is, NumPy otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise

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
    """What the engine counted.

    `cycles` gone by; PEs and lanes that worked in them, and PEs that did so on products; `late`: words read before
    they were there; `finished`: the last cycle in which lane 0 worked on each tile. `steady_pe` and `steady_lane` are
    busy shares within a window of whole epochs in which every unit was in its steady state, None when there was none.
    """

    cycles: int
    busy_pe: int
    busy_lane: int
    late: int
    products: int
    finished: tuple[int, ...]
    steady_pe: float | None = None
    steady_lane: float | None = None


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
    finished: Ints

    @classmethod
    def new(cls, program: Program, memory: Words) -> Machine:
        """A machine before its first cycle."""
        layout = program.layout
        state = np.full((layout.rows, layout.edge + 1), np.nan, np.float32)
        state[layout.constant(0) :] = program.pe_constants[:, None]
        lanes = np.full((max(1, program.lane_registers), layout.edge), np.nan, np.float32)
        ready = np.full(memory.size, -1, np.int64)
        tiles = int(program.tiles["lane"].max()) + 1
        return cls(state, lanes, memory, ready, np.zeros(4, np.int64), np.full(tiles, -1, np.int64))


@cache
def engine(name: str) -> Callable[..., None]:
    """`advance(begin, end, ...)` by name; MissingExtra when "compiled" lacks numba."""
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
    window = _steady(program)
    at = sorted({0, cycles, *(window or ())})
    seen = {0: (0, 0)}
    with np.errstate(all="ignore"):
        for begin, end in pairwise(at):
            engine(name)(
                begin, end, edge, program.pe, program.lane, machine.state, machine.lane_registers,
                program.lane_constants, program.lines, POWERS, memory, machine.ready, delay, words, machine.counts,
                machine.finished,
            )  # fmt: skip
            seen[end] = (int(machine.counts[0]), int(machine.counts[1]))
    shares: list[float | None] = [None, None]
    if window is not None:
        units = (window[1] - window[0]) * edge
        pe, lane = (b - a for a, b in zip(seen[window[0]], seen[window[1]], strict=True))
        shares = [pe / (units * edge), lane / units]
    pe, lane, late, products = (int(count) for count in machine.counts)
    return Counts(cycles, pe, lane, late, products, tuple(machine.finished.tolist()), *shares)


def _steady(program: Program) -> tuple[int, int] | None:
    """Cycles between which every unit is in the epochs in which all stages work, a whole number of them."""
    first, last = program.steady
    if first == last:
        return None
    begin = int(program.starts[first]) + 3 * program.layout.edge
    period = int(program.starts[first + 1] - program.starts[first])
    whole = (int(program.starts[last]) - begin) // period
    return (begin, begin + whole * period) if whole > 0 else None
