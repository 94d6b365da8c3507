"""A search while it runs: how far it is, and the best designs so far, for whoever looks on.

    def draw(seen: Glimpse) -> None: ...
    search(..., watch=draw)

A glimpse is given when there is something to see, at most `RATE` times a second, and once more at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fusemax.base.progress import Observer
from fusemax.design.design import Design
from fusemax.search.branch import Tally
from fusemax.search.goal import Figures, Leaders, Place, Point

__all__ = ["RATE", "Glimpse", "Leading", "Lookout", "Watch", "words_of"]

RATE = 4.0
"""Glimpses a second, at most."""

EVALUATED = "designs evaluated"


@dataclass(frozen=True)
class Leading:
    """A design that no other one found so far beats."""

    figures: Figures
    """Seconds, pJ, bytes, um^2; NaN where a figure is unknown."""
    place: Place
    """In the space: equal places are the same design."""
    words: str
    """What tells it from others: ``M0 256, P0 256, P1 4; epoch of 3 steps; 2 streams; joined SPD+RD``."""


@dataclass(frozen=True)
class Glimpse:
    """How far a search is, and its front: with one objective the best design so far alone."""

    done: int
    """Designs evaluated."""
    total: int | None
    """Of how many; None: nobody knows what the bounds will leave out."""
    what: str
    """What is counted, and how many parts of the space are still to be looked at."""
    front: tuple[Leading, ...]
    """The best of the first objective first; empty while nothing is found."""


Watch = Callable[[Glimpse], None]


class Lookout:
    """Tells an observer and a watch of a search. Both may raise to end it."""

    def __init__(self, leaders: Leaders, tally: Tally, observe: Observer, watch: Watch | None) -> None:
        self._leaders = leaders
        self._tally = tally
        self._observe = observe
        self._watch = watch
        self._last = -1.0
        self._words: dict[Place, Leading] = {}
        self._what = EVALUATED

    def at_round(self, open_parts: int) -> None:
        """So many parts of the space are open, and some come next."""
        self._what = f"{EVALUATED}, {open_parts} parts of the space open"
        self._observe(self._tally.evaluated, None, self._what)
        if self._is_due():
            self._show(self._leaders, self._tally.evaluated)

    def within(self, leaders: Leaders, tally: Tally) -> None:
        """Called often inside a round, with what a task knows and has counted: tells at the rate of glimpses."""
        if self._is_due():
            done = self._tally.evaluated + (0 if tally is self._tally else tally.evaluated)
            self._observe(done, None, self._what)
            self._show(leaders, done)

    def at_end(self) -> None:
        """The answer as it is."""
        self._what = EVALUATED
        self._show(self._leaders, self._tally.evaluated)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < 1 / RATE:
            return False
        self._last = now
        return True

    def _show(self, leaders: Leaders, done: int) -> None:
        if self._watch is not None:
            front = tuple(self._leading(point) for point in leaders)
            self._words = {one.place: one for one in front}
            self._watch(Glimpse(done, None, self._what, front))

    def _leading(self, point: Point) -> Leading:
        known = self._words.get(point.place)
        return known or Leading(point.figures, point.place, point.words())


def words_of(design: Design, sizes: dict[str, int]) -> str:
    """What tells a found design from others: sizes of its tiles (those open in it from ``sizes``), its schedule."""
    parts = [
        f"{part} {sizes.get(str(text), text)}"
        for split in design.mapping.partition.values()
        for part, text in split.items()
        if text != "rest"
    ]
    schedule = design.schedule
    phases = [
        f"{phase.name} of {len(phase.steps)} steps" if len(phase.steps) > 1 else phase.name for phase in schedule.phases
    ]
    streams = f"{schedule.streams} streams" if schedule.streams > 1 else ""
    joined = "joined " + ", ".join("+".join(pair) for pair in schedule.as_one) if schedule.as_one else ""
    return "; ".join(text for text in (", ".join(parts), " then ".join(phases), streams, joined) if text)
