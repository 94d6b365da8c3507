"""How often each operand is read, filled and updated at each level: the counting rule of a loop-nest model.

For an operand with ranks R, at a level of its nest and for one instance of it:

* tile: product of the bounds of loops over R at the level and inside it.
* arrivals: tile x the bounds of all loops in time outside the level, after dropping the innermost run of loops
  (bound above 1) that are not over R: those repeat what is already there.
* access: what the next level in that keeps the operand (or the arithmetic) asks for; spatial loops over R in
  between multiply, spatial loops not over R share one access (multicast, spatial reduction).
* an input is read at every access and filled at every arrival; an output is updated at every access, and read
  and filled again except the first time, which is its share of distinct elements (``part``).

Source: the rule of Timeloop (Parashar et al., ISPASS 2019) as the FuseMax artifact uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fusemax.design.arithmetic import Number, product, where, wrapped_share
from fusemax.design.einsums import Operand
from fusemax.design.nest import Nest
from fusemax.model.tiling import Tiling

__all__ = ["Count", "count", "cycles", "processing_elements"]


@dataclass(frozen=True)
class Count:
    """Words per instance of one level: read, filled from outside, updated from inside."""

    reads: Number
    fills: Number
    updates: Number


def cycles(nest: Nest, tiling: Tiling) -> Number:
    """Iterations in time: the product of all temporal bounds."""
    key = ("cycles", tuple(loop.part for loop in nest.temporal))
    if key not in tiling.memo:
        tiling.memo[key] = product(tiling.bound(loop) for loop in nest.temporal)
    return tiling.memo[key]


def processing_elements(nest: Nest, tiling: Tiling) -> Number:
    """Processing elements (or lanes) that a nest uses."""
    return product(tiling.bound(loop) for loop in nest.spatial)


def count(nest: Nest, operand: Operand, tiling: Tiling) -> dict[int, Count]:
    """Counts of one operand by level index, for the levels that keep it."""
    keeping = nest.keeping(operand.label)
    is_output = operand is nest.output
    shape = tuple((tuple(x.part for x in at.loops), tuple(x.part for x in at.spatial)) for at in nest.levels)
    exact = "exact-counts" in tiling.accounting
    key = ("count", shape, operand.ranks, keeping, is_output, exact)
    if key not in tiling.memo:
        tiling.memo[key] = _count(nest, operand, tiling, keeping, is_output, exact)
    found: dict[int, Count] = tiling.memo[key]
    return found


def _count(
    nest: Nest, operand: Operand, tiling: Tiling, keeping: tuple[int, ...], is_output: bool, exact: bool
) -> dict[int, Count]:
    arrivals = {level: _arrivals(nest, operand.ranks, level, tiling) for level in keeping}
    parts = _parts(nest, operand.ranks, tiling, exact) if is_output else ()
    found = {}
    for place, level in enumerate(keeping):
        inner = keeping[place + 1] if place + 1 < len(keeping) else None
        spread = _spread(nest, operand.ranks, level, inner, tiling)
        access = spread * (cycles(nest, tiling) if inner is None else arrivals[inner])
        outermost = place == 0
        if is_output:
            first = parts[level]
            fills = 0 if outermost else arrivals[level] - first
            found[level] = Count(access - first, fills, access)
        else:
            found[level] = Count(access, 0 if outermost else arrivals[level], 0)
    return found


def _arrivals(nest: Nest, ranks: frozenset[str], level: int, tiling: Tiling) -> Number:
    repeats: Number = 1
    counting: Number = False  # whether a loop over the operand's ranks stands inside the loop at hand
    for outer in reversed(nest.levels[:level]):
        for loop in reversed(outer.loops):
            bound = tiling.bound(loop)
            if loop.ranks & ranks:
                repeats = repeats * bound
                counting = counting | (bound > 1)
            else:
                repeats = repeats * where(counting, bound, 1)
    return tiling.tile(nest, ranks, level) * repeats


def _spread(nest: Nest, ranks: frozenset[str], level: int, inner: int | None, tiling: Tiling) -> Number:
    """Instances of the inner level that hold different elements."""
    return product(tiling.bound(loop) for at in nest.levels[level:inner] for loop in at.spatial if loop.ranks & ranks)


def _parts(nest: Nest, ranks: frozenset[str], tiling: Tiling, exact: bool) -> tuple[Number, ...]:
    """Distinct elements per instance of each level; the published tool multiplies by the tile first, mod 2^64."""
    share: Number = tiling.tile(nest, ranks, 0)
    found = [share]
    for level in range(1, len(nest.levels)):
        spread = product(tiling.bound(loop) for loop in nest.levels[level - 1].spatial if loop.ranks & ranks)
        share = share // spread if exact else wrapped_share(share, tiling.tile(nest, ranks, level), spread)
        found.append(share)
    return tuple(found)
