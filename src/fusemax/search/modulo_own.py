"""A modulo schedule at one interval by branch and bound: starts, or a proof that there are none.

Two operations of one unit are apart on the circle of the interval when, for a whole number m, one ends before the other
of m intervals later starts, and that one before the first of the next interval. With all m chosen, and with the copies
of every value, what is left are differences of starts: a longest path says whether they can be kept. Branching is over
the pair with the fewest m still possible, then over the copies; the least copies that the paths ask for must fit.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusemax.search.modulo import Problem, Storage, Value, horizon_of

__all__ = ["OutOfNodes", "starts_at"]

Least = npt.NDArray[np.int64]
_NEVER = -(1 << 40)


class OutOfNodes(Exception):
    """The branch and bound took more steps than it was given."""


def starts_at(problem: Problem, interval: int, nodes: int | None = None) -> dict[str, int] | None:
    """Starts of the operations, or None where the interval is impossible. OutOfNodes after so many branches."""
    if any(one.cycles > interval for one in problem.operations):
        return None
    names = [one.name for one in problem.operations]
    at = {name: i + 1 for i, name in enumerate(names)}  # 0 is the start of the tile
    least = np.full((len(names) + 1, len(names) + 1), _NEVER, dtype=np.int64)
    np.fill_diagonal(least, 0)
    least[0, 1:] = 0
    least[1:, 0] = -horizon_of(problem, interval)
    for need in problem.dependences:
        i, j = at[need.before], at[need.after]
        least[i, j] = max(least[i, j], need.delay - interval * need.distance)
    if not _close(least):
        return None
    pairs = tuple(
        (at[one.name], at[two.name], one.cycles, two.cycles)
        for one, two in itertools.combinations(problem.operations, 2)
        if one.unit == two.unit
    )
    found = _Search(pairs, problem.storages, at, interval, [nodes]).apart(least)
    return None if found is None else {name: int(found[0, at[name]]) for name in names}


def _close(least: Least) -> bool:
    """Longest paths between all starts, in place; whether none contradicts another."""
    for k in range(len(least)):
        np.maximum(least, least[:, k : k + 1] + least[k : k + 1, :], out=least)
    np.maximum(least, _NEVER, out=least)
    return bool((np.diagonal(least) <= 0).all())


def _with(least: Least, i: int, j: int, amount: int) -> Least | None:
    """The paths when j also starts ``amount`` after i; None where that contradicts."""
    if least[i, j] >= amount:
        return least
    if least[j, i] + amount > 0:
        return None
    found: Least = np.maximum(least, (least[:, i : i + 1] + amount) + least[j : j + 1, :])
    return found


@dataclass(frozen=True)
class _Search:
    pairs: tuple[tuple[int, int, int, int], ...]
    storages: tuple[Storage, ...]
    at: dict[str, int]
    interval: int
    nodes: list[int | None]

    def apart(self, least: Least) -> Least | None:
        """Paths under which all operations of a unit are apart and all values have room."""
        if self.nodes[0] is not None:
            if not self.nodes[0]:
                raise OutOfNodes
            self.nodes[0] -= 1
        if not all(self._fits(storage, least) for storage in self.storages):
            return None
        best: list[int] | None = None
        chosen = (0, 0, 0, 0)
        for pair in self.pairs:
            turns = _turns(least, pair, self.interval)
            if turns is None:
                continue
            if not turns:
                return None
            if best is None or len(turns) < len(best):
                best, chosen = turns, pair
        if best is None:
            every = [(storage, value) for storage in self.storages for value in storage.values]
            return self._housed(least, every, {storage.name: storage.words for storage in self.storages})
        i, j, own, other = chosen
        for turn in best:
            made = _with(least, i, j, own - self.interval * turn)
            if made is not None:
                made = _with(made, j, i, other - self.interval * (1 - turn))
            found = None if made is None else self.apart(made)
            if found is not None:
                return found
        return None

    def _period(self, value: Value) -> tuple[int, int]:
        """Words of a copy, and the cycles that it lasts."""
        return (1, 1) if value.streams else (value.words, self.interval)

    def _copies(self, value: Value, least: Least) -> int:
        """Copies of a value that the paths ask for at least."""
        _, period = self._period(value)
        longest = max(int(least[self.at[value.before], self.at[after]]) + tail for after, tail in value.readers)
        return max(1, -(-longest // period))

    def _fits(self, storage: Storage, least: Least) -> bool:
        held = sum(self._period(value)[0] * self._copies(value, least) for value in storage.values)
        return held <= storage.words

    def _housed(self, least: Least, left: list[tuple[Storage, Value]], room: dict[str, int]) -> Least | None:
        """Paths under which values live no longer than copies last, which have room."""
        if not left:
            return least
        (storage, value), rest = left[0], left[1:]
        words, period = self._period(value)
        copies = self._copies(value, least)
        while words * copies <= room[storage.name]:
            made: Least | None = least
            for after, tail in value.readers:
                if made is not None:
                    made = _with(made, self.at[after], self.at[value.before], tail - copies * period)
            if made is not None:
                found = self._housed(made, rest, {**room, storage.name: room[storage.name] - words * copies})
                if found is not None:
                    return found
            copies += 1
        return None


def _turns(least: Least, pair: tuple[int, int, int, int], interval: int) -> list[int] | None:
    """The m that are possible for a pair, those near 0 first; None where it is apart already."""
    i, j, own, other = pair
    low, high = int(least[i, j]), -int(least[j, i])  # of start j minus start i
    found = []
    for turn in range((own - high) // interval, (interval - low) // interval + 2):
        # own - interval * turn <= start j - start i <= interval * (1 - turn) - other
        first, last = own - interval * turn, interval * (1 - turn) - other
        if max(first, low) <= min(last, high):
            if first <= low and high <= last:
                return None
            found.append(turn)
    return sorted(found, key=lambda turn: (abs(turn), turn))
