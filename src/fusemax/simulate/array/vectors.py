"""The clock on NumPy alone: the same machine as `compiled`, diagonals and lanes that do the same taken together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusemax.simulate.array.operations import OPERATIONS, Words, apply
from fusemax.simulate.array.program import CONSTANT, LANE_COLUMNS, MEMORY, OWN, PE_COLUMNS, REGISTER, RESULT, TOP
from fusemax.simulate.array.words import FORMATS, to_words

__all__ = ["advance"]

Ints = NDArray[np.int64]
(OP, A, A_STEP, B, B_STEP, C, C_STEP, TO, RIGHT, RIGHT_STEP, DOWN, DOWN_STEP, LEFT_FEED, TOP_FEED, ONLY, ROUND,
 PRODUCT) = range(len(PE_COLUMNS))  # fmt: skip
(L_OP, KA, IA, KB, IB, KC, IC, L_TO, READ, WRITE, KW, IW, TILE) = range(len(LANE_COLUMNS))
NOP = OPERATIONS.index("nop")


def advance(
    begin: int, end: int, edge: int, pe: Ints, lane: Ints, state: Words, registers: Words, constants: Words,
    lines: Words, powers: Words, memory: Words, ready: Ints, delay: int, words: int, counts: Ints, finished: Ints,
    out: Words,
) -> None:  # fmt: skip
    """Run cycles begin .. end - 1, as `compiled.advance` does."""
    clock = _Clock(edge, pe, lane, state, registers, constants, lines, memory, ready, delay, words, counts, finished)
    for t in range(begin, end):
        clock.lanes(t)
        clock.enter(t)
        clock.array(t)


def _kinds(table: Ints) -> Ints:
    """A number per row that is equal where rows are."""
    found: Ints = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
    return found


def _groups(kinds: Ints) -> list[Ints]:
    """Positions of each kind."""
    order = np.argsort(kinds, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1)


def _places(d: Ints) -> slice | Ints:
    """Diagonals as a slice where they are equally far apart, which NumPy reads without a copy."""
    if len(d) == 1:
        return slice(int(d[0]), int(d[0]) + 1, 1)
    steps = np.diff(d)
    return slice(int(d[0]), int(d[-1]) + 1, int(steps[0])) if np.all(steps == steps[0]) else d


@dataclass
class _Clock:
    """What `advance` got, and what rows of the tables are alike."""

    edge: int
    pe: Ints
    lane: Ints
    state: Words
    registers: Words
    constants: Words
    lines: Words
    memory: Words
    ready: Ints
    delay: int
    words: int
    counts: Ints
    finished: Ints
    pe_kinds: Ints = field(init=False)
    lane_kinds: Ints = field(init=False)
    units: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.pe_kinds = _kinds(np.delete(self.pe, (LEFT_FEED, TOP_FEED), axis=1))
        self.lane_kinds = _kinds(np.delete(self.lane, (READ, WRITE, TILE), axis=1))
        self.units = np.arange(self.edge)

    def array(self, t: int) -> None:
        """Step all diagonals: compute everything first, then store, since links are read before they change."""
        low, high = max(0, t - len(self.pe) + 1), min(2 * self.edge - 2, t)
        if low > high:
            return
        u = t - np.arange(low, high + 1)
        stores = [self._diagonals(low + group, self.pe[u[group[0]]]) for group in _groups(self.pe_kinds[u])]
        span = 2 * self.edge
        for d, right, down, row, result in stores:
            self.state[d + 1] = right
            self.state[span + d + 1, 1:] = down[:, :-1]
            if row[TO] >= 0 and row[ONLY] < 0:
                self.state[row[TO] + d] = result
            elif row[TO] >= 0:
                self.state[row[TO] + d, row[ONLY]] = result[:, row[ONLY]]

    def _diagonals(self, d: Ints, row: Ints) -> tuple[Ints, Words, Words, Ints, Words]:
        """What diagonals that do the same send right and down, and their result."""
        where = _places(d)
        right, down = self._source(row, RIGHT, where, d), self._source(row, DOWN, where, d)
        result = right
        if row[OP] != NOP:
            a, b, c = (self._source(row, key, where, d) for key in (A, B, C))
            result = apply(int(row[OP]), a, b, c, self.lines)
            if row[ROUND] and self.words:
                result = to_words(result, FORMATS[self.words])
            self._count(d, row)
        if row[ONLY] >= 0:
            sent = self.state[2 * self.edge + d]
            sent[:, row[ONLY]] = (result if row[DOWN] == RESULT else down)[:, row[ONLY]]
            return d, np.array(right), sent, row, result
        right = result if row[RIGHT] == RESULT else np.array(right)
        down = result if row[DOWN] == RESULT else np.array(down)
        return d, right, down, row, result

    def _count(self, d: Ints, row: Ints) -> None:
        low, high = np.maximum(0, d - self.edge + 1), np.minimum(self.edge - 1, d)
        some = high - low + 1 if row[ONLY] < 0 else (row[ONLY] >= low) & (row[ONLY] <= high)
        worked = int(np.sum(some))
        self.counts[0] += worked
        self.counts[3] += worked * int(row[PRODUCT])

    def _source(self, row: Ints, key: int, where: Ints | slice, d: Ints) -> Words:
        """The words of an operand or send on some diagonals; the result stands for nothing yet."""
        base = max(0, int(row[key]))
        if not row[key + 1]:
            return np.broadcast_to(self.state[base], (len(d), self.state.shape[1]))
        if isinstance(where, slice):
            return self.state[base + where.start : base + where.stop : where.step]
        return self.state[base + where]

    def lanes(self, t: int) -> None:
        """Step all lanes."""
        u = t - self.edge - self.units
        lanes = self.units[(u >= 0) & (u < len(self.lane))]
        lanes = lanes[self.lane[u[lanes], L_OP] != NOP]
        if not len(lanes):
            return
        self.counts[1] += len(lanes)
        if lanes[0] == 0:
            self.finished[self.lane[u[0], TILE]] = t
        for group in _groups(self.lane_kinds[u[lanes]]):
            self._alike(t, lanes[group], self.lane[u[lanes[group]]])

    def _alike(self, t: int, lanes: Ints, rows: Ints) -> None:
        """Step lanes that do the same; rows differ in addresses at most."""
        row = rows[0]
        top = self.state[3 * self.edge + lanes, self.edge]
        word = np.full(len(lanes), np.nan, np.float32)
        if row[READ] >= 0:
            word = self.memory[rows[:, READ] + lanes]
            self.counts[2] += int(np.sum(self.ready[rows[:, READ] + lanes] > t))

        def operand(kind: int, index: int) -> Words:
            if kind in (TOP, MEMORY):
                return top if kind == TOP else word
            held = kind == REGISTER
            value = self.registers[index, lanes] if held else self.constants[index] if kind == CONSTANT else np.nan
            return np.full(len(lanes), value, np.float32)

        a, b, c = (operand(int(row[key]), int(row[key + 1])) for key in (KA, KB, KC))
        result = apply(int(row[L_OP]), a, b, c, self.lines)
        if row[WRITE] >= 0:
            self.memory[rows[:, WRITE] + lanes] = result if row[KW] == OWN else operand(int(row[KW]), int(row[IW]))
            self.ready[rows[:, WRITE] + lanes] = t + self.delay
        if row[L_TO] >= 0:
            self.registers[row[L_TO], lanes] = result

    def enter(self, t: int) -> None:
        """What the ports put on the first column's and first row's links."""
        u = t - self.units
        some = self.units[(u >= 0) & (u < len(self.pe))]
        if not len(some):
            return
        for first, key in ((0, LEFT_FEED), (2 * self.edge, TOP_FEED)):
            word = self.pe[u[some], key]
            fed, address = word >= 0, np.maximum(word, 0) + some
            self.state[first + some, some if key == LEFT_FEED else 0] = np.where(
                fed, self.memory[address], np.float32(np.nan)
            )
            self.counts[2] += int(np.sum(fed & (self.ready[address] > t)))
