"""A timed binding and a stream of tiles -> flat tables of integers, one row per cycle of a unit's own clock.

A unit's clock starts when the first word can reach it: PE (r, c) lives r + c cycles behind PE (0, 0), lane c
N + c cycles behind it. In clock cycle u every PE does row u, so one table serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UsageError
from fusemax.simulate.array.exponential import LINE_TABLE, Exponential
from fusemax.simulate.array.timing import Operand, Slot, Timing

__all__ = ["OPERATIONS", "Memory", "Program", "Stream", "compile_program"]

OPERATIONS = ("nop", "mul", "mac", "msub", "add", "sub", "max", "div", "move", "scale", "line", "exp")
NONE, LEFT, TOP, MEMORY, REGISTER, CONSTANT, RESULT = range(7)
_LINKS = {"left": LEFT, "top": TOP, "memory": MEMORY, "result": RESULT}
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Stream:
    """`key_tiles` key tiles of `queries` query tiles each, keys outermost: tile n is (n // queries, n % queries)."""

    key_tiles: int
    queries: int

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return self.key_tiles * self.queries


@dataclass(frozen=True)
class Memory:
    """Where each tensor's words lie: `base + tile * words * array + index * array + lane`."""

    array: int
    bases: dict[str, int]
    words: dict[str, int]
    per_key: frozenset[str]
    size: int

    @classmethod
    def lay_out(cls, stream: Stream, array: int, head_size: int, value_head_size: int) -> Memory:
        """Tensors in order, each a row of `array` words per tile and index; a row of zeros and one of -inf first."""
        words = {
            "0": 1, "-inf": 1, "Q": head_size, "BK": head_size, "BV": value_head_size, "RM": 1, "RD": 1,
            "RNV": value_head_size, "AV": value_head_size,
        }  # fmt: skip
        per_key = frozenset({"BK", "BV"})
        bases, size = {}, 0
        for name, count in words.items():
            bases[name] = size
            tiles = 1 if name in ("0", "-inf") else stream.key_tiles if name in per_key else stream.queries
            size += tiles * count * array
        return cls(array, bases, words, per_key, size)

    def view(self, words: NDArray[np.float32], name: str, tiles: int) -> NDArray[np.float32]:
        """The tensor as [tile, index, lane]."""
        end = self.bases[name] + tiles * self.words[name] * self.array
        return words[self.bases[name] : end].reshape(tiles, self.words[name], self.array)


@dataclass(frozen=True)
class Table:
    """One unit's rows; kinds and indices of operands, destinations and sends, addresses of memory words (-1 none)."""

    rows: dict[str, Ints]
    registers: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """Everything the engine needs besides the words."""

    pe: Table
    lane: Table
    constants: NDArray[np.float32]
    line_table: NDArray[np.float32]
    length: int
    starts: Ints
    useful: int


COLUMNS = ("op", "ka", "ia", "kb", "ib", "kc", "ic", "to", "kd", "id", "kr", "ir", "left", "top", "read", "write",
           "kw", "iw", "round", "einsum", "tile")  # fmt: skip


def compile_program(
    timed: Timing, how: Exponential, stream: Stream, memory: Memory, einsums: tuple[str, ...]
) -> Program:
    """Lay the slots of every epoch out in time. An epoch in which a tile finishes its queries may last longer."""
    lags = timed.lags
    epochs = stream.tiles + max(lags.values())
    finishing = {lags[s.stage] for s in timed.slots if s.last_only}
    periods = np.full(epochs, timed.period, np.int64)
    for lag in finishing:
        tiles = np.arange(epochs) - lag
        periods[(tiles >= stream.tiles - stream.queries) & (tiles < stream.tiles)] = timed.last_period
    starts = np.concatenate([[0], np.cumsum(periods)])
    constants: dict[float, int] = {}
    tables = {}
    for unit in ("pe", "lane"):
        bases, names = _register_bases(timed, unit)
        rows = {name: np.full(int(starts[-1]), -1, np.int64) for name in COLUMNS}
        for kind in ("op", "ka", "kb", "kc", "kd", "kr", "kw", "round"):
            rows[kind][:] = 0
        for slot in (s for s in timed.slots if s.unit == unit):
            tiles = np.arange(epochs) - lags[slot.stage]
            there = (tiles >= 0) & (tiles < stream.tiles)
            if slot.last_only:
                there &= tiles >= stream.tiles - stream.queries
            at = starts[:-1][there] + slot.slot
            _fill(rows, slot, at, tiles[there], timed, bases, constants, stream, memory, einsums)
        tables[unit] = Table(rows, sum(c for (u, _), c in timed.copies.items() if u == unit), names)
    return Program(
        tables["pe"], tables["lane"], np.array(list(constants) or [0.0], np.float32),
        np.array(how.table or LINE_TABLE, np.float32), int(starts[-1]), starts, stream.tiles,
    )  # fmt: skip


def _register_bases(timed: Timing, unit: str) -> tuple[dict[str, int], tuple[str, ...]]:
    bases: dict[str, int] = {}
    names: list[str] = []
    for (owner, register), copies in timed.copies.items():
        if owner == unit:
            bases[register] = len(names)
            names += [f"{register}.{i}" if copies > 1 else register for i in range(copies)]
    return bases, tuple(names)


def _fill(
    rows: dict[str, Ints], slot: Slot, at: Ints, tiles: Ints, timed: Timing, bases: dict[str, int],
    constants: dict[float, int], stream: Stream, memory: Memory, einsums: tuple[str, ...],
) -> None:  # fmt: skip
    def physical(register: str) -> Ints:
        if register not in bases:
            raise UsageError(f"{slot.einsum}: register '{register}' of a {slot.unit} is never written")
        return bases[register] + tiles % timed.copies[slot.unit, register]

    def operand(value: Operand | None) -> tuple[int, Ints | int]:
        if value is None:
            return NONE, 0
        if isinstance(value, str) and value in _LINKS:
            return _LINKS[value], 0
        if isinstance(value, str):
            return REGISTER, physical(value)
        return CONSTANT, constants.setdefault(float(value), len(constants))

    def address(word: tuple[str, int]) -> Ints:
        name, index = word
        tile = tiles // stream.queries if name in memory.per_key else tiles % stream.queries
        return memory.bases[name] + (tile * memory.words[name] + index) * memory.array

    rows["op"][at] = OPERATIONS.index(slot.do)
    rows["einsum"][at] = einsums.index(slot.einsum)
    rows["tile"][at] = tiles
    operands = [*slot.of, None, None, None][:3]
    for key, value in zip("abc", operands, strict=True):
        rows["k" + key][at], rows["i" + key][at] = operand(value)
    for key, value in (("d", slot.down), ("r", slot.right)):
        rows["k" + key][at], rows["i" + key][at] = operand(value)
    if slot.to is not None:
        rows["to"][at] = physical(slot.to)
    for side, name, index in slot.feed:
        word = (name, index) if isinstance(name, str) else ("-inf" if name < 0 else "0", 0)
        rows[side][at] = address(word) if isinstance(name, str) else memory.bases[word[0]]
    if slot.read is not None:
        rows["read"][at] = address(slot.read)
    if slot.write is not None:
        rows["write"][at] = address(slot.write[:2])
        rows["kw"][at], rows["iw"][at] = operand(slot.write[2])
    rows["round"][at] = int(slot.unit == "pe" and slot.to == "SLN" and slot.do in ("scale", "exp", "mul"))
