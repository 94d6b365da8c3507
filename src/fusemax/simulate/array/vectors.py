"""The clock on NumPy alone: the same machine as `compiled`, diagonals and lanes that do the same taken together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusemax.simulate.array.operations import OPERATIONS, Words, apply
from fusemax.simulate.array.program import CONSTANT, LANE_COLUMNS, MEMORY, OWN, PE_COLUMNS, REGISTER, RESULT, TOP
from fusemax.simulate.array.words import FORMATS, to_words

__all__ = ["advance"]

Ints = NDArray[np.int64]
(OP, A, A_STEP, B, B_STEP, C, C_STEP, TO, RIGHT, RIGHT_STEP, DOWN, DOWN_STEP, LEFT_FEED, TOP_FEED, ONLY, ROUND) = range(
    len(PE_COLUMNS)
)
(L_OP, KA, IA, KB, IB, KC, IC, L_TO, READ, WRITE, KW, IW) = range(len(LANE_COLUMNS))
NOP = OPERATIONS.index("nop")
_FORMS = tuple(FORMATS)


def advance(
    begin: int, end: int, edge: int, pe: Ints, lane: Ints, state: Words, registers: Words, constants: Words,
    lines: Words, powers: Words, memory: Words, ready: Ints, delay: int, words: int, counts: Ints,
) -> None:  # fmt: skip
    """Run cycles begin .. end - 1, as `compiled.advance` does."""
    pe_kinds = _kinds(np.delete(pe, (LEFT_FEED, TOP_FEED), axis=1))
    lane_kinds = _kinds(np.delete(lane, (READ, WRITE), axis=1))
    places = np.arange(edge)
    for t in range(begin, end):
        _lanes(t, edge, lane, lane_kinds, places, state, registers, constants, lines, memory, ready, delay, counts)
        _enter(t, edge, pe, places, state, memory, ready, counts)
        low, high = max(0, t - len(pe) + 1), min(2 * edge - 2, t)
        if low <= high:
            counts[0] += _array(t, low, high, edge, pe, pe_kinds, state, lines, words)


def _kinds(table: Ints) -> Ints:
    """A number per row that is equal where rows are."""
    found: Ints = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
    return found


def _groups(kinds: Ints) -> list[Ints]:
    """Positions of each kind."""
    order = np.argsort(kinds, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1)


def _array(
    t: int, low: int, high: int, edge: int, pe: Ints, kinds: Ints, state: Words, lines: Words, words: int
) -> int:
    """Step all diagonals from `low` to `high`: compute everything first, then store, since links are read before."""
    span = 2 * edge
    u = t - np.arange(low, high + 1)
    work, stores = 0, []
    for group in _groups(kinds[u]):
        row = pe[u[group[0]]]
        d = low + group
        where: Ints | slice = _slice(d) if len(set(np.diff(d).tolist())) <= 1 else d
        left, top = _source(state, row, RIGHT, where, d), _source(state, row, DOWN, where, d)
        result = left
        if row[OP] != NOP:
            a, b, c = (_source(state, row, key, where, d) for key in (A, B, C))
            result = apply(int(row[OP]), a, b, c, lines)
            if row[ROUND] and words:
                result = to_words(result, _FORMS[words])
            work += int(np.sum(_sizes(d, edge) if row[ONLY] < 0 else _holds(d, edge, row[ONLY])))
        if row[ONLY] >= 0:
            sent = state[span + d].copy()
            sent[:, row[ONLY]] = (result if row[DOWN] == RESULT else top)[:, row[ONLY]]
            stores.append((d, left.copy(), sent, row, result))
            continue
        right = result if row[RIGHT] == RESULT else left
        down = result if row[DOWN] == RESULT else top
        stores.append((d, np.array(right), np.array(down), row, result))
    for d, right, down, row, result in stores:
        state[d + 1] = right
        state[span + d + 1, 1:] = down[:, :-1]
        if row[TO] >= 0:
            if row[ONLY] < 0:
                state[row[TO] + d] = result
            else:
                state[row[TO] + d, row[ONLY]] = result[:, row[ONLY]]
    return work


def _slice(d: Ints) -> slice:
    step = int(d[1] - d[0]) if len(d) > 1 else 1
    return slice(int(d[0]), int(d[-1]) + 1, step)


def _source(state: Words, row: Ints, key: int, where: Ints | slice, d: Ints) -> Words:
    """The words of an operand or send on some diagonals; those of a result stand for nothing yet."""
    base = int(row[key])
    if base == RESULT:
        base = 0
    if not row[key + 1]:
        return np.broadcast_to(state[base], (len(d), state.shape[1]))
    if isinstance(where, slice):
        return state[base + where.start : base + where.stop : where.step]
    return state[base + where]


def _sizes(d: Ints, edge: int) -> Ints:
    """PEs of diagonals."""
    found: Ints = np.minimum(edge - 1, d) - np.maximum(0, d - edge + 1) + 1
    return found


def _holds(d: Ints, edge: int, row: int) -> NDArray[np.bool_]:
    """Whether diagonals have a PE in a row of the array."""
    return (d >= row) & (d - row < edge)


def _lanes(
    t: int, edge: int, table: Ints, kinds: Ints, places: Ints, state: Words, registers: Words, constants: Words,
    lines: Words, memory: Words, ready: Ints, delay: int, counts: Ints,
) -> None:  # fmt: skip
    lanes = places[(t - edge - places >= 0) & (t - edge - places < len(table))]
    u = t - edge - lanes
    busy = table[u, L_OP] != NOP if len(u) else np.zeros(0, np.bool_)
    lanes, u = lanes[busy], u[busy]
    counts[1] += len(lanes)
    for group in _groups(kinds[u]) if len(u) else []:
        row, some = table[u[group[0]]], lanes[group]
        reads, writes = table[u[group], READ] + some, table[u[group], WRITE] + some
        word = np.full(len(some), np.nan, np.float32)
        if row[READ] >= 0:
            word = memory[reads]
            counts[2] += int(np.sum(ready[reads] > t))
        top = state[3 * edge + some, edge]

        def operand(kind: int, index: int, some: Ints = some, top: Words = top, word: Words = word) -> Words:
            if kind in (TOP, MEMORY):
                return top if kind == TOP else word
            value = registers[index, some] if kind == REGISTER else constants[index] if kind == CONSTANT else np.nan
            return np.full(len(some), value, np.float32)

        a, b, c = (operand(int(row[k]), int(row[k + 1])) for k in (KA, KB, KC))
        result = apply(int(row[L_OP]), a, b, c, lines)
        if row[WRITE] >= 0:
            memory[writes] = result if row[KW] == OWN else operand(int(row[KW]), int(row[IW]))
            ready[writes] = t + delay
        if row[L_TO] >= 0:
            registers[row[L_TO], some] = result


def _enter(
    t: int, edge: int, table: Ints, places: Ints, state: Words, memory: Words, ready: Ints, counts: Ints
) -> None:
    """What the ports put on the first column's and first row's links."""
    some = places[(t - places >= 0) & (t - places < len(table))]
    if not len(some):
        return
    for first, key in ((0, LEFT_FEED), (2 * edge, TOP_FEED)):
        word = table[t - some, key]
        fed, address = word >= 0, np.maximum(word, 0) + some
        values = np.where(fed, memory[address], np.float32(np.nan))
        state[first + some, some if key == LEFT_FEED else 0] = values
        counts[2] += int(np.sum(fed & (ready[address] > t)))
