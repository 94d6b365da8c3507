"""What has to cross from one pass to the next: sets of tensors from which the next pass can be computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np

from fusemax.analysis.barriers import barriers, needs
from fusemax.analysis.counting import Count
from fusemax.analysis.levels import LEVEL, traversed
from fusemax.analysis.lineage import positions_of
from fusemax.analysis.structure import Structure

MOST_OPTIONS = 200

Cut = frozenset[str]


@dataclass(frozen=True, slots=True)
class Crossing:
    """The gap after pass `after` of a fiber: what ends the pass, and each minimal set of tensors that may cross.

    `options` is empty where nothing is claimed for the gap: the next pass does not visit every coordinate, say.
    """

    after: int
    barrier: tuple[str, ...]
    options: tuple[Cut, ...]


def sized(structure: Structure, rank: str) -> tuple[str, ...]:
    """The tensors with one element for each coordinate of a rank, inputs first."""
    return tuple(tensor for tensor in structure.positions if positions_of(structure, tensor, rank))


def crossings(run: Count, column: int) -> tuple[Crossing, ...]:
    """The gaps between the passes of the fiber in a column (docs/explanation/bounds.md)."""
    walls = {barrier.number: barrier.einsums for barrier in barriers(run.graph, run.levels, [column])[0]}
    search = _Search(run, column)
    last = int(run.levels.counts[column])
    found = []
    for after in range(1, last):
        ends, next_ends = walls.get(after, ()), walls.get(after + 1, ())
        found.append(Crossing(after, ends, search.options(after, ends, next_ends if after + 1 < last else None)))
    return tuple(found)


class _Search:
    """Tensor-level search for cuts in one column."""

    def __init__(self, run: Count, column: int) -> None:
        self.run, self.column = run, column
        self.structure = run.graph.structure
        lineage = run.levels.columns.fibers[column].lineage
        self.roots = lineage.roots
        self.sized = set(sized(self.structure, lineage.along))
        self.inputs = {declaration.tensor for declaration in self.structure.cascade.inputs}
        self.levels = run.levels.statement_levels[:, column]
        self.behind = needs(run.graph)
        self.whole = int(run.levels.columns.whole[column])
        self.state = run.levels.state[:, :, column : column + 1]
        self.complete = traversed(self.state, run.levels.columns.whole[[column]])[:, 0]

    def options(self, after: int, ends: Iterable[str], next_ends: tuple[str, ...] | None) -> tuple[Cut, ...]:
        """The minimal sets for the gap after a pass; `next_ends` are the barriers of the pass that follows it."""
        if not self._is_full(after):
            return ()
        walls = [s.number for s in self.structure.statements if s.tensor in set(ends)]
        before = {t for number in walls for t in self._inputs_behind(number)} | set(self.roots)
        served = self._served(after + 1, next_ends)
        wanted = [
            read.tensor
            for number in served
            for read in self.structure.statements[number].reads
            if read.tensor in self.sized and self._is_ready(read.tensor, after)
        ]
        try:
            ways = _unions([self._ways(tensor, after, before, frozenset()) for tensor in dict.fromkeys(wanted)])
        except _TooMany:
            return ()
        return tuple(sorted(ways, key=lambda cut: (len(cut), sorted(cut)))) if ways != {frozenset()} else ()

    def _is_full(self, after: int) -> bool:
        """Whether every coordinate is visited again after the traversal that ends pass `after`."""
        seen = 0
        for number, visits in self.run.levels.visits.items():
            levels = self.run.levels.point_levels[number][:, :, self.column]
            seen |= int(np.bitwise_or.reduce(visits[:, :, self.column][levels > after], initial=0))
        return seen == self.whole

    def _served(self, level: int, ends: tuple[str, ...] | None) -> list[int]:
        """The statements of a pass; of a pass that is not the last, those that its barriers wait for."""
        members = [int(s) for s in np.flatnonzero(self.levels == level)]
        if ends is None:
            return members
        walls = [s.number for s in self.structure.statements if s.tensor in ends]
        return [s for s in members if s in walls or any(self.behind[wall] >> s & 1 for wall in walls)]

    def _inputs_behind(self, number: int) -> set[str]:
        statements = self.structure.statements
        behind = [s for s in statements if s.number == number or self.behind[number] >> s.number & 1]
        return {tensor for s in behind for tensor in s.read_tensors if tensor in self.inputs}

    def _is_ready(self, tensor: str, after: int) -> bool:
        """Whether some of a tensor can be there before the traversal that ends pass `after` is complete."""
        if tensor in self.inputs:
            return True
        cells = np.concatenate([u.cells for u in self.run.graph.statements if u.statement.tensor == tensor])
        level = self.state[cells, LEVEL, 0]
        return bool(((level <= after) & (self.complete[cells] != after)).any())

    def _ways(self, tensor: str, after: int, before: set[str], above: frozenset[str]) -> set[Cut]:
        """The sets from which a tensor can be had after the gap: itself, or what it is computed from."""
        if tensor not in self.sized or tensor in above:
            return {frozenset()}
        if tensor in self.inputs:
            return {frozenset((tensor,)) if tensor in before else frozenset()}
        itself = {frozenset((tensor,))} if self._is_ready(tensor, after) else set()
        writers = [s for s in self.structure.statements if s.tensor == tensor]
        operands = sorted({t for s in writers for t in s.read_tensors & self.sized})
        return _minimal(itself | _unions([self._ways(t, after, before, above | {tensor}) for t in operands]))


class _TooMany(Exception):
    """More sets than are looked at; leaving some out could leave out the cheapest."""


def _unions(parts: list[set[Cut]]) -> set[Cut]:
    """One way for each part, in every combination that contains no other."""
    found: set[Cut] = {frozenset()}
    for ways in parts:
        found = _minimal({one | other for one, other in product(found, ways)})
        if len(found) > MOST_OPTIONS:
            raise _TooMany
    return found


def _minimal(ways: set[Cut]) -> set[Cut]:
    return {cut for cut in ways if not any(other < cut for other in ways)}
