"""The best points of a result store and a sample of the others, whatever its size.

Points compete with those of the same workload, length, accounting and code: a group. Of each group are kept the front
of every pair of figures and every n-th point, n doubled whenever there are too many; nothing else stays in memory,
and of a great many groups only the largest are looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fusemax.base.progress import Observer, ignore
from fusemax.search.store import Store
from fusemax.search.study import Study

__all__ = ["PAIRS", "Group", "Point", "by_value", "gather", "pareto"]

PAIRS = (("latency_s", "energy_pj"), ("area_um2", "latency_s"), ("traffic_bytes", "latency_s"))
"""Figures less of which is better, two at a time."""
SAMPLE = 400
MOST_DETAILED = 64  # groups: a store may have a hundred thousand
_SHARED = ("workload", "accounting", "version", "code", "seq_len")
Reals = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Pair = tuple[str, str]
Where = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Point:
    """A point of a study: its inputs, and its figures, NaN where unknown."""

    study: Study
    inputs: tuple[object, ...]
    figures: tuple[float, ...]

    def row(self) -> dict[str, object]:
        """What the study is about, inputs, figures; None is unknown."""
        figures = [None if value != value else value for value in self.figures]
        inputs = zip(self.study.axes, self.inputs, strict=True)
        return {**self.study.about, **dict(inputs), **dict(zip(self.study.figures, figures, strict=True))}


@dataclass
class Group:
    """Points that compete; `fronts` by pair of figures."""

    where: Mapping[str, object]
    num_points: int = 0
    num_known: int = 0
    fronts: dict[Pair, list[Point]] = field(default_factory=dict)
    sample: list[Point] = field(default_factory=list)
    every: int = 1
    """Every so-manieth known point is in the sample."""
    _ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    _places: dict[Pair, Reals] = field(default_factory=dict)
    """The figures of the fronts, a row per point."""

    @property
    def pairs(self) -> list[Pair]:
        """Pairs of figures with several points on their front; where there is none, one that varies or is known."""
        varied = [pair for pair in self.fronts if all(self._ranges[n][0] < self._ranges[n][1] for n in pair)]
        several = [pair for pair in varied if len(self.fronts[pair]) > 1]
        return several or varied[:1] or list(self.fronts)[:1]

    def add(self, study: Study, inputs: Sequence[Sequence[object]], figures: Reals) -> None:
        """Take some points in."""
        self.num_points += len(inputs)
        column = {name: figures[:, i] for i, name in enumerate(study.figures)}
        self._sampled(study, inputs, figures, _is_known(study, figures))
        for name in {name for pair in PAIRS for name in pair} & set(column):
            self._seen(name, column[name])
        for x, y in PAIRS:
            if x in column and y in column:
                self._merge(
                    (x, y), np.column_stack([column[x], column[y]]), lambda i: _point(study, inputs, figures, i)
                )

    def _sampled(
        self, study: Study, inputs: Sequence[Sequence[object]], figures: Reals, known: npt.NDArray[np.bool_]
    ) -> None:
        rows = np.flatnonzero(known)
        numbers = np.arange(self.num_known, self.num_known + len(rows))
        self.num_known += len(rows)
        for i in rows[numbers % self.every == 0]:
            self.sample.append(_point(study, inputs, figures, int(i)))
        while len(self.sample) > 2 * SAMPLE:
            self.sample = self.sample[::2]
            self.every *= 2

    def _seen(self, name: str, values: Reals) -> None:
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = self._ranges.get(name, (np.inf, -np.inf))
            self._ranges[name] = (min(low, float(finite.min())), max(high, float(finite.max())))

    def _merge(self, pair: Pair, places: Reals, point: Callable[[int], Point]) -> None:
        best = pareto(places)
        if not best:
            return
        old = self.fronts.get(pair, [])
        both = np.vstack([self._places[pair], places[best]]) if old else places[best]
        kept = pareto(both)
        self._places[pair] = both[kept]
        self.fronts[pair] = [old[i] if i < len(old) else point(best[i - len(old)]) for i in kept]


def gather(store: Store, observe: Observer = ignore, most: int = MOST_DETAILED) -> list[Group]:
    """The groups of a store, most points first; of the first ``most`` with known points fronts and samples, of the
    others their number alone."""
    counts: dict[Where, tuple[int, int]] = {}
    for study, inputs, figures in _read(store, ignore):
        known = _is_known(study, figures)
        for where, rows in _apart(study, inputs):
            points, of_them = counts.get(where, (0, 0))
            counts[where] = points + len(rows), of_them + int(known[rows].sum())
    groups = {where: Group(dict(where), *number) for where, number in counts.items()}
    ordered = sorted(groups.values(), key=_place)
    for group in [group for group in ordered if group.num_known][:most]:
        group.num_points = group.num_known = 0
    for study, inputs, figures in _read(store, observe):
        for where, rows in _apart(study, inputs):
            if where not in groups:  # another process has added points meanwhile
                continue
            group = groups[where]
            if group.num_points < counts[where][0]:
                mine = inputs[rows].tolist() if isinstance(inputs, np.ndarray) else [inputs[i] for i in rows]
                group.add(study, mine, figures[rows])
    return ordered


Inputs = Sequence[Sequence[object]] | npt.NDArray[np.int64]


def _read(store: Store, observe: Observer) -> Iterator[tuple[Study, Inputs, Reals]]:
    done = 0
    for study in store.studies():
        for keys, blobs in store.stored(study):
            done += len(keys)
            observe(done, None, "points read")
            table = study.table(keys)
            yield study, [study.inputs(key) for key in keys] if table is None else table, study.unpack(blobs)


def _is_known(study: Study, figures: Reals) -> npt.NDArray[np.bool_]:
    if "latency_s" not in study.figures:
        return np.zeros(len(figures), bool)
    return np.asarray(np.isfinite(figures[:, study.figures.index("latency_s")]))


def _place(group: Group) -> tuple[int, int, str, int]:
    length = group.where.get("seq_len")
    others = {name: value for name, value in group.where.items() if name != "seq_len"}
    return -group.num_points, len(others), str(others), length if isinstance(length, int) else 0


def _apart(study: Study, inputs: Inputs) -> Iterator[tuple[Where, Rows]]:
    """Which rows belong to which group."""
    shared = [(name, value) for name, value in study.about.items() if _is_shared(name)]
    places = [i for i, name in enumerate(study.axes) if _is_shared(name)]
    for own, rows in by_value(inputs, places):
        named = [(study.axes[i], value) for i, value in zip(places, own, strict=True)]
        yield tuple(sorted([*shared, *named], key=lambda pair: pair[0])), rows


def by_value(inputs: Inputs, places: Sequence[int]) -> Iterator[tuple[tuple[object, ...], Rows]]:
    """Rows of equal values in some columns, in the order of their first."""
    if isinstance(inputs, np.ndarray) and places:
        values, first, inverse = np.unique(inputs[:, places], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(inverse.ravel(), kind="stable")
        apart = np.split(order, np.cumsum(np.bincount(inverse.ravel()))[:-1])
        for i in np.argsort(first):
            yield tuple(values[i].tolist()), apart[i]
        return
    found: dict[tuple[object, ...], list[int]] = {}
    for number, row in enumerate(inputs):
        found.setdefault(tuple(row[i] for i in places), []).append(number)
    yield from ((own, np.array(rows)) for own, rows in found.items())


def _is_shared(name: str) -> bool:
    return name in _SHARED or name.startswith("workload.")


def _point(study: Study, inputs: Sequence[Sequence[object]], figures: Reals, row: int) -> Point:
    return Point(study, tuple(inputs[row]), tuple(figures[row].tolist()))


def pareto(places: Reals) -> list[int]:
    """Rows no other one beats in both columns, by the first; of equal ones the first. Unknown ones are left out."""
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    order = known[np.lexsort((known, places[known, 1], places[known, 0]))]
    if not order.size:
        return []
    second = places[order, 1]
    first = np.ones(len(order), bool)
    first[1:] = second[1:] < np.minimum.accumulate(second)[:-1]
    return [int(i) for i in order[first]]
