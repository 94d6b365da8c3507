"""The clock, compiled: one function that steps every PE and lane through a range of cycles. Needs numba.

PEs are stored by diagonal: PE (r, c) is word r of the rows of diagonal r + c, so that all PEs of a diagonal do the
same table row in the same cycle and their words lie side by side. Diagonals are stepped from the last to the first, so
that a link still holds what was sent in the cycle before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from fusemax.simulate.array.operations import LOWEST, MAGIC, OPERATIONS
from fusemax.simulate.array.program import CONSTANT, LANE_COLUMNS, MEMORY, OWN, PE_COLUMNS, REGISTER, RESULT, TOP

__all__ = ["advance"]

(OP, A, A_STEP, B, B_STEP, C, C_STEP, TO, RIGHT, RIGHT_STEP, DOWN, DOWN_STEP, LEFT_FEED, TOP_FEED, ONLY, ROUND,
 PRODUCT) = range(len(PE_COLUMNS))  # fmt: skip
(L_OP, KA, IA, KB, IB, KC, IC, L_TO, READ, WRITE, KW, IW, TILE) = range(len(LANE_COLUMNS))
NOP, MUL, MAC, MSUB, ADD, SUB, MAX, DIV, MOVE, KEEP, SCALE, LINE, EXP = range(len(OPERATIONS))
NAN = np.float32(np.nan)
ZERO, MINUS, HALF, SHIFT = np.float32(0), np.float32(-np.inf), np.float32(0.5), np.float32(MAGIC)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled, kept on disk where there is a place to write to.

    Nothing below allocates, so numba need not count references to views (`_nrt`), which takes half of the time.
    """
    njit: Callable[..., Any] = numba.njit
    for options in ({"_nrt": False, "cache": True}, {"_nrt": False}, {"cache": True}):
        try:
            found: Callable[..., Any] = njit(error_model="numpy", **options)(function)
        except (RuntimeError, KeyError, TypeError):  # no directory for the cache; no such option
            continue
        return found
    plain: Callable[..., Any] = njit(error_model="numpy")(function)
    return plain


@_compiled
def _rounded(x: Any, words: Any) -> Any:
    """x to the nearest word of a format (0 float32, 1 bfloat16, 2 float16), ties to even, by Veltkamp's splitting."""
    if words == 0 or not np.isfinite(x):
        return x
    if words == 2 and abs(x) < np.float32(6.103515625e-05):  # float16 is subnormal: multiples of 2^-24
        return np.float32(np.float32(x + np.float32(0.75)) - np.float32(0.75))
    c = np.float32(x * np.float32(65537.0 if words == 1 else 8193.0))
    high = np.float32(c - np.float32(c - x))
    if words == 2 and abs(high) > np.float32(65504.0):
        return np.float32(np.inf) if high > ZERO else MINUS
    return high


@_compiled
def _one(op: Any, a: Any, b: Any, c: Any, lines: Any, powers: Any) -> Any:
    """One operation on words; `operations` says what each does."""
    if op == MAC:
        return np.float32(a * b + c)
    if op == MUL:
        return np.float32(a * b)
    if op == ADD:
        return np.float32(a + b)
    if op == SUB:
        return a if a == MINUS else np.float32(a - b)
    if op == MSUB:
        return np.float32(a * b - c)
    if op == MAX:
        return a if a >= b or a != a else b
    if op == DIV:
        return ZERO if b == ZERO else np.float32(a / b)
    if op == KEEP:
        return a if b <= c else MINUS
    if op == SCALE:
        n = np.float32(b - SHIFT)
        if n != n:
            return n
        return np.float32(a * powers[int(min(n, np.float32(127))) - LOWEST]) if n >= LOWEST else ZERO
    if op == LINE:
        place = np.float32(((ZERO if a != a else a) + HALF) * np.float32(len(lines)))
        k = int(min(max(place, ZERO), np.float32(len(lines) - 1)))
        return np.float32(np.float32(lines[k, 0] * a) + lines[k, 1])
    if op == EXP:
        return np.float32(np.exp(np.float64(a)))
    return a


@_compiled
def _row(op: Any, a: Any, b: Any, c: Any, out: Any, lines: Any, powers: Any) -> None:
    """One operation on the words of a diagonal. The frequent ones have loops of their own, which become vectors."""
    if op == MAC:
        for i in range(len(out)):
            out[i] = a[i] * b[i] + c[i]
    elif op == MUL:
        for i in range(len(out)):
            out[i] = a[i] * b[i]
    elif op == ADD:
        for i in range(len(out)):
            out[i] = a[i] + b[i]
    elif op in (MOVE, NOP):
        for i in range(len(out)):
            out[i] = a[i]
    else:
        for i in range(len(out)):
            out[i] = _one(op, a[i], b[i], c[i], lines, powers)


@_compiled
def _copy(source: Any, target: Any) -> None:
    for i in range(len(target)):
        target[i] = source[i]


@_compiled
def _diagonal(row: Any, d: Any, edge: Any, state: Any, out: Any, lines: Any, powers: Any, words: Any) -> Any:
    """Step the PEs of one diagonal; returns how many of them worked."""
    low, high = max(0, d - edge + 1), min(edge - 1, d) + 1
    span = 2 * edge
    right, down = state[d + 1, low:high], state[span + d + 1, low + 1 : high + 1]
    if row[ONLY] >= 0:
        _copy(state[row[RIGHT] + row[RIGHT_STEP] * d, low:high], right)
        _copy(state[span + d, low:high], down)
        low, high = max(low, row[ONLY]), min(high, row[ONLY] + 1)
        if low >= high:
            return 0
        down = state[span + d + 1, low + 1 : high + 1]
    result = out[: high - low]
    if row[OP] != NOP:
        a = state[row[A] + row[A_STEP] * d, low:high]
        b = state[row[B] + row[B_STEP] * d, low:high]
        c = state[row[C] + row[C_STEP] * d, low:high]
        _row(row[OP], a, b, c, result, lines, powers)
        if row[ROUND] and words:
            for i in range(len(result)):
                result[i] = _rounded(result[i], words)
    if row[ONLY] < 0:
        _copy(result if row[RIGHT] == RESULT else state[row[RIGHT] + row[RIGHT_STEP] * d, low:high], right)
    _copy(result if row[DOWN] == RESULT else state[row[DOWN] + row[DOWN_STEP] * d, low:high], down)
    if row[TO] >= 0:
        _copy(result, state[row[TO] + d, low:high])
    return high - low if row[OP] != NOP else 0


@_compiled
def _operand(kind: Any, index: Any, lane: Any, top: Any, word: Any, registers: Any, constants: Any) -> Any:
    if kind == TOP:
        return top
    if kind == MEMORY:
        return word
    if kind == REGISTER:
        return registers[index, lane]
    if kind == CONSTANT:
        return constants[index]
    return NAN


@_compiled
def _lanes(
    t: Any, edge: Any, table: Any, state: Any, registers: Any, constants: Any, lines: Any, powers: Any, memory: Any,
    ready: Any, delay: Any, counts: Any, finished: Any,
) -> None:  # fmt: skip
    for lane in range(edge):
        u = t - edge - lane
        if u < 0 or u >= len(table) or table[u, L_OP] == NOP:
            continue
        row = table[u]
        word = NAN
        if row[READ] >= 0:
            word = memory[row[READ] + lane]
            counts[2] += ready[row[READ] + lane] > t
        top = state[2 * edge + edge + lane, edge]
        a = _operand(row[KA], row[IA], lane, top, word, registers, constants)
        b = _operand(row[KB], row[IB], lane, top, word, registers, constants)
        c = _operand(row[KC], row[IC], lane, top, word, registers, constants)
        result = _one(row[L_OP], a, b, c, lines, powers)
        if row[WRITE] >= 0:
            stored = result
            if row[KW] != OWN:
                stored = _operand(row[KW], row[IW], lane, top, word, registers, constants)
            memory[row[WRITE] + lane] = stored
            ready[row[WRITE] + lane] = t + delay
        if row[L_TO] >= 0:
            registers[row[L_TO], lane] = result
        counts[1] += 1
        if lane == 0:
            finished[row[TILE]] = t


@_compiled
def _enter(t: Any, edge: Any, table: Any, state: Any, memory: Any, ready: Any, counts: Any) -> None:
    """What the ports put on the first column's and first row's links."""
    for i in range(edge):
        u = t - i
        if u < 0 or u >= len(table):
            continue
        left, top = table[u, LEFT_FEED], table[u, TOP_FEED]
        state[i, i] = memory[left + i] if left >= 0 else NAN
        state[2 * edge + i, 0] = memory[top + i] if top >= 0 else NAN
        if left >= 0:
            counts[2] += ready[left + i] > t
        if top >= 0:
            counts[2] += ready[top + i] > t


@_compiled
def advance(
    begin: Any, end: Any, edge: Any, pe: Any, lane: Any, state: Any, registers: Any, constants: Any, lines: Any,
    powers: Any, memory: Any, ready: Any, delay: Any, words: Any, counts: Any, finished: Any, out: Any,
) -> None:  # fmt: skip
    """Run cycles begin .. end - 1. `counts` gets busy PE cycles, busy lane cycles, words read too early, and
    PE cycles spent on products; `finished` the last cycle in which lane 0 worked on each tile.
    """
    for t in range(begin, end):
        _lanes(t, edge, lane, state, registers, constants, lines, powers, memory, ready, delay, counts, finished)
        _enter(t, edge, pe, state, memory, ready, counts)
        for d in range(min(2 * edge - 2, t), max(-1, t - len(pe)), -1):
            worked = _diagonal(pe[t - d], d, edge, state, out, lines, powers, words)
            counts[0] += worked
            counts[3] += worked * pe[t - d, PRODUCT]
