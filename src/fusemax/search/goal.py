"""What a search wants: one figure at its least, or the Pareto front of two or three; limits; and the total order.

Figures that agree in their first 36 bits (11 digits) are equal: sums in another order must not decide.
Of single objectives the best is the least in the order (objective, latency, energy, traffic, place), where the place is
that of the design in the space. Of several objectives the front holds every vector that no other one beats; of designs
with equal vectors the first in the same order stands for them. Nothing else decides, so the answer is the same however
the work is split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.design import Design

__all__ = ["OBJECTIVES", "Bounds", "Figures", "Goal", "Leaders", "Point", "goal_of"]

OBJECTIVES: Mapping[str, str] = {"latency": "s", "energy": "pJ", "edp": "pJ s", "traffic": "B", "area": "um^2"}
_FIGURES = ("latency", "energy", "traffic")
_MOST = 3
_STEPS = float(1 << 36)
_NEAR = 2.0**-34  # figures further apart than this are not equal to 36 bits
_FEW = 8

Place = tuple[int, ...]


def coarse(value: float) -> float:
    """A figure to 36 bits."""
    if not math.isfinite(value):
        return value
    mantissa, exponent = math.frexp(value)
    return math.ldexp(float(round(mantissa * _STEPS)), exponent) / _STEPS


@dataclass(frozen=True)
class Figures:
    """Seconds, pJ, bytes and um^2 of a design; or amounts that no design of a part of the space is below."""

    latency: float
    energy: float
    traffic: float
    area: float

    def exact(self, objective: str) -> float:
        """The objective; NaN where it is unknown."""
        return float(self.latency * self.energy if objective == "edp" else getattr(self, objective))

    def value(self, objective: str) -> float:
        """The objective as it is compared; an unknown one is never best."""
        found = self.exact(objective)
        return math.inf if math.isnan(found) else coarse(found)


@dataclass(frozen=True)
class Bounds:
    """`Figures` of many parts of a space at once; the area is one for all."""

    latency: npt.NDArray[np.float64]
    energy: npt.NDArray[np.float64]
    traffic: npt.NDArray[np.float64]
    area: float

    def exact(self, objective: str) -> npt.NDArray[np.float64]:
        """The objective."""
        found = self.latency * self.energy if objective == "edp" else getattr(self, objective)
        return np.broadcast_to(np.asarray(found, dtype=np.float64), self.latency.shape)

    def column(self, objective: str) -> npt.NDArray[np.float64]:
        """The values of an objective, as they are compared."""
        mantissa, exponent = np.frexp(self.exact(objective))
        return np.ldexp(np.rint(mantissa * _STEPS), exponent) / _STEPS

    def at(self, i: int) -> Figures:
        """The figures of one part."""
        return Figures(float(self.latency[i]), float(self.energy[i]), float(self.traffic[i]), self.area)

    def least(self, chosen: npt.NDArray[np.int64] | None = None) -> Figures:
        """Figures that none of some parts is below."""
        columns = (self.latency, self.energy, self.traffic)
        latency, energy, traffic = (float((c if chosen is None else c[chosen]).min()) for c in columns)
        return Figures(latency, energy, traffic, self.area)


@dataclass(frozen=True)
class Point:
    """One design of the space: its figures, its place, and the design itself, made when it is asked for."""

    figures: Figures
    place: Place
    make: Callable[[], Design] = field(repr=False)
    words: Callable[[], str] = field(repr=False, default=str)
    """A short description, made when it is asked for."""


@dataclass(frozen=True)
class Goal:
    """Objectives and limits (``{"latency": 0.03}``: designs that take longer do not count)."""

    objectives: tuple[str, ...]
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit of the first objective."""
        return OBJECTIVES[self.objectives[0]]

    def vector(self, figures: Figures) -> tuple[float, ...]:
        """The objectives."""
        return tuple(figures.value(name) for name in self.objectives)

    def order(self, figures: Figures) -> tuple[float, ...]:
        """The total order but for the place."""
        return tuple(figures.value(name) for name in self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """What decides, in order."""
        return (*self.objectives, *(name for name in _FIGURES if name not in self.objectives))

    def admits(self, figures: Figures) -> bool:
        """Whether figures keep the limits and the objectives are known."""
        inside = all(figures.value(name) <= limit for name, limit in self.limits.items())
        return inside and all(map(math.isfinite, self.vector(figures)))


class Leaders:
    """The best designs so far."""

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self._front: list[tuple[tuple[float, ...], tuple[float, ...], Point]] = []

    def offer(self, point: Point) -> bool:
        """Take a design in if no other beats it; those that it beats go. Whether it was taken."""
        if not self.goal.admits(point.figures) or self.beats(point.figures, point.place):
            return False
        vector, order = self.goal.vector(point.figures), self.goal.order(point.figures)
        self._front = [one for one in self._front if not self._covers(vector, (*order, *point.place), one)]
        self._front.append((vector, order, point))
        return True

    def _covers(self, vector: tuple[float, ...], key: tuple[float, ...], one: tuple[object, ...]) -> bool:
        old, order, point = one
        assert isinstance(old, tuple) and isinstance(order, tuple) and isinstance(point, Point)
        if len(vector) == 1:
            return True
        return all(a <= b for a, b in zip(vector, old, strict=True)) and (
            vector != old or key <= (*order, *point.place)
        )

    def beats(self, bound: Figures, place: Place) -> bool:
        """Whether no design with such figures or larger ones, at such a place or a later one, can be among the best."""
        if any(bound.value(name) > limit for name, limit in self.goal.limits.items()):
            return True
        vector, order = self.goal.vector(bound), self.goal.order(bound)
        for old, key, point in self._front:
            if len(vector) == 1:
                if (*key, *point.place) <= (*order, *place):
                    return True
            elif all(a <= b for a, b in zip(old, vector, strict=True)) and (
                old != vector or (*key, *point.place) <= (*order, *place)
            ):
                return True
        return False

    def may_win(self, bounds: Bounds, place: Place) -> npt.NDArray[np.bool_]:
        """Which of many bounds `beats` does not tell to be lost, for the same place."""
        if len(self.goal.objectives) == 1 and not self.goal.limits:
            found = self._may_be_best(bounds, place)
            if found is not None:
                return found
        columns = {name: bounds.column(name) for name in {*self.goal.names, *self.goal.limits}}
        alive = np.isfinite(columns[self.goal.objectives[0]])  # what does not fit takes forever
        for name, limit in self.goal.limits.items():
            alive &= columns[name] <= limit
        for vector, order, point in self._front:
            behind = np.ones(alive.shape, dtype=bool)
            equal = np.ones(alive.shape, dtype=bool)
            for name, value in zip(self.goal.objectives, vector, strict=True):
                behind &= columns[name] >= value
                equal &= columns[name] == value
            if len(vector) > 1:
                alive &= ~behind | equal
            first, same = np.zeros(alive.shape, dtype=bool), np.ones(alive.shape, dtype=bool)
            for name, value in zip(self.goal.names, order, strict=True):
                first |= same & (columns[name] < value)
                same &= columns[name] == value
            before = first | (same & (place < point.place))
            alive &= before | ~equal if len(vector) > 1 else before
        return alive

    def _may_be_best(self, bounds: Bounds, place: Place) -> npt.NDArray[np.bool_] | None:
        """The same for one objective: only what is near the best is compared in all that decides. None if much is."""
        found = bounds.exact(self.goal.objectives[0])
        if not self._front:
            return np.isfinite(found)
        _, order, point = self._front[0]
        alive = np.asarray(found < order[0] * (1 - _NEAR))
        near = np.flatnonzero(~alive & (found <= order[0] * (1 + _NEAR))).tolist()
        if len(near) > _FEW:
            return None
        for i in near:
            alive[i] = (*self.goal.order(bounds.at(i)), *place) < (*order, *point.place)
        return alive

    def copy(self) -> Leaders:
        """The same designs, to go on with apart."""
        found = Leaders(self.goal)
        found._front = list(self._front)
        return found

    def bare(self) -> Leaders:
        """The same to compare with; the designs themselves stay here."""
        found = Leaders(self.goal)
        found._front = [(v, order, Point(point.figures, point.place, _elsewhere)) for v, order, point in self._front]
        return found

    def __iter__(self) -> Iterator[Point]:
        """The designs, the best of the first objective first."""
        return iter([point for _, _, point in sorted(self._front, key=lambda one: (one[1], one[2].place))])

    def __bool__(self) -> bool:
        return bool(self._front)

    @property
    def best(self) -> Point:
        """The best of the first objective. IndexError when there is none."""
        return next(iter(self))


def _elsewhere() -> Design:
    raise LookupError("this design is known to another process")


def goal_of(objective: str | Sequence[str], limits: Mapping[str, float | None] | None = None) -> Goal:
    """A goal from names: ``latency``, ``latency,energy``. UnknownName, or UsageError for more than three."""
    names = tuple(objective.split(",")) if isinstance(objective, str) else tuple(objective)
    for name in names:
        if name not in OBJECTIVES:
            raise UnknownName("objective", name, OBJECTIVES)
    if len(set(names)) != len(names) or not 1 <= len(names) <= _MOST:
        raise UsageError(f"objective {','.join(names)}: expected one, two or three different ones")
    given = {name: limit for name, limit in (limits or {}).items() if limit is not None}
    if "area" in names and len(names) == 1 and "latency" not in given:
        raise UsageError("objective area needs a latency to be kept: --latency 30ms")
    return Goal(names, given)
