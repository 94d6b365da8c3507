"""The clock: every PE, lane, link, register and memory word of the machine, cycle by cycle.

PEs are stored by diagonal: PE (r, c) is word r of diagonal r + c, so that all PEs of a diagonal do the same row
of the table in the same cycle and their neighbours' words lie side by side: what PE (r, c) finds on its left link
is word r of diagonal r + c - 1, on its top link word r - 1 of it. Diagonals are stepped from the last to the
first, so a link still holds what was sent in the cycle before. Compiled with numba where it is installed; the same
code runs, slowly, without it. A link that nobody drives and a register that nobody wrote hold NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusemax.simulate.array.program import (
    CONSTANT,
    LEFT,
    MEMORY,
    OPERATIONS,
    REGISTER,
    RESULT,
    TOP,
)

if TYPE_CHECKING:
    from fusemax.simulate.array.program import Table

__all__ = ["FORMATS", "Machine", "engine", "pack"]

FORMATS = {"float32": 0, "bfloat16": 1, "float16": 2}
_KEYS = ("op", "ka", "ia", "kb", "ib", "kc", "ic", "to", "kd", "id", "kr", "ir", "left", "top", "read", "write", "kw",
         "iw", "round")  # fmt: skip
(OP, KA, IA, KB, IB, KC, IC, TO, KD, ID, KR, IR, FL, FT, RD, WR, KW, IW, RND) = range(len(_KEYS))
NOP, MUL, MAC, MSUB, ADD, SUB, MAX, DIV, MOVE, SCALE, LINE, EXP = range(len(OPERATIONS))
NAN = np.float32(np.nan)
LOWEST = -126
POWERS = np.ldexp(np.float32(1.0), np.arange(LOWEST, 128)).astype(np.float32)

Words = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass
class Machine:
    """The state: links by diagonal with a border for what enters, registers, memory; the only mutable data here.

    `ready[w]` is the first cycle in which memory word w may be read. `counts` is busy PE cycles, busy lane
    cycles, and words read before they were there.
    """

    right: Words
    down: Words
    registers: Words
    lane_registers: Words
    memory: Words
    ready: Rows
    counts: Rows

    @classmethod
    def new(cls, edge: int, registers: int, lane_registers: int, memory: Words) -> Machine:
        """All links and registers undefined."""
        links = (2 * edge + 1, edge + 1)
        return cls(
            np.full(links, NAN), np.full(links, NAN), np.full((registers, 2 * edge - 1, edge), NAN),
            np.full((lane_registers, edge), NAN), memory, np.full(memory.size, -1, np.int64), np.zeros(3, np.int64),
        )  # fmt: skip


def pack(table: Table) -> Rows:
    """A unit's table as one array [cycle, column] for the engine."""
    return np.ascontiguousarray(np.column_stack([table.rows[key] for key in _KEYS]))


def _rounded(x: np.float32, kind: int) -> np.float32:
    """x to the nearest word of a format, ties to even (Veltkamp's splitting)."""
    if kind == 0 or not np.isfinite(x):
        return x
    if kind == 2 and abs(x) < np.float32(6.103515625e-05):  # float16 is subnormal: multiples of 2^-24
        return np.float32(np.float32(x + np.float32(0.75)) - np.float32(0.75))
    c = np.float32(x * np.float32(65537.0 if kind == 1 else 8193.0))
    high = np.float32(c - np.float32(c - x))
    if kind == 2 and abs(high) > np.float32(65504.0):
        return np.float32(np.inf) if high > 0 else np.float32(-np.inf)
    return high


def _apply(op: int, a: np.float32, b: np.float32, c: np.float32, lines: Words, powers: Words) -> np.float32:
    """One operation on float32 words. A subtraction from -inf stays -inf: the guarded exponent of masked scores."""
    if op == MAC:
        return np.float32(a * b + c)
    if op == MUL:
        return np.float32(a * b)
    if op == ADD:
        return np.float32(a + b)
    if op == SUB:
        return a if a == -np.inf else np.float32(a - b)
    if op == MSUB:
        return np.float32(a * b - c)
    if op == MAX:
        return max(a, b)
    if op == DIV:
        return np.float32(a / b)
    if op == SCALE:  # b is n + 1.5 * 2^23
        n = np.float32(b - np.float32(12582912.0))
        return np.float32(a * powers[min(int(n), 127) - LOWEST]) if n >= LOWEST else np.float32(0.0)
    if op == LINE:
        k = min(max(int((a + np.float32(0.5)) * len(lines)), 0), len(lines) - 1)
        return np.float32(lines[k, 0] * a + lines[k, 1])
    if op == EXP:
        return np.float32(np.exp(a))
    return a


def _picked(kind: int, left: np.float32, top: np.float32, word: np.float32, register: np.float32) -> np.float32:
    if kind == LEFT:
        return left
    if kind == TOP:
        return top
    if kind == MEMORY:
        return word
    return register if kind in (REGISTER, CONSTANT) else NAN


def _make(jit: Callable[[Any], Any]) -> Callable[..., None]:
    rounded, apply, picked = jit(_rounded), jit(_apply), jit(_picked)

    def lanes(
        t: int, edge: int, rows: Rows, down: Words, registers: Words, constants: Words, lines: Words, powers: Words,
        memory: Words, ready: Rows, delay: int, counts: Rows,
    ) -> None:  # fmt: skip
        for c in range(edge):
            u = t - edge - c
            if u < 0 or u >= len(rows) or rows[u, OP] == NOP:
                continue
            word = NAN
            if rows[u, RD] >= 0:
                word = memory[rows[u, RD] + c]
                counts[2] += ready[rows[u, RD] + c] > t
            top = down[edge + c, edge]
            a = picked(rows[u, KA], NAN, top, word, _value(rows[u, KA], rows[u, IA], registers, c, constants))
            b = picked(rows[u, KB], NAN, top, word, _value(rows[u, KB], rows[u, IB], registers, c, constants))
            d = picked(rows[u, KC], NAN, top, word, _value(rows[u, KC], rows[u, IC], registers, c, constants))
            result = apply(rows[u, OP], a, b, d, lines, powers)
            if rows[u, WR] >= 0:
                memory[rows[u, WR] + c] = result if rows[u, KW] == RESULT else registers[rows[u, IW], c]
                ready[rows[u, WR] + c] = t + delay
            if rows[u, TO] >= 0:
                registers[rows[u, TO], c] = result
            counts[1] += 1

    def value(kind: int, index: int, registers: Words, c: int, constants: Words) -> np.float32:
        held: np.float32 = registers[index, c] if kind == REGISTER else constants[index] if kind == CONSTANT else NAN
        return held

    _value = jit(value)

    def enter(
        t: int, edge: int, rows: Rows, right: Words, down: Words, memory: Words, ready: Rows, words: int, counts: Rows
    ) -> None:
        """What the ports put on the first column's and first row's links; words from the left are rounded."""
        for i in range(edge):
            u = t - i
            if u < 0 or u >= len(rows):
                continue
            right[i, i + 1] = rounded(memory[rows[u, FL] + i], words) if rows[u, FL] >= 0 else NAN
            down[i, 0] = memory[rows[u, FT] + i] if rows[u, FT] >= 0 else NAN
            if rows[u, FT] >= 0:
                counts[2] += ready[rows[u, FT] + i] > t

    def into_register(row: Rows, d: int, low: int, high: int, right: Words, down: Words, registers: Words) -> None:
        """left * top + register, both words passed on: without branches, since this fills half of an epoch."""
        to, source = row[TO], row[IC]
        for i in range(low, high):
            left, top = right[d, i + 1], down[d, i]
            registers[to, d, i] = left * top + registers[source, d, i]
            right[d + 1, i + 1] = left
            down[d + 1, i + 1] = top

    def down_column(row: Rows, d: int, low: int, high: int, right: Words, down: Words, registers: Words) -> None:
        """register * left + top, the sum sent down: the other half."""
        source = row[IA]
        for i in range(low, high):
            left = right[d, i + 1]
            right[d + 1, i + 1] = left
            down[d + 1, i + 1] = registers[source, d, i] * left + down[d, i]

    def any_row(
        row: Rows, d: int, low: int, high: int, right: Words, down: Words, registers: Words, constants: Words,
        lines: Words, powers: Words, words: int,
    ) -> None:  # fmt: skip
        for i in range(low, high):
            left, top = right[d, i + 1], down[d, i]
            a = picked(row[KA], left, top, NAN, _held(row[KA], row[IA], registers, d, i, constants))
            b = picked(row[KB], left, top, NAN, _held(row[KB], row[IB], registers, d, i, constants))
            c = picked(row[KC], left, top, NAN, _held(row[KC], row[IC], registers, d, i, constants))
            result = apply(row[OP], a, b, c, lines, powers)
            sent_down = result if row[KD] == RESULT else picked(
                row[KD], left, top, NAN, _held(row[KD], row[ID], registers, d, i, constants)
            )  # fmt: skip
            sent_right = result if row[KR] == RESULT else picked(
                row[KR], left, top, NAN, _held(row[KR], row[IR], registers, d, i, constants)
            )  # fmt: skip
            down[d + 1, i + 1] = sent_down
            right[d + 1, i + 1] = sent_right
            if row[TO] >= 0:
                registers[row[TO], d, i] = rounded(result, words) if row[RND] else result

    def held(kind: int, index: int, registers: Words, d: int, i: int, constants: Words) -> np.float32:
        found: np.float32 = (
            registers[index, d, i] if kind == REGISTER else constants[index] if kind == CONSTANT else NAN
        )
        return found

    _held = jit(held)
    lanes, enter = jit(lanes), jit(enter)
    into_register, down_column, any_row = jit(into_register), jit(down_column), jit(any_row)

    def advance(
        begin: int, end: int, edge: int, pe: Rows, lane: Rows, right: Words, down: Words, registers: Words,
        lane_registers: Words, constants: Words, lines: Words, powers: Words, memory: Words, ready: Rows,
        delay: int, words: int, counts: Rows,
    ) -> None:  # fmt: skip
        for t in range(begin, end):
            lanes(t, edge, lane, down, lane_registers, constants, lines, powers, memory, ready, delay, counts)
            enter(t, edge, pe, right, down, memory, ready, words, counts)
            for d in range(min(2 * edge - 2, t), max(-1, t - len(pe)), -1):
                row = pe[t - d]
                low, high = max(0, d - edge + 1), min(edge - 1, d) + 1
                counts[0] += (high - low) * (row[OP] != NOP)
                products = row[OP] == MAC and row[KR] == LEFT and row[RND] == 0
                if products and row[KA] == LEFT and row[KB] == TOP and row[KC] == REGISTER and row[KD] == TOP:
                    into_register(row, d, low, high, right, down, registers)
                elif products and row[KA] == REGISTER and row[KB] == LEFT and row[KC] == TOP and row[TO] < 0:
                    down_column(row, d, low, high, right, down, registers)
                else:
                    any_row(row, d, low, high, right, down, registers, constants, lines, powers, words)

    return jit(advance)  # type: ignore[no-any-return]


@cache
def engine() -> Callable[..., None]:
    """`advance(begin, end, ...)`: run cycles begin .. end - 1, compiled when numba is installed."""
    try:
        import numba
    except ImportError:
        return _make(lambda function: function)
    return _make(numba.njit(error_model="numpy"))
