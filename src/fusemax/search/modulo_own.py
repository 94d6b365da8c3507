"""A modulo schedule at one interval by branch and bound: starts, or a proof that there are none.

Two operations of one unit are apart on the circle of the interval when, for a whole number m, one ends before the other
of m intervals later starts, and that one before the first of the next interval. With all m chosen, and with the copies
of every value, what is left are differences of starts: a longest path says whether they can be kept. Branching is over
the pair with the fewest m still possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fusemax.search.modulo import Problem, Storage, horizon_of

__all__ = ["starts_at"]

Least = npt.NDArray[np.int64]
_NEVER = -(1 << 40)


def starts_at(problem: Problem, interval: int) -> dict[str, int] | None:
    """Starts of the operations, or None where the interval is impossible."""
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
    pairs = [
        (at[one.name], at[two.name], one.cycles, two.cycles)
        for one, two in itertools.combinations(problem.operations, 2)
        if one.unit == two.unit
    ]
    for held in _storages(problem.storages, least, at, interval):
        found = _branch(held, pairs, interval)
        if found is not None:
            return {name: int(found[0, at[name]]) for name in names}
    return None


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


def _storages(storages: tuple[Storage, ...], least: Least, at: dict[str, int], interval: int) -> Iterator[Least]:
    """The paths under every way to share out the storages: how long each value may live."""
    if not storages:
        yield least
        return
    first, rest = storages[0], storages[1:]
    for lives in _shares(first, least, at, interval):
        made: Least | None = least
        for value, life in zip(first.values, lives, strict=True):
            if made is not None:
                made = _with(made, at[value.after], at[value.before], -life)
        if made is not None:
            yield from _storages(rest, made, at, interval)


def _shares(storage: Storage, least: Least, at: dict[str, int], interval: int) -> Iterator[tuple[int, ...]]:
    """Cycles from start to start that each value may take, for every way in which no word is left for one more copy."""
    each = []
    for value in storage.values:
        shortest = int(least[at[value.before], at[value.after]])
        words, period = (1, 1) if value.streams else (value.words, interval)
        tail = 1 if value.streams else value.tail
        needed = max(1, -(-(shortest + tail) // period))
        each.append((words, period, tail, needed))
    spare = storage.words - sum(words * needed for words, _, _, needed in each)
    if spare < 0:
        return
    for extra in _fillings([words for words, *_ in each], spare):
        yield tuple(
            (needed + more) * period - tail for (_, period, tail, needed), more in zip(each, extra, strict=True)
        )


def _fillings(words: list[int], spare: int) -> Iterator[tuple[int, ...]]:
    """Numbers of further copies that fit together and leave no room for another."""

    def go(i: int, left: int) -> Iterator[tuple[int, ...]]:
        if i == len(words):
            if not words or left < min(words):
                yield ()
            return
        for number in range(left // words[i], -1, -1):
            for rest in go(i + 1, left - number * words[i]):
                yield (number, *rest)

    yield from go(0, spare)


def _branch(least: Least, pairs: list[tuple[int, int, int, int]], interval: int) -> Least | None:
    best: list[int] | None = None
    chosen = (0, 0, 0, 0)
    for pair in pairs:
        turns = _turns(least, pair, interval)
        if turns is None:
            continue
        if not turns:
            return None
        if best is None or len(turns) < len(best):
            best, chosen = turns, pair
    if best is None:
        return least
    i, j, own, other = chosen
    for turn in best:
        made = _with(least, i, j, own - interval * turn)
        if made is not None:
            made = _with(made, j, i, other - interval * (1 - turn))
        if made is not None:
            found = _branch(made, pairs, interval)
            if found is not None:
                return found
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
