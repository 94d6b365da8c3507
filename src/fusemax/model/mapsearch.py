"""Mapping parameters found: the least objective over all their values that are legal and fit.

One search for every design. Parameters that decide structure (a loop order, a tensor's place) are enumerated;
numeric ones (rows per pass, divisors of a length) are evaluated together as arrays. Of equal candidates the
first wins, in the order of ``over`` with the last parameter varying fastest.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fusemax.base.errors import UsageError
from fusemax.design.arithmetic import Number, divisors, is_array, maximum, product
from fusemax.design.design import Design
from fusemax.design.expression import parse_expression
from fusemax.design.mapping import Search, fit_level
from fusemax.design.nest import Nest, build_nests
from fusemax.design.sizes import Sizes
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting
from fusemax.model.tiling import Tiling

__all__ = ["Variant", "is_legal", "nests_of", "solve"]

_DIVISORS = re.compile(r"divisors\((.*)\)")
_MOST_DIVISORS = 1 << 20  # more than any length has, to order candidates whose number differs by point
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Variant:
    """Design points that share a structure: their indices (None: the one point), and their parameters."""

    points: Integers | None
    choice: Mapping[str, str]
    parameters: Mapping[str, Number]


_NESTS: dict[tuple[int, tuple[tuple[str, str], ...], bool], tuple[Design, dict[str, Nest]]] = {}


def nests_of(design: Design, choice: Mapping[str, str], rules: Accounting) -> dict[str, Nest]:
    """The nests of a design under structural choices, made once."""
    declared = "declared-ranks" not in rules
    key = (id(design), tuple(sorted(choice.items())), declared)
    if key not in _NESTS:  # the design is kept beside them, so that its id stays its own
        _NESTS[key] = (
            design,
            build_nests(design, choice, declared),
        )
    return _NESTS[key][1]


def solve(design: Design, sizes: Sizes, rules: Accounting, num_points: int | None) -> list[Variant]:
    """Values for the mapping's parameters at every design point.

    ``num_points`` is None for a single point of Python numbers. UsageError when nothing fits.
    """
    if not design.mapping.parameters:
        return [Variant(None if num_points is None else np.arange(num_points), {}, {})]
    search = _search(design, rules)
    if search is None:
        names = ", ".join(design.mapping.parameters)
        raise UsageError(f"{design.name}: the mapping leaves {names} open and has no search")
    numeric, named = _kinds(design, search)
    candidates = _candidates(design, sizes, search, numeric, num_points)
    at = sizes if num_points is None else sizes.at(candidates.point)
    best = _Best(num_points or 1)
    tiling: Tiling | None = None
    for choice, place in _choices(design, search, named):
        tiling = Tiling(design, nests_of(design, choice, rules), at, rules, candidates.values, choice, tiling)
        best.offer(candidates, _objectives(tiling, search, candidates.point.shape), place, choice)
    if tiling is not None and not np.all(np.isfinite(best.values[0])):
        _explain_failure(design, sizes, rules, candidates, best, tiling.choice, num_points)
    return _variants(design, best, candidates, sizes, rules, num_points)


def _search(design: Design, rules: Accounting) -> Search | None:
    published = design.as_published.search
    return published if published is not None and "flat-objective" not in rules else design.mapping.search


def _kinds(design: Design, search: Search) -> tuple[list[str], list[str]]:
    """The parameters that are numbers (used in a rank's parts) and those that are names."""
    used = {
        name
        for parts in design.mapping.partition.values()
        for text in parts.values()
        if isinstance(text, str) and text != "rest" and fit_level(text) is None
        for name in parse_expression(text).names
    }
    return [p for p in search.over if p in used], [p for p in search.over if p not in used]


@dataclass(frozen=True)
class _Candidates:
    """All values of the numeric parameters at all points, one row each; ``place`` orders the rows of a point."""

    point: Integers
    values: dict[str, Integers]
    place: Integers


def _candidates(
    design: Design, sizes: Sizes, search: Search, numeric: Sequence[str], num_points: int | None
) -> _Candidates:
    strides = _strides(design, search)
    points, places = [], []
    columns: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in numeric}
    whole = np.float64 if num_points is None and _is_huge(sizes) else np.int64
    for point in range(num_points or 1):
        lists = [_values(design, search, name, sizes, None if num_points is None else point) for name in numeric]
        grid = np.meshgrid(*(np.arange(len(each)) for each in lists), indexing="ij")
        number = int(np.prod([len(each) for each in lists]))
        points.append(np.full(number, point, dtype=np.int64))
        place = np.zeros(number, dtype=np.int64)
        for name, each, chosen in zip(numeric, lists, grid, strict=True):
            place += chosen.ravel() * strides[name]
            columns[name].append(np.array(each, dtype=whole)[chosen.ravel()])
        places.append(place)
    arrays = {name: np.concatenate(column) for name, column in columns.items()}
    return _Candidates(np.concatenate(points), arrays, np.concatenate(places))


def _is_huge(sizes: Sizes) -> bool:
    """Whether counts of a point pass 64 bits: then its candidates are compared as doubles."""
    work = math.prod(float(sizes(name)) for name in ("B", "H", "M", "P"))
    return work * max(float(sizes("E")), float(sizes("F"))) * 4 >= float(1 << 62)


def _values(design: Design, search: Search, name: str, sizes: Sizes, point: int | None) -> tuple[int, ...]:
    """The values of one numeric parameter at one point, in the order they are tried."""

    def number(text: int | str) -> int:
        value: Number = text if isinstance(text, int) else parse_expression(text)(sizes)
        return int(value[point] if is_array(value) else value)

    given = _given(design, search, name)
    if isinstance(given, str):
        match = _DIVISORS.fullmatch(given.strip())
        return divisors(max(1, number(match[1]))) if match else (number(given),)
    return tuple(number(text) for text in given)


def _given(design: Design, search: Search, name: str) -> tuple[int | str, ...] | str:
    """What a search tries of a parameter."""
    return search.only.get(name, design.mapping.parameters[name])


def _strides(design: Design, search: Search) -> dict[str, int]:
    """How far one step of each parameter moves a candidate in the order of the search."""
    strides, step = {}, 1
    for name in reversed(search.over):
        strides[name] = step
        given = _given(design, search, name)
        step *= _MOST_DIVISORS if isinstance(given, str) else len(given)
    return strides


def _choices(design: Design, search: Search, named: Sequence[str]) -> Iterator[tuple[dict[str, str], int]]:
    """Every structural choice with its place in the order of the search."""
    strides = _strides(design, search)
    lists = [[str(value) for value in _given(design, search, name)] for name in named]
    for combination in itertools.product(*(enumerate(each) for each in lists)):
        choice = {name: value for name, (_, value) in zip(named, combination, strict=True)}
        if all(len({choice[name] for name in names}) == 1 for names in search.alike):
            yield choice, sum(i * strides[name] for name, (i, _) in zip(named, combination, strict=True))


def _objectives(tiling: Tiling, search: Search, shape: tuple[int, ...]) -> Iterator[Reals]:
    """The objectives in order, infinite where a candidate is not legal; each is found when it is asked for."""
    measured = Measured(tiling, search.spared)
    legal = np.broadcast_to(is_legal(tiling), shape)
    if "dram-capacity" in tiling.accounting:  # what cannot stand in memory comes after all that can
        yield np.where(legal, np.broadcast_to(np.where(measured.is_feasible, 0.0, 1.0), shape), np.inf)
    for objective in search.objective:
        if search.of:
            value = measured.side_by_side(search.of) if objective == "latency" else measured.traffic(search.of)
        else:
            value = _whole(measured, objective)
        yield np.where(legal, np.broadcast_to(np.asarray(value, dtype=np.float64), shape), np.inf)


def _whole(measured: Measured, objective: str) -> Number:
    if objective == "traffic":
        return measured.traffic(measured.design.schedule.einsums)
    return measured.latency if objective == "latency" else measured.energy


def is_legal(tiling: Tiling) -> Number:
    """Whether the parts of every rank make it up, and every level holds what it keeps."""
    legal: Number = True
    parameters = tiling.design.mapping.parameters
    for rank, parts in tiling.design.mapping.partition.items():
        whole, made = tiling.part(rank), product(tiling.part(part) for part in parts)
        if "ragged" not in tiling.accounting:
            legal = legal & (made == whole)
            continue
        names = list(parts)
        for place, (part, text) in enumerate(parts.items()):
            if text in parameters:  # a part is no larger than what there is of it, its last one ragged
                inner = product(tiling.part(other) for other in names[place + 1 :])
                legal = legal & ((tiling.part(part) - 1) * inner < whole)
    for level in list(tiling.design.accelerator.memories)[1:]:
        if not tiling.spilled(level):
            room = tiling.capacity(level)
            for held in tiling.needed(level).values():
                legal = legal & (sum(held.values()) <= room)
    return legal


class _Best:
    """The best candidate of every point so far."""

    def __init__(self, num_points: int) -> None:
        self.values: list[Reals] = []
        self.place = np.full(num_points, np.iinfo(np.int64).max, dtype=np.int64)
        self.row = np.zeros(num_points, dtype=np.int64)
        self.choice = np.zeros(num_points, dtype=np.int64)
        self.choices: list[dict[str, str]] = []

    def offer(self, candidates: _Candidates, objectives: Iterator[Reals], place: int, choice: dict[str, str]) -> None:
        """Take in all candidates of one structural choice; later objectives are found only where earlier ones tie."""
        self.choices.append(choice)
        places = candidates.place + place
        found = [next(objectives)]
        least = np.full(self.place.shape, np.inf)
        np.minimum.at(least, candidates.point, found[0])
        if self.values and not np.any((least <= self.values[0]) & np.isfinite(least)):
            return
        found += objectives
        if not self.values:
            self.values = [np.full(self.place.shape, np.inf) for _ in found]
        order = np.lexsort((places, *reversed(found), candidates.point))
        rows = order[np.searchsorted(candidates.point[order], np.arange(self.place.size))]
        better = np.zeros(self.place.shape, dtype=bool)
        equal = np.ones(self.place.shape, dtype=bool)
        for mine, offered in zip(self.values, found, strict=True):
            better |= equal & (offered[rows] < mine)
            equal &= offered[rows] == mine
        better |= equal & np.isfinite(found[0][rows]) & (places[rows] < self.place)
        for mine, offered in zip(self.values, found, strict=True):
            mine[better] = offered[rows][better]
        self.place[better] = places[rows][better]
        self.row[better] = rows[better]
        self.choice[better] = len(self.choices) - 1


def _explain_failure(
    design: Design,
    sizes: Sizes,
    rules: Accounting,
    candidates: _Candidates,
    best: _Best,
    choice: Mapping[str, str],
    num_points: int | None,
) -> None:
    """UsageError for the first point that has no legal candidate, by the one that needs the least room."""
    point = int(np.argmin(np.isfinite(best.values[0])))
    rows = np.flatnonzero(candidates.point == point)

    def tile(chosen: Integers) -> Tiling:
        at = sizes if num_points is None else sizes.at(np.full(chosen.size, point))
        values = {name: column[chosen] for name, column in candidates.values.items()}
        return Tiling(design, nests_of(design, choice, rules), at, rules, values, choice)

    every = tile(rows)
    held = [sum(each.values()) for level in every.levels for each in every.needed(level).values()]
    least = np.argmin(np.broadcast_to(maximum(0, *held), rows.shape))
    tiling = tile(rows[least : least + 1])
    tiling.check()
    tiling.check_room()
    names = ", ".join(design.mapping.parameters)
    raise UsageError(f"{design.name}: no value of {names} fits at point {point}")


def _variants(
    design: Design, best: _Best, candidates: _Candidates, sizes: Sizes, rules: Accounting, num_points: int | None
) -> list[Variant]:
    values = {name: column[best.row] for name, column in candidates.values.items()}
    if "flat-objective" not in rules:
        values = _as_published(design, values, sizes)
    if num_points is None:
        return [Variant(None, best.choices[best.choice[0]], {name: int(v[0]) for name, v in values.items()})]
    found = []
    for number in np.unique(best.choice):
        points = np.flatnonzero(best.choice == number)
        found.append(Variant(points, best.choices[number], {name: v[points] for name, v in values.items()}))
    return found


def _as_published(design: Design, values: dict[str, Integers], sizes: Sizes) -> dict[str, Integers]:
    """The parameters where the published mapping was another than the search finds."""
    for row in design.as_published.parts:
        applies: Number = True
        for name, text in row.when.items():
            applies = applies & (sizes(name) == parse_expression(str(text))(sizes))
        at = sizes.with_sizes(values)
        changed = {n: np.maximum(1, parse_expression(str(text))(at)) for n, text in row.set.items()}
        values = values | {name: np.where(applies, value, values[name]) for name, value in changed.items()}
    return values
