"""Which iterative ranks a count can grow with."""

from __future__ import annotations

from fusemax.analysis.counting import Count
from fusemax.analysis.levels import SEEN
from fusemax.analysis.lineage import Lineage
from fusemax.analysis.smallest import INNER
from fusemax.analysis.structure import Statement, Structure
from fusemax.cascade.positions import plain_variable
from fusemax.cascade.ranks import factors_of


LARGER = 7
"""Where an iterative rank is tried again: a count that grows by one in three steps shows between 4 and 7."""


def longer(structure: Structure, rank: str, n: int = LARGER) -> int:
    """Size n for an iterative rank, or n tiles of the smallest size when it is partitioned."""
    inner = factors_of(structure.cascade, rank)[1:]
    tiles: int = INNER ** len(inner)
    return n * tiles


def growing_ranks(run: Count) -> tuple[str, ...]:
    """The iterative ranks with which some count may grow, one of each class of `equal` ranks.

    A level rises without end only along a chain of visits that comes back to the same statement, so only
    statements that need one another, step after step, matter. Such statements cannot raise it twice where every
    lineage read follows the step (`X[i]` in step i: after a complete traversal the first coordinates do not
    come again), nor where a cell never gets to see a second coordinate.
    """
    structure = run.graph.structure
    found: dict[str, str] = {}
    for group, stepwise in zip(structure.groups, structure.stepwise, strict=True):
        step = structure.statements[group[0]].step
        if not stepwise or step is None:
            continue
        name = structure.classes.get(structure.rank[step], structure.rank[step])
        if name not in found and _may_grow(run, group):
            found[name] = structure.rank[step]
    return tuple(found.values())


def _may_grow(run: Count, group: tuple[int, ...]) -> bool:
    statements = [run.graph.structure.statements[number] for number in group]
    tied: dict[int, bool] = {}
    chosen = []
    for j, fiber in enumerate(run.levels.columns.fibers):
        lineage = fiber.lineage
        if id(lineage) not in tied:
            tied[id(lineage)] = all(_is_tied(statement, lineage) for statement in statements)
        if not tied[id(lineage)]:
            chosen.append(j)
    for number in group if chosen else ():
        seen = run.levels.state[run.graph.statements[number].cells, SEEN][:, chosen]
        if ((seen & (seen - (seen != 0))) != 0).any():
            return True
    return False


def _is_tied(statement: Statement, lineage: Lineage) -> bool:
    """Whether each lineage read has the step variable, plain, at a carrying position."""
    flags = lineage.lineage.get(statement.number, ())
    return all(
        any(plain_variable(read.access.indices[p].value) == statement.step for p in lineage.carriers[read.tensor])
        for read, flag in zip(statement.reads, flags, strict=False)
        if flag
    )
