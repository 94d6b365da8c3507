"""Counts at one set of sizes: unroll, lay out the fibers, propagate, collect."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from fusemax.analysis.fibers import Fiber, columns, fibers_of
from fusemax.analysis.levels import Levels, levels
from fusemax.analysis.lineage import Counted, Lineage
from fusemax.analysis.smallest import smallest_sizes
from fusemax.analysis.structure import Structure
from fusemax.analysis.unroll import Graph, OutOfRange, TooLarge, unroll
from fusemax.cascade.sizes import known_sizes

Key = tuple[int, str, str]
"""A rank's number, then `input` or `derived` with a tensor, or `sweeps`, or `passes` (with no tensor)."""


@dataclass(frozen=True, slots=True)
class Count:
    """Counts at one set of sizes, with everything they came from; `spans[key]` are the columns of a count."""

    graph: Graph
    levels: Levels
    spans: dict[Key, tuple[int, int]]

    def values(self) -> dict[Key, int]:
        """The largest count of the fibers of each key."""
        counts: list[int] = self.levels.counts.tolist()
        return {key: max(counts[first:last], default=0) for key, (first, last) in self.spans.items()}

    def keys_of(self, chosen: list[int]) -> set[Key]:
        """The keys that some columns belong to."""
        return {key for key, (first, last) in self.spans.items() if any(first <= j < last for j in chosen)}


def count(
    structure: Structure,
    ranks: tuple[Counted, ...],
    fixed: Mapping[str, int] | None = None,
    only: Container[Key] | None = None,
) -> Count:
    """Count all ranks, or only some keys, at the smallest sizes, with some ranks fixed."""
    graph = unroll_smallest(structure, fixed)
    fibers: list[Fiber] = []
    spans: dict[Key, tuple[int, int]] = {}

    def add(key: Key, lineage: Lineage, merged: bool) -> None:
        if only is None or key in only:
            first = len(fibers)
            fibers.extend(fibers_of(graph, lineage, merged))
            spans[key] = first, len(fibers)

    for number, rank in enumerate(ranks):
        for lineage in rank.inputs:
            add((number, "input", lineage.roots[0]), lineage, merged=False)
        for lineage in rank.derived:
            add((number, "derived", lineage.roots[0]), lineage, merged=True)
        if rank.sweep is not None:
            add((number, "sweeps", ""), rank.sweep, merged=True)
    return Count(graph, levels(graph, columns(graph, fibers)), spans)


def count_lineages(graph: Graph, lineages: list[Lineage]) -> Count:
    """Count some lineages alone, each with all fibers of its roots merged."""
    fibers = [fiber for lineage in lineages for fiber in fibers_of(graph, lineage, merged=True)]
    return Count(graph, levels(graph, columns(graph, fibers)), {})


def unroll_smallest(structure: Structure, fixed: Mapping[str, int] | None = None) -> Graph:
    """Unroll at the smallest sizes at which every index is in range.

    A rank that an index runs past is made longer; where that cannot help, the ranks of the index get their
    default sizes, and in the end all do. Raises `TooLarge` when no sizes are found.
    """
    wanted: dict[str, int] = {}
    pinned = dict(fixed or {})
    for _ in range(30):
        sizes = smallest_sizes(structure, pinned, wanted)
        try:
            return unroll(structure, sizes)
        except OutOfRange as error:
            rank = structure.positions[error.tensor][error.position]
            if rank is not None and error.index >= sizes[rank] and rank not in pinned:
                wanted[rank] = error.index + 1
                continue
            defaults = known_sizes(structure.cascade)[0]
            known = {structure.rank[v] for v in error.variables} & defaults.keys() - pinned.keys()
            if not known:
                break
            pinned.update((rank, defaults[rank]) for rank in known)
    defaults = known_sizes(structure.cascade)[0]
    if fixed or set(structure.rank.values()) - defaults.keys():
        raise TooLarge(f"{structure.cascade.file}: found no small sizes at which every index is in range")
    try:
        return unroll(structure, defaults)
    except OutOfRange as error:
        raise TooLarge(f"{structure.cascade.file}: index {error.index} of {error.tensor} is out of range") from None
