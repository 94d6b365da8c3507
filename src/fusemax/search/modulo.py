"""The schedule of one epoch as modulo scheduling: the least interval at which tiles can follow one another.

Every operation of a tile takes its unit for a number of cycles; the next tile does the same one interval later. A
dependence says how many cycles after the start of one operation another may start, perhaps of a tile some intervals
earlier. Values wait in storage of a size: a value that lives longer than an interval has several copies. Found is the
least interval with its starts. Every smaller one is proven impossible: by load or by recurrence, else one by one, by
OR-tools' CP-SAT where it is installed (extra ``schedule``) or by our own branch and bound.

    problem = Problem((Operation("QK", "array2d", 64), ...), (Dependence("QK", "LM", 64),), (Storage(...),))
    found = least_interval(problem)         found.interval, found.starts, found.engine

Source: Rau, Iterative Modulo Scheduling (MICRO 1994), for the two lower bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import ceil

from fusemax.base.errors import UnknownName, UsageError

__all__ = ["Dependence", "Interval", "Operation", "Problem", "Storage", "Value", "horizon_of", "least_interval"]

ENGINES = ("auto", "cp-sat", "own")
_NODES = 400


@dataclass(frozen=True)
class Operation:
    """A unit is taken for some cycles, once for every tile."""

    name: str
    unit: str
    cycles: int


@dataclass(frozen=True)
class Dependence:
    """``after`` of a tile starts no sooner than ``delay`` cycles after ``before`` of the tile ``distance`` earlier."""

    before: str
    after: str
    delay: int
    distance: int = 0


@dataclass(frozen=True)
class Value:
    """What an operation leaves in a storage until ``after`` starts, plus ``tail`` cycles.

    ``words`` for every tile in flight; or, where it is handed over word by word (``streams``), one for every cycle
    between the two starts, and one. ``also`` are further readers, with their tails.
    """

    before: str
    after: str
    tail: int
    words: int = 1
    streams: bool = False
    also: tuple[tuple[str, int], ...] = ()

    @property
    def readers(self) -> tuple[tuple[str, int], ...]:
        """All readers with the cycles that count after their start."""
        both = ((self.after, self.tail), *self.also)
        return tuple((after, 1 if self.streams else tail) for after, tail in both)


@dataclass(frozen=True)
class Storage:
    """A register file or a memory, in words, and what it holds."""

    name: str
    words: int
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Problem:
    """See the module."""

    operations: tuple[Operation, ...]
    dependences: tuple[Dependence, ...] = ()
    storages: tuple[Storage, ...] = ()

    @property
    def by_load(self) -> int:
        """No interval is shorter than what the busiest unit takes."""
        load: dict[str, int] = {}
        for one in self.operations:
            load[one.unit] = load.get(one.unit, 0) + one.cycles
        return max(1, *load.values())

    @property
    def by_recurrence(self) -> int:
        """No interval is shorter than a cycle of dependences takes, spread over its tiles."""
        least, most = 1, max(1, sum(max(0, d.delay) for d in self.dependences))
        while least < most:
            middle = (least + most) // 2
            if _has_cycle(self, middle):
                least = middle + 1
            else:
                most = middle
        return least


@dataclass(frozen=True)
class Interval:
    """The least interval, starts of the operations of one tile, what bounds it, and who proved it."""

    interval: int
    starts: Mapping[str, int] = field(hash=False)
    bound: int
    by: str
    engine: str

    def document(self) -> dict[str, object]:
        """As data."""
        return {
            "interval": self.interval,
            "bound": self.bound,
            "by": self.by,
            "engine": self.engine,
            "starts": dict(self.starts),
        }


Solve = Callable[[Problem, int], dict[str, int] | None]


def least_interval(problem: Problem, engine: str = "auto", most: int | None = None) -> Interval:
    """The least interval and a schedule of it; of equal schedules none is preferred.

    ``most`` ends the search (the sum of all cycles and delays by default). UsageError where no interval up to it is
    possible, or where a dependence cannot be kept at any.
    """
    if engine not in ENGINES:
        raise UnknownName("engine", engine, ENGINES)
    load, recurrence = problem.by_load, problem.by_recurrence
    bound = max(load, recurrence)
    by = "the busiest unit" if load >= recurrence else "a recurrence"
    if _has_cycle(problem, bound):
        raise UsageError("dependences contradict one another within a tile")
    end = most or sum(o.cycles for o in problem.operations) + sum(max(0, d.delay) for d in problem.dependences)
    if engine == "auto":
        quick = _quickly(problem, bound)
        if quick is not None:
            return Interval(bound, quick, bound, by, "own")
    name, solve = _engine(engine)
    for interval in range(bound, max(bound, end) + 1):
        starts = solve(problem, interval)
        if starts is not None:
            return Interval(interval, starts, bound, by if interval == bound else "storage or order", name)
    raise UsageError(f"no interval up to {end} cycles: the storage is too small")


def _quickly(problem: Problem, interval: int) -> dict[str, int] | None:
    """A schedule that meets the bound, if one is found at once: that is a proof without a solver."""
    from fusemax.search import modulo_own

    try:
        return modulo_own.starts_at(problem, interval, _NODES)
    except modulo_own.OutOfNodes:
        return None


def _engine(engine: str) -> tuple[str, Solve]:
    from fusemax.search import modulo_own

    there = find_spec("ortools") is not None
    if engine == "own" or (engine == "auto" and not there):
        return "own", modulo_own.starts_at
    from fusemax.search import modulo_cpsat

    return "cp-sat", modulo_cpsat.starts_at


def horizon_of(problem: Problem, interval: int) -> int:
    """A time by which every operation of a tile may have started, if there is a schedule at all.

    Earliest starts with given places in the interval are a longest path, each step of which is at most a delay rounded
    up to whole intervals.
    """
    longest = max([d.delay for d in problem.dependences] + [0])
    return len(problem.operations) * (ceil(longest / interval) + 2) * interval


def _has_cycle(problem: Problem, interval: int) -> bool:
    """Whether dependences ask more of a cycle of operations than its tiles allow."""
    names = [one.name for one in problem.operations]
    late = dict.fromkeys(names, 0)
    for _ in range(len(names) + 1):
        changed = False
        for one in problem.dependences:
            at = late[one.before] + one.delay - interval * one.distance
            if at > late[one.after]:
                late[one.after] = at
                changed = True
        if not changed:
            return False
    return True
