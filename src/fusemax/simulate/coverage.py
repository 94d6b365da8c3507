"""What of ranks a tile covers: coordinates, those that a mask lets through, and whole units of loops inside it."""

from __future__ import annotations

from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop, Nest
from fusemax.simulate.machine import Machine
from fusemax.simulate.space import Index, TileSpace

__all__ = ["covered", "num_units", "repeating", "seen", "stream_words", "times", "unit_inside"]


def seen(space: TileSpace, index: Index, root: str) -> tuple[int, int]:
    """Coordinates [low, high) of a rank that a tile covers, those without a seen pair at either end left out."""
    low, high = space.interval(index, root)
    if space.mask is None or root not in ("P", "M"):
        return low, high
    other = space.interval(index, "M" if root == "P" else "P")
    first, after = (space.mask.rows_of if root == "P" else space.mask.keys_of)(other[0], other[1] - 1)
    return max(low, first), max(max(low, first), min(high, after))


def covered(space: TileSpace, index: Index, root: str, unit: int) -> tuple[int, int]:
    """`seen` to whole units: a unit with one seen pair is moved and computed as a whole."""
    if any(axis.root == root and not axis.merged for axis in space.axes[: len(index)]):
        return space.interval(index, root)
    low, high = seen(space, index, root)
    return low // unit * unit, min(-(-high // unit) * unit, space.sizes.get(root, high))


def unit_inside(machine: Machine, nest: Nest, root: str) -> int:
    """Coordinates of a rank that the innermost loop in time over it takes at once."""
    loops = [x for x in nest.temporal if x.root == root]
    return min((machine.unit(x.part) for x in loops), default=1)


def num_units(low: int, high: int, unit: int) -> int:
    """Units that coordinates [low, high) touch."""
    return max(0, -(-high // unit) - low // unit)


def stream_words(machine: Machine, nest: Nest, operand: Operand, inner: tuple[Loop, ...]) -> int:
    """Words of an operand that pass between a memory and the array during a whole tile.

    Loops inside the innermost one over the operand's ranks repeat what is there; those outside bring it again.
    """
    last = max((i for i, loop in enumerate(inner) if loop.ranks & operand.ranks), default=-1)
    size = 1
    for loop in (*inner[: last + 1], *(x for x in nest.spatial if x.ranks & operand.ranks)):
        size *= int(machine.measured.tiling.bound(loop))
    return size


def repeating(inner: tuple[Loop, ...], operand: Operand) -> tuple[Loop, ...]:
    """Loops inside a tile, not over an operand's ranks, that bring it again: those around the innermost over them."""
    last = max((i for i, loop in enumerate(inner) if loop.ranks & operand.ranks), default=-1)
    return tuple(loop for loop in inner[: last + 1] if not loop.ranks & operand.ranks)


def times(machine: Machine, space: TileSpace, index: Index, loops: tuple[Loop, ...]) -> int:
    """Iterations of loops inside a tile, over what is there and seen."""
    number = 1
    units: dict[str, int] = {}
    for loop in loops:
        if loop.root in ("P", "M"):
            unit = machine.unit(loop.part)
            units[loop.root] = min(unit, units.get(loop.root, unit))
        else:
            number *= int(machine.measured.tiling.bound(loop))
    for root, unit in units.items():
        number *= num_units(*covered(space, index, root, unit), unit)
    return number
