"""Branch and bound: parts of a space with a bound each, the most promising first, until what is left cannot win.

A `Part` is opened into smaller parts, or evaluated into points. What is not looked at is counted by the bound that said
so. The walk does not decide the answer: that is the total order of `goal`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from fusemax.search.goal import Figures, Leaders, Place, Point

__all__ = ["Part", "Tally", "walk"]


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


@dataclass(frozen=True)
class Part:
    """Points of a space: no figure of any of them is below ``bound``, and no place before ``place``.

    One of ``points`` (its legal points; the others are infeasible) and ``open`` is given. ``is_first``: looked at at
    once, to have something to prune by.
    """

    bound: Figures
    by: str
    place: Place
    size: int
    points: Callable[[], Iterable[Point]] | None = field(default=None, repr=False)
    open: Callable[[], Iterator[Part]] | None = field(default=None, repr=False)
    is_first: bool = False


def walk(parts: Iterable[Part], leaders: Leaders, tally: Tally, exhaustive: bool, at_part: Callable[[], None]) -> None:
    """Go through all parts; ``leaders`` has the best afterwards. ``at_part`` is called before each, and may raise."""
    number = itertools.count()
    heap: list[tuple[tuple[float, ...], int, Part]] = []

    def push(part: Part) -> None:
        if part.is_first and part.points is not None:
            take(part)
            return
        heapq.heappush(heap, ((*leaders.goal.order(part.bound), *part.place), next(number), part))

    def take(part: Part) -> None:
        assert part.points is not None
        found = list(part.points())
        for point in found:
            leaders.offer(point)
        tally.evaluated += len(found)
        tally.infeasible += part.size - len(found)

    for part in parts:
        push(part)
    while heap:
        part = heapq.heappop(heap)[2]
        if not exhaustive and leaders.beats(part.bound, part.place):
            tally.prune(part.by, part.size)
            continue
        at_part()
        if part.open is not None:
            for inner in part.open():
                push(inner)
        else:
            take(part)
