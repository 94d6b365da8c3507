"""The machine's words and the choice of who steps them: compiled code where numba is, NumPy otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import numpy as np

from fusemax.base.errors import UnknownName
from fusemax.base.progress import Observer, ignore
from fusemax.simulate.array.operations import POWERS, Words
from fusemax.simulate.array.program import Program

__all__ = ["ENGINES", "Clock", "Counts", "engine", "run"]

ENGINES = ("auto", "compiled", "vectors")
SMALL = 2000  # cycles under which loading the compiled engine takes longer than NumPy does
STRIDE = 1 << 26  # PE cycles between looks at the clock
COMPILED = "fusemax.simulate.array.compiled"


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


class Clock:
    """A machine and its time; the only mutable thing here. Everything is undefined (NaN) before its first cycle.

    `state` holds links and registers of the PEs by diagonal (`Layout`), `ready[w]` is the first cycle in which
    memory word w may be read, `counts` and `finished` what `Counts` has.
    """

    def __init__(self, program: Program, memory: Words, delay: int, words: int, name: str = "auto") -> None:
        """`memory` holds the inputs and, at the end, the output; `name` is one of ENGINES."""
        if name not in ENGINES:
            raise UnknownName("engine", name, ENGINES)
        layout = program.layout
        edge = layout.edge
        self.now = program.work[0]
        self.cycles = program.work[1] + 2 * edge - 1
        large = (self.cycles > SMALL or COMPILED in sys.modules) and find_spec("numba") is not None
        self._step = engine(("compiled" if large else "vectors") if name == "auto" else name)
        self.state = np.full((layout.rows, edge + 1), np.nan, np.float32)
        self.state[layout.constant(0) :] = program.pe_constants[:, None]
        self.lane_registers = np.full((max(1, program.lane_registers), edge), np.nan, np.float32)
        self.counts = np.zeros(4, np.int64)
        self.finished = np.full(int(program.tiles["lane"].max()) + 1, -1, np.int64)
        self._arguments = (
            edge, program.pe, program.lane, self.state, self.lane_registers, program.lane_constants, program.lines,
            POWERS, memory, np.full(memory.size, -1, np.int64), delay, words, self.counts, self.finished,
            np.empty(edge, np.float32),
        )  # fmt: skip

    def advance(self, until: int) -> None:
        """Run the cycles before `until`."""
        with np.errstate(all="ignore"):
            self._step(self.now, until, *self._arguments)
        self.now = until


def run(
    program: Program, memory: Words, delay: int, words: int, name: str = "auto", observe: Observer = ignore
) -> Counts:
    """Run a program to its end on `memory`, which holds the output afterwards; `observe` hears of cycles."""
    clock = Clock(program, memory, delay, words, name)
    edge = program.layout.edge
    step = max(1, STRIDE // (edge * edge))  # compiled code does not see an interrupt
    window = _steady(program)
    begin = clock.now
    stops = sorted({*range(begin + step, clock.cycles, step), *(window or ()), clock.cycles})
    busy = {}
    for cycle in stops:
        clock.advance(cycle)
        observe(cycle - begin, clock.cycles - begin, "cycles")
        if window is not None and cycle in window:
            busy[cycle] = clock.counts.copy()
    shares: list[float | None] = [None, None]
    if window is not None:
        units = (window[1] - window[0]) * edge
        worked = busy[window[1]] - busy[window[0]]
        shares = [float(worked[0]) / (units * edge), float(worked[1]) / units]
    pe, lane, late, products = (int(count) for count in clock.counts)
    return Counts(clock.cycles - begin, pe, lane, late, products, tuple(clock.finished.tolist()), *shares)


def _steady(program: Program) -> tuple[int, int] | None:
    """Cycles between which every unit is in the epochs in which all stages work, a whole number of them."""
    first, last = program.steady
    if first == last:
        return None
    begin = int(program.starts[first]) + 3 * program.layout.edge
    period = int(program.starts[first + 1] - program.starts[first])
    whole = (int(program.starts[last]) - begin) // period
    return (begin, begin + whole * period) if whole > 0 else None
