"""Which Einsums may share a loop over a rank, and for those that may not, what stands between them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

import numpy as np

from fusemax.analysis.barriers import Barrier, barriers, needs
from fusemax.analysis.conflict import Question, has_cycle, orders
from fusemax.analysis.counting import Count, count_lineages, unroll_smallest
from fusemax.analysis.growth import growing_ranks, longer
from fusemax.analysis.lineage import Lineage, carried_along, follow
from fusemax.analysis.structure import Structure, structure
from fusemax.analysis.unroll import TooLarge
from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import canonical


@dataclass(frozen=True, slots=True)
class Loop:
    """Einsums that may share one loop. `order` is `any`, `ascending`, `descending` or `another`."""

    einsums: tuple[str, ...]
    sweep: int
    order: str


@dataclass(frozen=True, slots=True)
class Wall:
    """Why the Einsums after loop `after` (from 1) cannot be in it."""

    after: int
    einsums: tuple[str, ...]
    line: int
    reason: str


@dataclass(frozen=True)
class Fusion(Result):
    """The loops over a rank that a fully fused schedule needs at least.

    `outside` are the Einsums that do not walk over the rank. When `every_step` is true the loops repeat in each
    step of an iterative rank.
    """

    command: ClassVar[str] = "fuse"
    cascade: str
    file: str
    rank: str
    loops: tuple[Loop, ...]
    walls: tuple[Wall, ...]
    outside: tuple[str, ...]
    every_step: bool

    def together(self, einsums: tuple[str, ...]) -> bool:
        """Whether all of these Einsums may share one loop over the rank."""
        return any(set(einsums) <= set(loop.einsums) for loop in self.loops)

    def headline(self) -> str:
        """The number of loops and what is between them."""
        number = len(self.loops)
        text = f"{self.cascade}: {number} loop{'s' if number != 1 else ''} over {self.rank}"
        text += " in every step" if self.every_step else ""
        ends = [f"{_names(wall.einsums)} ({wall.reason}) stands after loop {wall.after}" for wall in self.walls]
        return "\n".join(wrap(f"{text}{': ' if ends else '.'}{'; '.join(ends)}", 100, subsequent_indent="  "))

    def rows(self) -> list[dict[str, object]]:
        """One row per loop."""
        walls = {wall.after: wall for wall in self.walls}
        return [
            {
                "loop": number,
                "einsums": list(loop.einsums),
                "order": loop.order,
                "ends_with": f"{_names(walls[number].einsums)}: {walls[number].reason}" if number in walls else "",
            }
            for number, loop in enumerate(self.loops, start=1)
        ]

    def notes(self) -> tuple[str, ...]:
        """The Einsums without the rank."""
        return (f"not over {self.rank}: {', '.join(self.outside)}",) if self.outside else ()

    def document(self) -> Mapping[str, object]:
        """The loops, the walls between them, and the Einsums outside."""
        return {
            "cascade": self.cascade,
            "file": self.file,
            "rank": self.rank,
            "loops": self.loops,
            "barriers": self.walls,
            "outside": self.outside,
            "every_step": self.every_step,
        }


def _names(einsums: tuple[str, ...]) -> str:
    return " and ".join(einsums)


def fuse(cascade: Cascade, rank: str) -> Fusion:
    """Group a cascade's Einsums into the fewest loops over a rank, all inputs that have it counted together.

    Einsums of one sweep share a loop unless they need the rank in orders that no loop has at once. Raises
    `UnknownName` for a rank the cascade has not and `UsageError` for one that no input has.
    """
    form = structure(cascade)
    lineage = _lineage(form, rank)
    run = count_lineages(unroll_smallest(form), [lineage])
    column = int(np.argmax(run.levels.counts))
    every_step = _grows(form, lineage, run)
    sweep_of = run.levels.statement_levels[:, column].tolist()
    loops: list[Loop] = []
    walls: list[Wall] = []
    ends: dict[int, Barrier] = {b.number or 0: b for b in barriers(run.graph, run.levels, [column])[0]}
    for level in sorted(set(sweep_of) - {0}):
        members = [s for s, own in enumerate(sweep_of) if own == level]
        if loops:
            walls.append(_wall(len(loops), ends, level))
        groups = [members] if every_step else _orderly(run, column, members)
        for number, group in enumerate(groups):
            if number:
                walls.append(_turn(form, run, column, len(loops), groups[number - 1], group))
            names = tuple(dict.fromkeys(form.statements[s].tensor for s in group))
            loops.append(Loop(names, level, "any" if every_step else _order(run, column, group)))
    inside = {name for loop in loops for name in loop.einsums}
    outside = tuple(dict.fromkeys(s.tensor for s in form.statements if s.tensor not in inside))
    return Fusion(cascade.name, cascade.file, lineage.rank, tuple(loops), tuple(walls), outside, every_step)


def _grows(form: Structure, lineage: Lineage, run: Count) -> bool:
    """Whether an iterative rank repeats the loops at each of its steps."""
    most = run.levels.counts.max()
    for rank in growing_ranks(run):
        size = longer(form, rank, run.graph.sizes)
        with suppress(TooLarge):
            if size is not None:
                larger = count_lineages(unroll_smallest(form, {rank: size}), [lineage])
                if larger.levels.counts.max() > most:
                    return True
    return False


def _lineage(form: Structure, rank: str) -> Lineage:
    """All inputs that have the rank, or the whole it is a factor of, as roots."""
    cascade = form.cascade
    name = canonical(cascade, rank)
    known = {r for ranks in form.positions.values() for r in ranks if r} | set(form.rank.values())
    known |= {r for p in cascade.partitions for r in (p.rank, *p.factors)}
    if name not in known:
        raise UnknownName(f"rank of {cascade.name}", rank, known)
    along = {d.tensor: carried_along(form, d.tensor, name) for d in cascade.inputs}
    followed = next((a for a in along.values() if a is not None and a != name), name)
    roots = tuple(tensor for tensor, a in along.items() if a == followed)
    if not roots:
        raise UsageError(f"no input of {cascade.name} has rank {rank}: there is nothing to walk over")
    return follow(form, name, followed, roots)


def _wall(after: int, ends: dict[int, Barrier], level: int) -> Wall:
    """The barriers of the sweeps before `level`."""
    found = [ends[n] for n in sorted(ends) if n < level][-1:]
    if not found:
        return Wall(after, (), 0, "a complete traversal")
    return Wall(after, found[0].einsums, found[0].line, found[0].reason)


def _orderly(run: Count, column: int, members: list[int]) -> list[list[int]]:
    """Statements of one sweep in groups that one order each serves; most sweeps are one group."""
    behind = needs(run.graph)
    groups: list[list[int]] = []
    for statement in members:
        first = max((i for i, group in enumerate(groups) if any(behind[statement] >> s & 1 for s in group)), default=0)
        for group in groups[first:]:
            if not has_cycle(_before(run, column, [*group, statement])):
                group.append(statement)
                break
        else:
            groups.append([statement])
    return groups


def _before(run: Count, column: int, statements: list[int]) -> dict[int, int]:
    return orders(run.graph, run.levels, [Question(column, frozenset(statements))])[0]


def _order(run: Count, column: int, statements: list[int]) -> str:
    before = _before(run, column, statements)
    if not before:
        return "any"
    if all(earlier >> v == 0 for v, earlier in before.items()):
        return "ascending"
    if all(earlier & ((1 << v + 1) - 1) == 0 for v, earlier in before.items()):
        return "descending"
    return "another"


def _turn(form: Structure, run: Count, column: int, after: int, group: list[int], other: list[int]) -> Wall:
    """A wall because two groups need different orders."""
    statement = form.statements[other[0]]
    here, there = _order(run, column, group), _order(run, column, other)
    simple = {"ascending", "descending"}
    if here != there and {here, there} <= simple:
        reason = f"needs {there} order, loop {after} {here}"
    else:
        names = dict.fromkeys(form.statements[s].tensor for s in group)
        reason = f"no order of {run.levels.columns.fibers[column].lineage.rank} serves it and {', '.join(names)}"
    return Wall(after, (statement.tensor,), statement.einsum.span.line, reason)
