"""Counts at one set of sizes: unroll, lay out the fibers, propagate, collect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fusemax.analysis.fibers import Fiber, columns, fibers_of
from fusemax.analysis.levels import Levels, levels
from fusemax.analysis.lineage import Counted, Lineage
from fusemax.analysis.smallest import smallest_sizes
from fusemax.analysis.structure import Structure
from fusemax.analysis.unroll import Graph, OutOfRange, TooLarge, unroll
from fusemax.cascade.ranks import canonical
from fusemax.cascade.sizes import known_sizes


@dataclass(frozen=True, slots=True)
class RankColumns:
    """Which columns belong to a rank: `(tensor, its first column, one past its last)` and the merged sweep."""

    is_factor: bool
    inputs: tuple[tuple[str, int, int], ...]
    derived: tuple[tuple[str, int, int], ...]
    sweep: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """The counts of all ranks at one set of sizes, with everything they came from."""

    graph: Graph
    levels: Levels
    ranks: tuple[RankColumns, ...]

    def of(self, first: int, last: int) -> int:
        """The largest count of the fibers in some columns."""
        return int(self.levels.counts[first:last].max(initial=0))

    def values(self) -> dict[tuple[int, str, str], int]:
        """(rank's number, `input`, `derived`, `sweeps` or `passes`, tensor) -> count; factors' passes too."""
        found: dict[tuple[int, str, str], int] = {}
        for number, rank in enumerate(self.ranks):
            for kind, spans in (("input", rank.inputs), ("derived", rank.derived)):
                for tensor, first, last in spans:
                    found[number, kind, tensor] = self.of(first, last)
            found[number, "sweeps", ""] = 0 if rank.sweep is None else self.of(rank.sweep, rank.sweep + 1)
            counting = rank.inputs if rank.is_factor else (*rank.inputs, *rank.derived)
            found[number, "passes", ""] = max((self.of(first, last) for _, first, last in counting), default=0)
        return found


def count(structure: Structure, ranks: tuple[Counted, ...], fixed: Mapping[str, int] | None = None) -> Count:
    """Count all ranks at the smallest sizes, with some ranks fixed."""
    graph = unroll_smallest(structure, fixed)
    fibers: list[Fiber] = []

    def add(lineage: Lineage, merged: bool) -> tuple[str, int, int]:
        first = len(fibers)
        fibers.extend(fibers_of(graph, lineage, merged))
        return lineage.roots[0], first, len(fibers)

    spans = tuple(
        RankColumns(
            rank.is_factor,
            tuple(add(lineage, False) for lineage in rank.inputs),
            tuple(add(lineage, True) for lineage in rank.derived),
            add(rank.sweep, True)[1] if rank.sweep is not None else None,
        )
        for rank in ranks
    )
    return Count(graph, levels(graph, columns(graph, fibers)), spans)


def count_lineages(graph: Graph, lineages: list[Lineage]) -> Count:
    """Count some lineages alone, each with all fibers of its roots merged."""
    fibers = [fiber for lineage in lineages for fiber in fibers_of(graph, lineage, merged=True)]
    return Count(graph, levels(graph, columns(graph, fibers)), ())


def unroll_smallest(structure: Structure, fixed: Mapping[str, int] | None = None) -> Graph:
    """Unroll at the smallest sizes, grown where an index needs more; at the default sizes if that never ends."""
    wanted: dict[str, int] = {}
    for _ in range(20):
        sizes = smallest_sizes(structure, fixed, wanted)
        try:
            return unroll(structure, sizes)
        except OutOfRange as error:
            rank = structure.positions[error.tensor][error.position]
            if rank is None or error.index < sizes[rank] or rank in (fixed or {}):
                break
            wanted[rank] = error.index + 1
    defaults, missing = known_sizes(structure.cascade)
    if missing or fixed:
        raise TooLarge(f"{structure.cascade.file}: found no small sizes at which every index is in range")
    try:
        return unroll(structure, {**defaults, **{r: defaults[canonical(structure.cascade, r)] for r in defaults}})
    except OutOfRange as error:
        raise TooLarge(f"{structure.cascade.file}: index {error.index} of {error.tensor} is out of range") from None
