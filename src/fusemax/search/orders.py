"""The orders of the loops of a `Composition`, one task each, opened into tasks by the sizes of what is spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fusemax.cascade.ranks import variable_of
from fusemax.search.assign import BUSY, Assignment, Walk
from fusemax.search.branch import Part, Run, Tally
from fusemax.search.compose import Composition, Variant
from fusemax.search.floor import Floor
from fusemax.search.frame import Order, Skeleton, loops_of
from fusemax.search.goal import Bounds, Figures, Place
from fusemax.search.quick import quick_cycles

__all__ = ["Task", "composed_parts", "solve"]

ORDERS = "loops that only fetch again"
SAME = "the same loops as an earlier order"


@dataclass(frozen=True, eq=False)
class Task:
    """One order of the loops with a way to find exp: to be opened; or, at some sizes of the tiles, to be gone through.

    ``place`` is the composition's; ``priced`` are sizes that are priced together, ``chosen`` numbers among these.
    """

    place: Place
    variant: int
    order: int
    priced: npt.NDArray[np.int64] | None = None
    chosen: npt.NDArray[np.int64] | None = None


def composed_parts(space: Composition, place: Place, tally: Tally, exhaustive: bool) -> Iterator[Part]:
    """A part for each variant and order; orders that cannot be better than another are counted and left out."""
    for v, variant in enumerate(space.variants):
        size = space.size_of(variant)
        bound = Figures(0.0, 0.0, 0.0, space.area(variant))
        seen: set[tuple[object, ...]] = set()
        for o, order in enumerate(space.orders):
            key = tuple(loops_of(space.shape, order, spec) for spec in space.specs)
            if not exhaustive and (key in seen or not _is_batch_outermost(space.shape, order)):
                tally.prune(SAME if key in seen else ORDERS, size)
                continue
            seen.add(key)
            start = (*place, *variant.place, order.place)
            yield Part(bound, "area", start, size, task=Task(place, v, o), is_light=True)


def solve(space: Composition, task: Task, run: Run, exhaustive: bool) -> Iterator[Part]:
    """Do a task of a composition: the parts that remain are of sizes of what is spread, or none."""
    walk = Walk(space, run.leaders, run.tally, task.place, exhaustive, run.within)
    variant, order = space.variants[task.variant], space.orders[task.order]
    if task.priced is None or task.chosen is None:
        return _Opener(walk, variant, order, task)()
    priced = space.prices(variant, order).only(task.priced)
    Assignment(walk, variant, order, priced, task.chosen).run()
    return iter(())


def _is_batch_outermost(shape: Skeleton, order: Order) -> bool:
    """Batch loops are over ranks of every tensor: no loop outside them is worth it, for it only fetches again."""
    batch = {variable_of(rank) for rank in shape.design.mapping.batch}
    return all(variable in batch for variable in order.outer[: len(batch)])


@dataclass(frozen=True)
class _Opener:
    walk: Walk
    variant: Variant
    order: Order
    task: Task

    def __call__(self) -> Iterator[Part]:
        """A part for every size of what is spread, with what fills a memory still open."""
        walk, space = self.walk, self.walk.space
        whole = space.prices(self.variant, self.order)
        each = space.below(self.variant, space.specs) * space.tails
        clock, layers = float(space.sizes("clock")), float(space.sizes("L"))
        none = np.zeros(len(whole.tiles))
        latency = quick_cycles(space, self.variant, whole) * layers / clock
        area = space.area(self.variant)
        priced = self._alive(Bounds(latency, none, none, area), BUSY, each)
        if not len(priced):
            return
        prices = whole.only(priced)
        floor = Floor(space, self.variant, prices, area, None if walk.exhaustive else self._may_win)
        bounds, by = floor.bounds(floor.nothing())
        alive = self._alive(bounds, by, each)
        for number in np.unique(prices.tiles.group[alive]):
            chosen = alive[prices.tiles.group[alive] == number]
            start = (*self._start, int(prices.tiles.place[chosen[0]]))
            task = replace(self.task, priced=priced, chosen=chosen)
            yield Part(bounds.least(chosen), by, start, each * len(chosen), task=task)

    def _alive(self, bounds: Bounds, by: str, each: int) -> npt.NDArray[np.int64]:
        """Sizes of the tiles that may still win; the others are counted."""
        if self.walk.exhaustive:
            return np.arange(len(bounds.latency))
        alive = self.walk.leaders.may_win(bounds, self._start)
        self.walk.tally.prune(by, each * int((~alive).sum()))
        return np.flatnonzero(alive)

    @property
    def _start(self) -> Place:
        return (*self.walk.place, *self.variant.place, self.order.place)

    def _may_win(self, bounds: Bounds) -> npt.NDArray[np.bool_]:
        return self.walk.leaders.may_win(bounds, self._start)
