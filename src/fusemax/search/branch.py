"""Branch and bound: parts of a space with a bound each, the most promising first, until what is left cannot win.

A `Part` is opened into smaller parts, evaluated into points, or has a task that does both, for any process to do. What
is not looked at is counted by the bound that said so.

Tasks are done in rounds: some of the most promising, each knowing the best of the rounds before, and nothing of the
others. So neither the answer nor any count depends on who does them, nor on how many there are. The first rounds are
small, to have something to prune by.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fusemax.search.goal import Figures, Leaders, Place, Point

__all__ = ["Engine", "Look", "Outcome", "Part", "Run", "Solve", "Tally", "outcome_of", "walk"]

MOST_LIGHT = 128
MOST_TASKS = 8


@dataclass
class Tally:
    """Points evaluated, pruned by each bound, and those that do not fit or follow."""

    evaluated: int = 0
    pruned: dict[str, int] = field(default_factory=dict)
    infeasible: int = 0

    def prune(self, by: str, number: int) -> None:
        """Count points that a bound leaves out."""
        if number:
            self.pruned[by] = self.pruned.get(by, 0) + number

    def add(self, other: Tally) -> None:
        """Count what another has counted."""
        self.evaluated += other.evaluated
        self.infeasible += other.infeasible
        for by, number in other.pruned.items():
            self.prune(by, number)


@dataclass(frozen=True)
class Part:
    """Points of a space: no figure of any of them is below ``bound``, and no place before ``place``.

    One of ``points`` (its legal points; the others are infeasible), ``open`` and ``task`` is given. ``is_first``:
    looked at at once, to have something to prune by. ``is_light``: its task only opens it, and soon.
    """

    bound: Figures
    by: str
    place: Place
    size: int
    points: Callable[[], Iterable[Point]] | None = field(default=None, repr=False)
    open: Callable[[], Iterator[Part]] | None = field(default=None, repr=False)
    task: object | None = field(default=None, repr=False)
    is_first: bool = False
    is_light: bool = False


@dataclass(frozen=True)
class Run:
    """What a task works with: the best it knows, its own counts, and what it calls often, which may raise."""

    leaders: Leaders
    tally: Tally
    within: Callable[[], None]


Solve = Callable[[object, Run], Iterable[Part]]
"""Does a task: the parts that remain of it."""
Look = Callable[[Leaders, Tally], None]
"""Called often with what a task knows and has counted so far."""


@dataclass(frozen=True)
class Outcome:
    """What came of a task: designs that none known before beats, what was counted, and the parts that remain."""

    points: tuple[Point, ...]
    tally: Tally
    parts: tuple[Part, ...]


def outcome_of(solve: Solve, task: object, leaders: Leaders, look: Look) -> Outcome:
    """Do a task, knowing some leaders, which stay as they are."""
    run_leaders, tally = leaders.copy(), Tally()
    run = Run(run_leaders, tally, lambda: look(run_leaders, tally))
    parts = tuple(solve(task, run))
    known = {point.place for point in leaders}
    return Outcome(tuple(point for point in run_leaders if point.place not in known), tally, parts)


class Engine(Protocol):
    """Does the tasks of a round, here or elsewhere."""

    def run(self, tasks: Sequence[object], leaders: Leaders, look: Look) -> list[Outcome]:
        """What came of each, in their order."""


class _Walk:
    def __init__(self, leaders: Leaders, tally: Tally, exhaustive: bool, engine: Engine) -> None:
        self.leaders = leaders
        self.tally = tally
        self.exhaustive = exhaustive
        self.engine = engine
        self.most = 1
        self._number = itertools.count()
        self._heap: list[tuple[tuple[float, ...], int, Part]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, part: Part) -> None:
        if part.is_first and part.points is not None:
            self._take(part)
            return
        key = (*self.leaders.goal.order(part.bound), *part.place)
        heapq.heappush(self._heap, (key, next(self._number), part))

    def next(self) -> list[Part]:
        """The parts of the next round: tasks of one kind, or one part without; none at the end."""
        found: list[Part] = []
        while self._heap:
            part = self._heap[0][2]
            if not self.exhaustive and self.leaders.beats(part.bound, part.place):
                self.tally.prune(part.by, part.size)
                heapq.heappop(self._heap)
                continue
            most = MOST_LIGHT if part.is_light else self.most
            if found and (part.task is None or part.is_light != found[0].is_light or len(found) >= most):
                break
            found.append(heapq.heappop(self._heap)[2])
            if part.task is None:
                break
        if found and found[0].task is not None and not found[0].is_light:
            self.most = min(2 * self.most, MOST_TASKS)
        return found

    def do(self, parts: Sequence[Part], look: Look) -> None:
        """Do a round."""
        if parts[0].points is not None:
            self._take(parts[0])
        elif parts[0].open is not None:
            for inner in parts[0].open():
                self.push(inner)
        else:
            for outcome in self.engine.run([part.task for part in parts], self.leaders, look):
                for point in outcome.points:
                    self.leaders.offer(point)
                self.tally.add(outcome.tally)
                for inner in outcome.parts:
                    self.push(inner)

    def _take(self, part: Part) -> None:
        assert part.points is not None
        found = list(part.points())
        for point in found:
            self.leaders.offer(point)
        self.tally.evaluated += len(found)
        self.tally.infeasible += part.size - len(found)


def walk(
    parts: Iterable[Part], leaders: Leaders, tally: Tally, exhaustive: bool, engine: Engine,
    at_round: Callable[[int], None], look: Look,
) -> None:  # fmt: skip
    """Go through all parts; ``leaders`` has the best afterwards.

    ``at_round`` is called before each round with how many parts are open, ``look`` within rounds; both may raise.
    """
    found = _Walk(leaders, tally, exhaustive, engine)
    for part in parts:
        found.push(part)
    while chosen := found.next():
        at_round(len(found) + len(chosen))
        found.do(chosen, look)
