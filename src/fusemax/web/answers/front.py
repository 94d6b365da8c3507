"""The front of some studies of a store, found in one reading: exact, whatever their size, in bounded memory.

Points compete with those of the same workload, accounting and length: a group. Of every group the front is kept in each
pair of figures that may be asked for, of the others every so-manieth point, and of all what varies.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fusemax.report.gather import Point, by_value, pareto
from fusemax.search.store import Store
from fusemax.search.study import Study

__all__ = ["COSTS", "NEVER", "WHERE", "Fronts", "Seen", "row_of"]

WHERE = ("workload", "accounting", "seq_len")
"""Points compete with those of the same values."""
COSTS = ("area_um2", "energy_pj", "traffic_bytes")
"""What may be set against the other figure when none is asked for."""
MOST_GROUPS = 2_000
MOST_SAMPLED = 4_000
NEVER = ("key", "version", "code")
"""What of a row is no input that varies."""

Reals = npt.NDArray[np.float64]
Inputs = npt.NDArray[np.int64] | list[list[object]]


@dataclass(frozen=True)
class Seen:
    """A point that was kept."""

    key: str
    point: Point


@dataclass
class _Front:
    """The front of a group in one pair of figures: the figures, a row each, and the points."""

    places: Reals = field(default_factory=lambda: np.empty((0, 2)))
    points: list[Seen] = field(default_factory=list)


class Fronts:
    """What is kept of the rows of some studies; ``y`` is one figure of the front, the other one of ``costs``."""

    def __init__(self, y: str, costs: Sequence[str]) -> None:
        self.y = y
        self.costs = tuple(costs)
        self.num_points = 0
        self.is_whole = True
        """Whether there were no more groups than are kept."""
        self.num_known = dict.fromkeys(self.costs, 0)
        """Points with both figures, by cost."""
        self.sample: list[Seen] = []
        self._costed = dict.fromkeys(self.costs, 0)
        self._ranges: dict[str, tuple[float, float]] = {}
        self._groups: dict[tuple[object, ...], dict[str, _Front]] = {}
        self._every, self._number = 1, 0
        self._inputs: dict[str, tuple[object, bool, int]] = {}

    @staticmethod
    def read(store: Store, own: Sequence[Study], y: str, costs: Sequence[str]) -> Fronts:
        """Read all points of some studies, some at a time."""
        found = Fronts(y, costs)
        for study in own:
            for keys, blobs in store.stored(study):
                table = study.table(keys)
                inputs = [study.inputs(key) for key in keys] if table is None else table
                found.add(study, keys, inputs, study.unpack(blobs))
        return found

    def add(self, study: Study, keys: Sequence[bytes], inputs: Inputs, figures: Reals) -> None:
        """Take some points of a study in."""
        self.num_points += len(keys)
        self._vary(study, inputs)
        column = {name: figures[:, i] for i, name in enumerate(study.figures)}
        unknown = np.full(len(keys), np.nan)
        second = column.get(self.y, unknown)

        def seen(row: int) -> Seen:
            values = inputs[row].tolist() if isinstance(inputs, np.ndarray) else inputs[row]
            return Seen(keys[row].hex(), Point(study, tuple(values), tuple(figures[row].tolist())))

        self._sampled(np.flatnonzero(np.isfinite(second)), seen)
        groups = list(self._apart(study, inputs))
        for cost in self.costs:
            first = column.get(cost, unknown)
            finite = first[np.isfinite(first)]
            self._costed[cost] += finite.size
            if finite.size:
                low, high = self._ranges.get(cost, (np.inf, -np.inf))
                self._ranges[cost] = min(low, float(finite.min())), max(high, float(finite.max()))
            self.num_known[cost] += int((np.isfinite(first) & np.isfinite(second)).sum())
            for fronts, rows in groups:
                _merge(fronts[cost], np.column_stack([first[rows], second[rows]]), rows, seen)

    def _apart(self, study: Study, inputs: Inputs) -> Iterator[tuple[dict[str, _Front], npt.NDArray[np.intp]]]:
        """The groups of some points, and which belong to each."""
        places = [i for i, name in enumerate(study.axes) if name in WHERE]
        for own, rows in by_value(inputs, places):
            named = dict(zip((study.axes[i] for i in places), own, strict=True))
            where = tuple(str(named.get(name, study.about.get(name))) for name in WHERE)
            if where not in self._groups:
                if len(self._groups) == MOST_GROUPS:
                    self.is_whole = False
                    continue
                self._groups[where] = {cost: _Front() for cost in self.costs}
            yield self._groups[where], rows

    def _sampled(self, rows: npt.NDArray[np.intp], seen: Any) -> None:
        numbers = np.arange(self._number, self._number + len(rows))
        self._number += len(rows)
        self.sample += [seen(int(row)) for row in rows[numbers % self._every == 0]]
        while len(self.sample) > MOST_SAMPLED:
            self.sample = self.sample[::2]
            self._every *= 2

    def _vary(self, study: Study, inputs: Inputs) -> None:
        number = len(inputs)
        for name, value in study.about.items():
            self._note(name, value, False, number)
        for i, name in enumerate(study.axes):
            values = inputs[:, i] if isinstance(inputs, np.ndarray) else [row[i] for row in inputs]
            if isinstance(values, np.ndarray):
                self._note(name, int(values[0]), bool((values != values[0]).any()), number)
            else:
                self._note(name, values[0], any(value != values[0] for value in values), number)

    def _note(self, name: str, value: object, varies: bool, number: int) -> None:
        first, before, count = self._inputs.get(name, (value, False, 0))
        self._inputs[name] = first, before or varies or str(first) != str(value), count + number

    def varied(self) -> list[str]:
        """Inputs that are not the same in all points."""
        return [
            name
            for name, (_, varies, count) in self._inputs.items()
            if name not in NEVER and (varies or count < self.num_points)
        ]

    def cost(self) -> str:
        """The first cost that at least half of the points know, of those that vary if there are any."""
        known = [name for name in self.costs if 2 * self._costed[name] >= self.num_points and self._costed[name]]
        varied = [name for name in known if self._ranges[name][0] < self._ranges[name][1]]
        return next(iter([*varied, *known]), self.costs[0])

    def front(self, cost: str) -> list[Seen]:
        """The points that no other one of their group beats, group by group."""
        return list(itertools.chain.from_iterable(group[cost].points for group in self._groups.values()))


def _merge(front: _Front, places: Reals, rows: npt.NDArray[np.intp], seen: Any) -> None:
    """The front with some more points; of equal ones the first by key stays."""
    best = pareto(places)
    if not best:
        return
    both = np.vstack([front.places, places[best]])
    kept = pareto(both)
    old = len(front.points)
    front.points = [front.points[i] if i < old else seen(int(rows[best[i - old]])) for i in kept]
    front.places = both[kept]


def row_of(seen: Seen) -> Mapping[str, Any]:
    """A point that was kept as a row of the store."""
    return {"key": seen.key, **seen.point.row()}
