"""The schedule of one epoch: which Einsums of the arrays run beside one another, so that an epoch is shortest.

A modulo-scheduling problem: every Einsum of a tile takes its array for a known number of cycles, each epoch runs each
of them once (on tiles of different age: dependences only move an Einsum to a later epoch), and a step ends with its
slowest array. An array runs its Einsums in the cascade's order; where in it an epoch begins is free for every array but
the first. Cutting the orders into steps is a shortest path over how many Einsums of each array are done, found
exactly; no epoch is shorter than the busiest array, and one that meets that bound ends the search.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Epoch", "least_epoch", "steps_of"]

Loads = Mapping[str, Sequence[tuple[str, float]]]
Steps = tuple[Mapping[str, tuple[str, ...]], ...]
Done = tuple[int, ...]


@dataclass(frozen=True)
class Epoch:
    """Steps of an epoch, its cycles, and the least it could take: the cycles of the busiest array."""

    steps: Steps
    cycles: float
    bound: float


def least_epoch(loads: Loads, num_steps: int) -> Epoch:
    """The shortest epoch of ``num_steps`` steps.

    ``loads``: for each array its Einsums in order, with the cycles each takes of a tile. Of equal epochs the first
    wins: by where the arrays begin, then by the cuts, those of the last step first. ValueError when there are fewer
    Einsums than steps.
    """
    bound = max(sum(cycles for _, cycles in each) for each in loads.values())
    best: Epoch | None = None
    for ordered in _rotations(loads):
        found = _cut(ordered, num_steps, bound)
        if found is not None and (best is None or found.cycles < best.cycles):
            best = found
        if best is not None and best.cycles <= bound:
            break
    if best is None:
        raise ValueError(f"an epoch of {num_steps} steps needs as many Einsums")
    return best


def _rotations(loads: Loads) -> Iterator[dict[str, list[tuple[str, float]]]]:
    names = list(loads)
    turns = [range(1), *(range(max(1, len(loads[name]))) for name in names[1:])]
    for chosen in itertools.product(*turns):
        yield {name: [*loads[name][turn:], *loads[name][:turn]] for name, turn in zip(names, chosen, strict=True)}


def _cut(ordered: Loads, num_steps: int, bound: float) -> Epoch | None:
    """The shortest epoch of these orders: least cycles to every state after each step, from the states before."""
    sums = [[0.0, *itertools.accumulate(cycles for _, cycles in each)] for each in ordered.values()]
    states: list[Done] = list(itertools.product(*(range(len(each)) for each in sums)))
    last = tuple(len(each) - 1 for each in sums)
    least: dict[Done, tuple[float, tuple[Done, ...]]] = {states[0]: (0.0, (states[0],))}
    for step in range(num_steps):
        reached: dict[Done, tuple[float, tuple[Done, ...]]] = {}
        for after in states if step < num_steps - 1 else [last]:
            for before, (cycles, path) in least.items():
                if before == after or any(b > a for b, a in zip(before, after, strict=True)):
                    continue
                longest = max(each[a] - each[b] for each, b, a in zip(sums, before, after, strict=True))
                if after not in reached or cycles + longest < reached[after][0]:
                    reached[after] = (cycles + longest, (*path, after))
        least = reached
    if last not in least:
        return None
    cycles, path = least[last]
    steps = []
    for before, after in itertools.pairwise(path):
        step_of = zip(ordered.items(), before, after, strict=True)
        steps.append({name: tuple(n for n, _ in each[b:a]) for (name, each), b, a in step_of if a > b})
    return Epoch(tuple(steps), cycles, bound)


_STEPS: dict[tuple[object, ...], Steps] = {}


def steps_of(loads: Loads, num_steps: int) -> Steps:
    """The steps of the shortest epoch, remembered."""
    key = (num_steps, *((on, *each) for on, each in loads.items()))
    if key not in _STEPS:
        if len(_STEPS) > 4096:
            _STEPS.clear()
        _STEPS[key] = least_epoch(loads, num_steps).steps
    return _STEPS[key]
