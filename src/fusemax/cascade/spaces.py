"""Ranks and iteration spaces of a cascade as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.cascade.ir import Access, Cascade, Einsum, walk
from fusemax.cascade.positions import position_ranks
from fusemax.cascade.print import CANONICAL
from fusemax.cascade.ranks import canonical, declared_ranks, factors_of, rank_of_variable, variable_of, whole_of
from fusemax.cascade.reductions import all_reductions, left_variables, right_variables
from fusemax.cascade.sizes import known_sizes

__all__ = ["IterationSpaces", "Ranks", "iteration_spaces", "ranks"]


@dataclass(frozen=True)
class Ranks(Result):
    """Every rank: its variable, shape, what it is to other ranks, and the tensors that have it."""

    command: ClassVar[str] = "show"
    cascade: Cascade
    sizes: Mapping[str, int]

    def rows(self) -> list[dict[str, object]]:
        """One row per rank; a shape that nothing gives is None."""
        positions = position_ranks(self.cascade)
        return [
            {
                "rank": rank,
                "variable": variable_of(rank),
                "shape": self.sizes.get(rank),
                "is": _relation(self.cascade, rank),
                "tensors": ", ".join(t for t, found in positions.items() if canonical(self.cascade, rank) in found),
            }
            for rank in declared_ranks(self.cascade)
        ]

    def document(self) -> dict[str, object]:
        """`cascade` and `ranks`: the rows."""
        return {"cascade": self.cascade.name, "ranks": self.rows()}


def _relation(cascade: Cascade, rank: str) -> str:
    found = []
    if canonical(cascade, rank) != rank:
        found.append(f"another name of {canonical(cascade, rank)}")
    if factors_of(cascade, rank):
        found.append(f"partitioned into {' * '.join(factors_of(cascade, rank))}")
    whole = whole_of(cascade, rank)
    if whole is not None:
        found.append(f"{'outermost ' if factors_of(cascade, whole)[0] == rank else ''}factor of {whole}")
    found += [
        f"equal to {e.right if e.left == rank else e.left}" for e in cascade.equalities if rank in (e.left, e.right)
    ]
    found += [
        f"{'iterated' if section.until is not None else 'iterated downwards'}"
        for section in cascade.sections
        if section.variable is not None and rank_of_variable(cascade, section.variable) == canonical(cascade, rank)
    ]
    return ", ".join(dict.fromkeys(found))


def ranks(cascade: Cascade) -> Ranks:
    """The ranks of a cascade with their default shapes."""
    return Ranks(cascade, known_sizes(cascade)[0])


@dataclass(frozen=True)
class IterationSpaces(Result):
    """Every Einsum's iteration space: the variables it walks, those it reduces, and how many points that makes."""

    command: ClassVar[str] = "show"
    cascade: Cascade
    sizes: Mapping[str, int]

    def rows(self) -> list[dict[str, object]]:
        """One row per Einsum. `points` is None when a shape is not given, and counts filtered points too."""
        return [self._row(einsum) for einsum in self.cascade.einsums]

    def _row(self, einsum: Einsum) -> dict[str, object]:
        variables = tuple(dict.fromkeys((*left_variables(einsum), *right_variables(einsum))))
        names = [rank_of_variable(self.cascade, variable) for variable in variables]
        known = all(name in self.sizes for name in names)
        reads = (node for node in walk(einsum.right) if isinstance(node, Access))
        filters = [CANONICAL.expr(i.filter) for node in reads for i in node.indices if i.filter is not None]
        return {
            "einsum": CANONICAL.left(einsum),
            "variables": ", ".join(variables),
            "reduced": ", ".join(f"{step.operator}({', '.join(step.variables)})" for step in all_reductions(einsum)),
            "shape": " * ".join(names),
            "points": prod(self.sizes[name] for name in names) if known else None,
            "filter": " and ".join(filters),
        }

    def document(self) -> dict[str, object]:
        """`cascade` and `einsums`: the rows."""
        return {"cascade": self.cascade.name, "einsums": self.rows()}


def iteration_spaces(cascade: Cascade) -> IterationSpaces:
    """The iteration space of every Einsum, at the default shapes."""
    return IterationSpaces(cascade, known_sizes(cascade)[0])
