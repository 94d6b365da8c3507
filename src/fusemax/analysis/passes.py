"""How often a cascade must walk over each of its ranks, and which Einsums force it to.

The definition is that of docs/explanation/passes.md, on the cascade unrolled at the smallest sizes it allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from fusemax.analysis.barriers import Barrier, barriers
from fusemax.analysis.conflict import Question, has_cycle, orders
from fusemax.analysis.counting import Count, Key, count
from fusemax.analysis.explain import headline
from fusemax.analysis.formula import Count as Number
from fusemax.analysis.growth import LARGER
from fusemax.analysis.lineage import Counted, counted
from fusemax.analysis.numbers import numbers_of
from fusemax.analysis.structure import Structure, structure
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import canonical


@dataclass(frozen=True, slots=True)
class EinsumPass:
    """One Einsum's pass over a rank: of the leading tensor, and of all inputs together; 0 if it visits none."""

    tensor: str
    line: int
    number: int
    sweep: int


@dataclass(frozen=True, slots=True)
class RankPasses:
    """The counts of one rank. For a factor `sweeps` is None and there is no conflict, leader or barrier.

    `einsums` is empty when `passes` is a formula, as then an Einsum is in a different pass at every step.
    """

    rank: str
    is_factor: bool
    passes: Number
    tensors: dict[str, Number]
    derived: dict[str, Number]
    sweeps: Number | None = None
    conflict: bool = False
    leading: str | None = None
    barriers: tuple[Barrier, ...] = ()
    einsums: tuple[EinsumPass, ...] = ()

    def document(self) -> dict[str, object]:
        """As in the JSON of `fusemax passes`."""
        counts: dict[str, object] = {"passes": self.passes, "tensors": self.tensors, "derived": self.derived}
        if self.is_factor:
            return counts
        ends = [barrier.document() for barrier in self.barriers]
        return {
            **counts, "sweeps": self.sweeps, "conflict": self.conflict, "leading": self.leading, "barriers": ends,
        }  # fmt: skip

    def split(self) -> tuple[tuple[str, ...], ...]:
        """The Einsums of each pass by the tensors they write; empty if the number of passes is a formula."""
        last = max((e.number or e.sweep for e in self.einsums), default=0)
        found = [[e.tensor for e in self.einsums if (e.number or e.sweep) == level] for level in range(1, last + 1)]
        return tuple(tuple(dict.fromkeys(names)) for names in found)


@dataclass(frozen=True)
class Passes(Result):
    """The pass counts of a cascade: `ranks` in the order whole ranks, then factors.

    `asked` are the ranks the answer in words is about; `explained` adds the Einsums of each pass to it.
    """

    command: ClassVar[str] = "passes"
    cascade: str
    file: str
    ranks: dict[str, RankPasses]
    asked: tuple[str, ...] = ()
    explained: bool = False

    def headline(self) -> str:
        """How many passes, and which Einsum ends which."""
        return headline(self.cascade, [self.ranks[rank] for rank in self.asked], self.explained)

    def document(self) -> Mapping[str, object]:
        """The JSON of `fusemax passes`, without its schema."""
        return {
            "cascade": self.cascade,
            "file": self.file,
            "ranks": {name: rank.document() for name, rank in self.ranks.items()},
        }

    def rows(self) -> list[dict[str, object]]:
        """One row per rank; a factor has no sweeps, conflict or barriers."""
        rows = []
        for name, rank in self.ranks.items():
            row: dict[str, object] = {"rank": name, "passes": rank.passes}
            if not rank.is_factor:
                row |= {"sweeps": rank.sweeps, "conflict": rank.conflict}
            row |= {"tensors": _listed(rank.tensors), "derived": _listed(rank.derived)}
            if not rank.is_factor:
                row["barriers"] = "; ".join(f"{', '.join(b.einsums)} ({b.reason})" for b in rank.barriers)
            rows.append(row)
        return rows

    def columns(self) -> tuple[str, ...]:
        """The table's columns."""
        return ("rank", "passes", "sweeps", "conflict", "tensors", "derived", "barriers")


def _listed(counts: Mapping[str, Number]) -> str:
    return ", ".join(f"{tensor} {number}" for tensor, number in counts.items())


def passes(cascade: Cascade) -> Passes:
    """Count the passes over every rank of a legal cascade; the cost does not depend on its `sizes`.

    >>> from fusemax.cascade import load
    >>> found = passes(load("attn_3pass"))
    >>> found.ranks["M"].passes, [barrier.reason for barrier in found.ranks["M"].barriers]
    (3, ['max over m', 'sum over m'])
    """
    return count_passes(cascade).passes


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts with the runs they came from: at the smallest sizes, and the largest where some count grows."""

    structure: Structure
    base: Count
    largest: Count
    passes: Passes

    def factors(self, rank: str) -> tuple[str, ...]:
        """The factors of a partitioned rank, the outermost left out; none for any other rank."""
        return self.structure.factors.get(rank, ())[1:]


def count_passes(cascade: Cascade) -> Counts:
    """As `passes`, for analyses that go on from the runs."""
    form = structure(cascade)
    ranks = counted(form)
    base = count(form, ranks)
    numbers, largest = numbers_of(form, ranks, base)
    found = {}
    conflicts = _conflicts(base)
    for number, rank in enumerate(ranks):
        found[rank.rank] = _rank(number, rank, numbers, base, largest, conflicts.get(number, False))
    _add_barriers(found, ranks, base, largest)
    result = Passes(cascade.name, cascade.file, found, _first_asked(cascade, found))
    return Counts(form, base, largest, result)


def _first_asked(cascade: Cascade, found: Mapping[str, RankPasses]) -> tuple[str, ...]:
    """The rank a cascade is about: the first one `expect` names, else the first with the most passes."""
    claimed = [canonical(cascade, claim.rank) for claim in cascade.claims]
    by_size = sorted(found, key=lambda rank: (found[rank].is_factor, -_least(found[rank].passes)))
    return tuple([rank for rank in claimed if rank in found][:1] or by_size[:1])


def _least(number: Number) -> int:
    return number if isinstance(number, int) else LARGER  # a formula grows past any integer


# ---------------------------------------------------------------------------------- what goes with the counts


def _rank(
    number: int, rank: Counted, numbers: Mapping[Key, Number], base: Count, largest: Count, conflict: bool
) -> RankPasses:
    tensors = {lineage.roots[0]: numbers[number, "input", lineage.roots[0]] for lineage in rank.inputs}
    derived = {lineage.roots[0]: numbers[number, "derived", lineage.roots[0]] for lineage in rank.derived}
    number_of_passes = numbers[number, "passes", ""]
    if rank.is_factor:
        return RankPasses(rank.rank, True, number_of_passes, tensors, derived)
    leading = next((t for t, n in (*tensors.items(), *derived.items()) if n == number_of_passes), None)
    if number_of_passes == 0:
        leading = None
    sweeps = numbers.get((number, "sweeps", ""), 0)
    return RankPasses(rank.rank, False, number_of_passes, tensors, derived, sweeps, conflict, leading)


def _conflicts(base: Count) -> dict[int, bool]:
    """Rank's number -> whether the Einsums of some sweep have no common order."""
    questions: list[Question] = []
    owners: list[int] = []
    for (number, kind, _), (column, _) in base.spans.items():
        if kind != "sweeps":
            continue
        by_level: dict[int, set[int]] = {}
        for statement, level in enumerate(base.levels.statement_levels[:, column].tolist()):
            if level:
                by_level.setdefault(level, set()).add(statement)
        questions += [Question(column, frozenset(members)) for members in by_level.values()]
        owners += [number] * len(by_level)
    found: dict[int, bool] = {}
    for owner, before in zip(owners, orders(base.graph, base.levels, questions), strict=True):
        found[owner] = found.get(owner, False) or has_cycle(before)
    return found


def leading_column(run: Count, number: int, leading: str) -> int:
    """The column of the leading tensor's first fiber with the largest count."""
    first, last = run.spans.get((number, "input", leading)) or run.spans[number, "derived", leading]
    counts: list[int] = run.levels.counts[first:last].tolist()
    return first + counts.index(max(counts))


def _add_barriers(found: dict[str, RankPasses], ranks: tuple[Counted, ...], base: Count, largest: Count) -> None:
    """Put in the barriers of each rank's leading fiber, and the pass of every Einsum."""
    for run, formulas in ((base, False), (largest, True)):
        columns = {}
        for number, rank in enumerate(ranks):
            known = found[rank.rank]
            if known.leading is not None and isinstance(known.passes, str) == formulas:
                columns[rank.rank] = leading_column(run, number, known.leading)
                if not formulas:
                    sweep = run.spans.get((number, "sweeps", ""))
                    einsums = _einsums(run, columns[rank.rank], sweep and sweep[0])
                    found[rank.rank] = replace(known, einsums=einsums)
        several = {name: column for name, column in columns.items() if found[name].passes != 1}
        if several:
            ends = barriers(run.graph, run.levels, list(several.values()))
            for name, walls in zip(several, ends, strict=True):
                found[name] = replace(found[name], barriers=_steady(walls) if formulas else walls)


def _einsums(run: Count, column: int, sweep: int | None) -> tuple[EinsumPass, ...]:
    statements = run.graph.structure.statements
    passes_of: list[int] = run.levels.statement_levels[:, column].tolist()
    sweeps_of = [0] * len(statements) if sweep is None else run.levels.statement_levels[:, sweep].tolist()
    return tuple(
        EinsumPass(s.tensor, s.einsum.span.line, *levels)
        for s, *levels in zip(statements, passes_of, sweeps_of, strict=True)
    )


def _steady(walls: tuple[Barrier, ...]) -> tuple[Barrier, ...]:
    """The different barriers of one step, away from where the run starts and ends, in text order."""
    middle = walls[1:-1] if len(walls) > 4 else walls
    distinct = {barrier.einsums: barrier for barrier in reversed(middle)}
    steps = sorted(distinct.values(), key=lambda barrier: (barrier.line, barrier.einsums))
    return tuple(Barrier(None, barrier.einsums, barrier.line, barrier.reason) for barrier in steps)
