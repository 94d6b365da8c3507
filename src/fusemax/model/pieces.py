"""In which pieces an Einsum's operands come through the outermost memory where nothing keeps them in the buffer.

An array that runs freely works on tiles: iterations of the loops that all Einsums have, down to the first over a rank
that some Einsum of the same array sums over. What a tile streams past the buffer waits there in two places. Where a
head has few tiles, as at decode, each is cut along the keys, into `PARTS` a head: then little is there before its turn.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, product, where
from fusemax.design.nest import Loop
from fusemax.design.schedule import Phase

if TYPE_CHECKING:
    from fusemax.model.measure import Measured

__all__ = ["FEW", "PARTS", "PIECES", "ahead", "tile_loops"]

PIECES = 4
"""In how many pieces a block of rows that come from memory or go there is worked on."""
FEW, PARTS = 32, 128
"""Tiles of a head that are too few to stand for it, and how many there are at the most when they are cut."""


def tile_loops(measured: Measured, phase: Phase, name: str) -> tuple[Loop, ...]:
    """The loops in time that make an Einsum's tiles; none over keys all of which every reader takes at once."""
    key = ("tile loops", name, *(measured.nest(n).signature for n in phase.einsums))
    found: tuple[Loop, ...] = measured.memo(key, partial(_find_tile_loops, measured, phase, name))
    return found


def _find_tile_loops(measured: Measured, phase: Phase, name: str) -> tuple[Loop, ...]:
    own = _shared_loops(measured, phase, name)
    written = measured.nest(name).output.tensor
    readers = [n for n in phase.einsums if measured.nest(n).reads(written)]
    roots = {loop.root for n in readers for loop in _shared_loops(measured, phase, n)}
    for i, loop in enumerate(own):
        if readers and loop.root not in roots:
            return own[:i]
    return own


def _shared_loops(measured: Measured, phase: Phase, name: str) -> tuple[Loop, ...]:
    nest = measured.nest(name)
    common = set.intersection(*({x.root for x in measured.nest(s.name).loops} for s in measured.design.specs))
    common |= {"P", "M"} & {x.root for x in nest.loops}
    companions = [n for n in phase.einsums if measured.nest(n).on == nest.on]
    for i, loop in enumerate(nest.temporal):
        if loop.root not in common or any(_sums(measured, n, loop) for n in companions):
            return nest.temporal[:i]
    return nest.temporal


def _sums(measured: Measured, name: str, loop: Loop) -> bool:
    """Whether an Einsum sums over a loop that stands inside the outermost memory's."""
    nest = measured.nest(name)
    own = [x for x in nest.temporal if x.variable == loop.variable]
    outer = {x.variable for x in nest.levels[0].loops}
    return bool(own) and loop.variable not in outer and not own[0].ranks & nest.output.ranks


def ahead(measured: Measured, phase: Phase, name: str) -> Number:
    """The share of a head's stream that can be there before an Einsum's turn: all of it, or two pieces of many.

    1 where tiles are not cut.
    """
    loops = tile_loops(measured, phase, name)
    key = ("ahead", name, measured.nest(name).on, measured.nest(name).signature, len(loops))
    found: Number = measured.memo(key, partial(_find_ahead, measured, name, loops))
    return found


def _find_ahead(measured: Measured, name: str, loops: tuple[Loop, ...]) -> Number:
    nest = measured.nest(name)
    tiles = product(measured.tiling.bound(x) for x in loops if x.part not in measured.design.mapping.batch)
    cut: Number = False
    first: Number = True
    for loop in nest.temporal:
        if loop not in loops:
            several = measured.tiling.bound(loop) > 1
            cut = cut | (first & several) if loop.root == "M" else cut
            first = first & (measured.tiling.bound(loop) <= 1)
    few = (tiles < FEW) & cut & (measured.sizes(f"{nest.on}.rows") > 1)
    return where(few, 2 / PARTS, 1)
