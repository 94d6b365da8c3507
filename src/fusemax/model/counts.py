"""How often each operand is read, filled and updated at each level: the counting rule of a loop-nest model.

For an operand with ranks R, at a level of its nest:

* arrivals: the loops over R at the level and inside it, times all loops in time outside the level after dropping
  the innermost run of loops (bound above 1) that are not over R: those repeat what is already there.
* access: what the next level in that keeps the operand (or the arithmetic) asks for; spatial loops over R in
  between multiply, spatial loops not over R share one access (multicast, spatial reduction).
* an input is read at every access and filled at every arrival; an output is updated at every access, and read
  and filled again except the first time, which is its share of distinct elements (``part``).

Each of these is a set of loops, and a count is the set's extent (`Tiling.extent`): the product of the bounds, or
with ragged tiles and masks the points that are really there. For one instance of a level the loops spread over
its instances are left out; for all instances they are in.

Source: the rule of Timeloop (Parashar et al., ISPASS 2019) as the FuseMax artifact uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fusemax.design.arithmetic import Number, is_array, product, where, wrapped_share
from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop, Nest
from fusemax.model.tiling import Tiling

__all__ = ["Count", "count", "cycles", "points", "processing_elements"]


@dataclass(frozen=True)
class Count:
    """Words read, filled from outside and updated from inside, of one instance of a level or of all."""

    reads: Number
    fills: Number
    updates: Number


def cycles(nest: Nest, tiling: Tiling) -> Number:
    """Iterations in time; a partial tile takes as many as a whole one."""
    return tiling.extent(nest, nest.temporal)


def points(nest: Nest, tiling: Tiling) -> Number:
    """Points of the iteration space that are computed."""
    return tiling.extent(nest, nest.loops)


def processing_elements(nest: Nest, tiling: Tiling) -> Number:
    """Processing elements (or lanes) that a whole tile uses."""
    return product(tiling.bound(loop) for loop in nest.spatial)


def count(nest: Nest, operand: Operand, tiling: Tiling) -> dict[int, Count]:
    """Counts of one operand by level index, for the levels that keep it.

    Registers of processing elements count for all of them with ``all-registers``, else for one; every other level
    has one instance.
    """
    keeping = nest.keeping(operand.label)
    is_output = operand is nest.output
    key = ("count", nest.signature, operand.ranks, keeping, is_output)
    if key not in tiling.memo:
        tiling.memo[key] = _count(nest, operand, tiling, keeping, is_output)
    found: dict[int, Count] = tiling.memo[key]
    return found


def _count(nest: Nest, operand: Operand, tiling: Tiling, keeping: tuple[int, ...], is_output: bool) -> dict[int, Count]:
    everywhere = "all-registers" in tiling.accounting
    found = {}
    for place, level in enumerate(keeping):
        inner = keeping[place + 1] if place + 1 < len(keeping) else None
        spread = nest.levels[level].component == f"{nest.on}.registers" and everywhere
        copies = tuple(loop for at in nest.levels[:level] for loop in at.spatial) if spread else ()
        access = _extent(nest, operand, tiling, _access(nest, operand, level, inner, tiling), copies)
        fills: Number = 0
        if place:
            fills = _extent(nest, operand, tiling, _arrivals(nest, operand.ranks, level, tiling), copies)
        if is_output:
            first = _first(nest, operand, tiling, level, copies)
            found[level] = Count(access - first, fills - first if place else 0, access)
        else:
            found[level] = Count(access, fills, 0)
    return found


@dataclass(frozen=True)
class _Set:
    """Loops that count, and loops that count at the points where ``live`` holds (an array only then)."""

    always: tuple[Loop, ...]
    sometimes: tuple[tuple[Loop, Number], ...] = ()


def _access(nest: Nest, operand: Operand, level: int, inner: int | None, tiling: Tiling) -> _Set:
    between = tuple(loop for at in nest.levels[level:inner] for loop in at.spatial if loop.ranks & operand.ranks)
    if inner is None:
        return _Set((*nest.temporal, *between))
    arriving = _arrivals(nest, operand.ranks, inner, tiling)
    return _Set((*arriving.always, *between), arriving.sometimes)


def _arrivals(nest: Nest, ranks: frozenset[str], level: int, tiling: Tiling) -> _Set:
    always = [loop for at in nest.levels[level:] for loop in (*at.loops, *at.spatial) if loop.ranks & ranks]
    sometimes = []
    counting: Number = False  # whether a loop over the operand's ranks stands inside the loop at hand
    for outer in reversed(nest.levels[:level]):
        for loop in reversed(outer.loops):
            if loop.ranks & ranks:
                always.append(loop)
                counting = counting | (tiling.bound(loop) > 1)
            elif is_array(counting):
                if counting.all():
                    always.append(loop)
                elif counting.any():
                    sometimes.append((loop, counting))
            elif counting:
                always.append(loop)
    return _Set(tuple(always), tuple(sometimes))


def _extent(nest: Nest, operand: Operand, tiling: Tiling, loops: _Set, copies: tuple[Loop, ...]) -> Number:
    """The extent of a set; where points differ in which loops count, each takes its own."""
    value = tiling.extent(nest, (*loops.always, *copies))
    taken = loops.always
    for loop, live in reversed(loops.sometimes):  # from the outermost in: where one counts, those outside it do too
        taken = (*taken, loop)
        value = where(live, tiling.extent(nest, (*taken, *copies)), value)
    return value


def _first(nest: Nest, operand: Operand, tiling: Tiling, level: int, copies: tuple[Loop, ...]) -> Number:
    """Distinct elements at a level: those an output need not be read before it is first written.

    The published tool multiplies by the tile on the way, modulo 2^64.
    """
    ranks = operand.ranks
    if "exact-counts" in tiling.accounting:
        apart = {loop for at in nest.levels[:level] for loop in at.spatial}
        own = tuple(loop for loop in nest.loops if loop.ranks & ranks and loop not in apart)
        return tiling.extent(nest, (*own, *copies))
    share: Number = tiling.tile(nest, ranks, 0)
    before: Number = None
    for below in range(1, level + 1):
        spread = product(tiling.bound(loop) for loop in nest.levels[below - 1].spatial if loop.ranks & ranks)
        tile = tiling.tile(nest, ranks, below)
        if tile is not before or is_array(spread) or spread != 1:  # else the same step again, which changes nothing
            share = wrapped_share(share, tile, spread)
        before = tile
    return share * product(tiling.bound(loop) for loop in copies)
