"""Which iterative ranks a count can grow with."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from fusemax.analysis.counting import Count
from fusemax.analysis.levels import SEEN
from fusemax.analysis.lineage import Lineage
from fusemax.analysis.structure import Statement, Structure
from fusemax.cascade.positions import plain_variable
from fusemax.cascade.ranks import factors_of, whole_of

LARGER = 7
"""Where an iterative rank is tried again: a count that grows by one in three steps shows between 4 and 7."""


MOST = 64
"""Coordinates that fit a machine word: past it, counting is very much slower."""


def longer(structure: Structure, rank: str, sizes: Mapping[str, int], n: int = LARGER) -> int | None:
    """Size n for an iterative rank, n tiles when it is partitioned; None where a partition becomes too large."""
    cascade = structure.cascade
    inner = factors_of(cascade, rank)[1:]
    tiles = prod(sizes[factor] for factor in inner)
    whole = whole_of(cascade, rank)
    most = MOST // tiles if whole is None else MOST * sizes[rank] // sizes[whole]
    return n * tiles if n <= max(most, sizes[rank] // tiles + 1) else None


def growing_ranks(run: Count) -> dict[str, list[int]]:
    """The iterative ranks with which some fiber's count may grow, one of each class of `equal` ranks -> columns.

    A level rises without end only along a chain of visits that comes back to the same statement, so only
    statements that need one another, step after step, matter. Such statements cannot raise it twice where every
    lineage read follows the step (`X[i]` in step i: after a complete traversal the first coordinates do not
    come again), nor where a cell never gets to see a second coordinate.
    """
    structure = run.graph.structure
    names: dict[str, str] = {}
    found: dict[str, list[int]] = {}
    for group, stepwise in zip(structure.groups, structure.stepwise, strict=True):
        step = structure.statements[group[0]].step
        if stepwise and step is not None:
            rank = structure.rank[step]
            name = names.setdefault(structure.classes.get(rank, rank), rank)
            columns = _may_grow(run, group)
            if columns:
                found[name] = sorted({*found.get(name, []), *columns})
    return found


def _may_grow(run: Count, group: tuple[int, ...]) -> list[int]:
    statements = [run.graph.structure.statements[number] for number in group]
    tied: dict[int, bool] = {}
    chosen = []
    for j, fiber in enumerate(run.levels.columns.fibers):
        lineage = fiber.lineage
        if id(lineage) not in tied:
            tied[id(lineage)] = all(_is_tied(statement, lineage) for statement in statements)
        if not tied[id(lineage)]:
            chosen.append(j)
    if not chosen:
        return []
    cells = np.concatenate([run.graph.statements[number].cells for number in group])
    seen = run.levels.state[cells, SEEN][:, chosen]
    several = ((seen & (seen - (seen != 0))) != 0).any(axis=0)
    return [j for j, grows in zip(chosen, several.tolist(), strict=True) if grows]


def _is_tied(statement: Statement, lineage: Lineage) -> bool:
    """Whether each lineage read has the step variable, plain, at a carrying position."""
    flags = lineage.lineage.get(statement.number, ())
    return all(
        any(plain_variable(read.access.indices[p].value) == statement.step for p in lineage.carriers[read.tensor])
        for read, flag in zip(statement.reads, flags, strict=False)
        if flag
    )
