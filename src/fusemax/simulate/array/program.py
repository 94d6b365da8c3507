"""A timed binding and a stream of tiles -> flat tables of integers, one row per cycle of a unit's own clock.

A unit's clock starts when the first word can reach it: PE (r, c) lives r + c cycles behind PE (0, 0), lane c
N + c cycles behind it. In clock cycle u every PE does row u, so one table serves them all.

The state of the array is one matrix of words whose rows belong to a diagonal r + c (`Layout`); a source of an operand
is therefore a row `base + step * diagonal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fusemax.simulate.array.expand import Operand, Slot, Word
from fusemax.simulate.array.exponential import LINE_TABLE
from fusemax.simulate.array.memory import Memory
from fusemax.simulate.array.operations import OPERATIONS
from fusemax.simulate.array.stream import Stream
from fusemax.simulate.array.timing import Timing

__all__ = ["LANE_COLUMNS", "PE_COLUMNS", "RESULT", "Layout", "Program", "compile_program"]

Ints = NDArray[np.int64]
PE_COLUMNS = (
    "op", "a", "a_step", "b", "b_step", "c", "c_step", "to", "right", "right_step", "down", "down_step", "left_feed",
    "top_feed", "only", "round", "product",
)  # fmt: skip
LANE_COLUMNS = ("op", "ka", "ia", "kb", "ib", "kc", "ic", "to", "read", "write", "kw", "iw", "tile")
NOTHING, TOP, MEMORY, REGISTER, CONSTANT, OWN = range(6)
"""Kinds of a lane's operands."""
RESULT = -2
"""In place of a row: the result of the operation."""


@dataclass(frozen=True)
class Layout:
    """Rows of the array's state: what arrives at each diagonal from the left and from the top, registers, constants.

    Constant 0 is NaN: what is on a link nobody drives.
    """

    edge: int
    registers: int
    constants: int

    @property
    def diagonals(self) -> int:
        """Rows per link or register: one per diagonal, one more for what leaves the array."""
        return 2 * self.edge

    @property
    def left(self) -> int:
        """First row of the words that arrive from the left."""
        return 0

    @property
    def top(self) -> int:
        """First row of the words that arrive from the top."""
        return self.diagonals

    def register(self, number: int) -> int:
        """First row of a register."""
        return (2 + number) * self.diagonals

    def constant(self, number: int) -> int:
        """Row of a constant."""
        return (2 + self.registers) * self.diagonals + number

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.constant(self.constants)


@dataclass(frozen=True)
class Program:
    """Everything the engine needs besides the words in memory.

    `pe` and `lane` are the tables as [clock cycle, column]; `slots` and `tiles` say which slot of the timing and
    which tile every clock cycle of a unit works on (-1: idle). `starts` are the first cycles of the epochs and the end,
    `steady` the first epoch of the longest run in which every stage has a tile, and the epoch after it.
    """

    layout: Layout
    pe: Ints
    lane: Ints
    pe_constants: NDArray[np.float32]
    lane_registers: int
    lane_constants: NDArray[np.float32]
    lines: NDArray[np.float32]
    starts: Ints
    steady: tuple[int, int]
    slots: dict[str, Ints]
    tiles: dict[str, Ints]

    @property
    def length(self) -> int:
        """Cycles of a unit's own clock."""
        return int(self.starts[-1])

    @cached_property
    def work(self) -> tuple[int, int]:
        """The first cycle of the units' clocks in which one of them works, and the cycle after the last."""
        busy = np.flatnonzero((self.slots["pe"] >= 0) | (self.slots["lane"] >= 0))
        return int(busy[0]), int(busy[-1]) + 1


def compile_program(timed: Timing, stream: Stream, memory: Memory) -> Program:
    """Lay the slots of every epoch out in time. An epoch in which a tile is its query's last may last longer."""
    tiles = np.arange(stream.tiles)
    starts = _starts(timed, stream)
    tables = {unit: _Table(timed, unit, len(starts), int(starts[-1])) for unit in ("pe", "lane")}
    for number, slot in enumerate(timed.slots):
        there = tiles[_applies(slot.when, stream)]
        at = starts[stream.epoch[there] + timed.lags[slot.stage]] + slot.slot
        tables[slot.unit].fill(number, slot, at, there, stream, memory)
    pe, lane = tables["pe"], tables["lane"]
    layout = Layout(memory.array, timed.registers("pe"), len(pe.constants))
    return Program(
        layout, pe.packed_for_array(layout), lane.packed_for_lanes(), pe.constant_words, timed.registers("lane"),
        lane.constant_words, np.array(timed.sizes.how.table or LINE_TABLE, np.float32), starts,
        _steady(timed, stream, starts),
        {unit: table.columns["slot"] for unit, table in tables.items()},
        {unit: table.columns["tile"] for unit, table in tables.items()},
    )  # fmt: skip


def _applies(when: str, stream: Stream) -> NDArray[np.bool_]:
    conditions = {"last": stream.last, "above": stream.above, "below": stream.below}
    return conditions[when] if when in conditions else np.ones(stream.tiles, np.bool_)


def _starts(timed: Timing, stream: Stream) -> Ints:
    """First cycle of every epoch, and the cycle after the last one."""
    periods = np.full(stream.epochs + max(timed.lags.values()), timed.period, np.int64)
    for slot in timed.slots:
        if slot.when == "last":
            ending = stream.epoch[stream.last] + timed.lags[slot.stage]
            periods[ending] = np.maximum(periods[ending], slot.slot + 1)
    return np.concatenate([[0], np.cumsum(periods)])


def _steady(timed: Timing, stream: Stream, starts: Ints) -> tuple[int, int]:
    """The longest run of epochs of plain length in which every stage has a tile."""
    full = np.diff(starts) == timed.period
    for lag in timed.lags.values():
        there = np.zeros(len(full), np.bool_)
        there[stream.epoch + lag] = True
        full &= there
    edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]])))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


class _Table:
    """A unit's table while it is filled: columns by name."""

    def __init__(self, timed: Timing, unit: str, epochs: int, length: int) -> None:
        self.timed = timed
        self.unit = unit
        self.constants: dict[float, int] = {float("nan"): 0}
        self.bases: dict[str, int] = {}
        count = 0
        for (owner, register), copies in timed.copies.items():
            if owner == unit:
                self.bases[register] = count
                count += copies
        names = ("slot", "tile", "to", "left_feed", "top_feed", "read", "write", "only")
        zero = ("op", "ka", "ia", "kb", "ib", "kc", "ic", "kd", "id", "kr", "ir", "kw", "iw", "round", "product")
        self.columns = {name: np.full(length, -1, np.int64) for name in names}
        self.columns |= {name: np.zeros(length, np.int64) for name in zero}

    @property
    def constant_words(self) -> NDArray[np.float32]:
        """Values of the constants."""
        return np.array(list(self.constants), np.float32)

    def fill(self, number: int, slot: Slot, at: Ints, tiles: Ints, stream: Stream, memory: Memory) -> None:
        """Enter one slot at cycles `at`, where it works on `tiles`."""
        c = self.columns
        c["slot"][at], c["tile"][at] = number, tiles
        c["op"][at] = OPERATIONS.index(slot.do)
        for key, value in zip("abc", [*slot.of, None, None, None][:3], strict=True):
            c["k" + key][at], c["i" + key][at] = self._operand(value, tiles)
        for key, value in (("r", slot.right), ("d", slot.down), ("w", slot.write[2] if slot.write else None)):
            c["k" + key][at], c["i" + key][at] = self._operand(value, tiles)
        if slot.to is not None:
            c["to"][at] = self._register(slot.to, tiles)
        for side, name, index in slot.feed:
            row = memory.constant(name) if not isinstance(name, str) else memory.rows(name, index, tiles, stream)
            c[f"{side}_feed"][at] = row
        for port, word in (("read", slot.read), ("write", slot.write[:2] if slot.write else None)):
            if word is not None:
                c[port][at] = memory.rows(*word, tiles, stream)
        c["only"][at] = -1 if slot.only is None else slot.only
        c["round"][at], c["product"][at] = int(slot.round), int(slot.is_product)

    def _register(self, name: str, tiles: Ints) -> Ints:
        found: Ints = self.bases[name] + tiles % self.timed.copies[self.unit, name]
        return found

    def _operand(self, value: Operand | None, tiles: Ints) -> tuple[int, Ints | int]:
        if value is None:
            return _NOTHING, 0
        if isinstance(value, str):
            return (_LINKS[value], 0) if value in _LINKS else (_REGISTER, self._register(value, tiles))
        return _CONSTANT, self.constants.setdefault(float(value), len(self.constants))

    def packed_for_array(self, layout: Layout) -> Ints:
        """The table of the PEs: sources as rows of the state."""
        c = self.columns
        columns: dict[str, Ints] = {k: c[k] for k in ("op", "only", "round", "product", "left_feed", "top_feed")}
        columns["to"] = np.where(c["to"] < 0, -1, layout.register(0) + c["to"] * layout.diagonals)
        for name, key in (("a", "a"), ("b", "b"), ("c", "c"), ("right", "r"), ("down", "d")):
            kind, index = c["k" + key], c["i" + key]
            choices = [
                np.full_like(kind, layout.constant(0)), np.full_like(kind, layout.left), np.full_like(kind, layout.top),
                layout.register(0) + index * layout.diagonals, layout.constant(0) + index, np.full_like(kind, RESULT),
                np.full_like(kind, layout.constant(0)),
            ]  # fmt: skip
            columns[name] = np.choose(kind, choices)
            columns[name + "_step"] = np.isin(kind, (_LEFT, _TOP, _REGISTER)).astype(np.int64)
        return np.ascontiguousarray(np.column_stack([columns[name] for name in PE_COLUMNS]))

    def packed_for_lanes(self) -> Ints:
        """The table of the lanes."""
        kinds = np.array([NOTHING, NOTHING, TOP, REGISTER, CONSTANT, OWN, MEMORY])
        c = dict(self.columns)
        c |= {key: kinds[c[key]] for key in ("ka", "kb", "kc", "kw")}
        return np.ascontiguousarray(np.column_stack([c[name] for name in LANE_COLUMNS]))


_NOTHING, _LEFT, _TOP, _REGISTER, _CONSTANT, _RESULT, _MEMORY = range(7)
_LINKS = {"left": _LEFT, "top": _TOP, "result": _RESULT, "memory": _MEMORY}


def words_of(slot: Slot) -> tuple[Word, ...]:
    """Every memory word a slot touches."""
    return (*slot.words_read, *((slot.write[:2],) if slot.write else ()))
