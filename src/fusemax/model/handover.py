"""What arrays that run freely beside one another wait for: first and last blocks, and places in the buffer.

In a phase of one step an array goes on as soon as the block it needs is there. A stream then pays what comes before an
array's first block and after its last; and where the blocks handed over have few places, the arrays take turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, maximum, minimum, product
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import Phase

if TYPE_CHECKING:
    from fusemax.model.measure import Measured

__all__ = ["free_fill", "turns_cycles"]


def free_fill(measured: Measured, phase: Phase) -> Number:
    """Cycles of one stream by which waiting for first and last hand-off blocks outlasts the slowest array."""
    key = ("free fill", *(measured.nest(name).signature for name in phase.einsums))
    memo = measured.tiling.memo
    if key not in memo:
        memo[key] = _find_free_fill(measured, phase)
    return memo[key]


def _find_free_fill(measured: Measured, phase: Phase) -> Number:
    """An array is done no sooner than after what comes before its first block, its own work, and what follows it."""
    order = [spec.name for spec in measured.design.specs if spec.name in phase.einsums]
    on = {name: measured.nest(name).on for name in order}
    before: dict[str, set[str]] = {}
    for i, name in enumerate(order):
        direct = [one for one in order[:i] if _are_linked(measured, one, name)]
        before[name] = set(direct).union(*(before[one] for one in direct))
    shares = _shares(measured, order)
    if not shares:
        return 0
    most = maximum(*shares.values())
    work: dict[str, Number] = {}
    for name in order:
        work[on[name]] = work.get(on[name], 0) + measured.cycles(name)
    ends: list[Number] = []
    for array, cycles in work.items():
        own = [name for name in order if on[name] == array]
        first = set.intersection(*(before[name] for name in own))
        last = {name for name in order if all(one in before[name] for one in own)}
        others = [name for name in order if name in first | last and on[name] != array]
        ends.append(cycles + sum(measured.cycles(name) * shares.get(name, most) for name in others))
    return maximum(*ends) - maximum(*work.values())


def _shares(measured: Measured, order: list[str]) -> dict[str, Number]:
    """The share of its work that an Einsum does in one block of what it hands to, or takes from, another array."""
    found: dict[str, Number] = {}
    for name in order:
        for other in order:
            if measured.nest(other).on != measured.nest(name).on and _are_linked(measured, name, other):
                found[name] = _block_share(measured, measured.nest(name), measured.nest(other))
                break
    return found


def turns_cycles(measured: Measured, phase: Phase, busy: Number) -> Number:
    """Cycles that arrays lose by taking turns, where what they hand over has few places in the buffer.

    A block of a tensor keeps its place from the Einsum that makes it to the last that reads it or overwrites it. With
    n blocks in the buffer at once, n blocks take at least as long as one takes on all arrays together.
    """
    if len(phase.steps) != 1 or not measured.next:
        return 0
    longest: Number = busy
    order = [spec.name for spec in measured.design.specs if spec.name in phase.einsums]
    for tensors, places in measured.tiling.places_shared(measured.next):
        held = [name for name in order if _holds(measured, name, tensors)]
        links = [
            (one, two)
            for one in held
            for two in held
            if measured.nest(one).on != measured.nest(two).on and _are_linked(measured, one, two)
        ]
        if links:
            blocks = _blocks(measured, held, links)
            between = order[order.index(held[0]) : order.index(held[-1]) + 1]
            work = sum(measured.cycles(name) for name in between)
            longest = maximum(longest, work / (blocks * places))
    return longest - busy


def _holds(measured: Measured, name: str, tensors: frozenset[str]) -> bool:
    """Whether an Einsum has one of some tensors in the buffer."""
    nest = measured.nest(name)
    keeps = nest.levels[nest.level(measured.next)].keeps
    return any(operand.tensor in tensors and operand.label in keeps for operand in nest.operands)


def _blocks(measured: Measured, held: list[str], links: list[tuple[str, str]]) -> Number:
    """Hand-off blocks that one tile of the buffer has: of the coarsest hand-over."""
    nests = [measured.nest(name) for name in held]
    outside = [nest.levels[nest.level(measured.outer)].loops for nest in nests]
    tiles = minimum(*(measured.tiling.extent(nest, loops) for nest, loops in zip(nests, outside, strict=True)))
    share = maximum(*(_block_share(measured, measured.nest(one), measured.nest(two)) for one, two in links))
    return maximum(1, 1 / (share * tiles))


def _are_linked(measured: Measured, first: str, second: str) -> bool:
    """Whether one of two Einsums reads what the other writes."""
    key = ("linked", first, second)
    if key not in measured.tiling.memo:
        measured.tiling.memo[key] = _is_linked(measured, first, second)
    return bool(measured.tiling.memo[key])


def _is_linked(measured: Measured, first: str, second: str) -> bool:
    one, two = measured.nest(first), measured.nest(second)
    return any(o.tensor == one.output.tensor for o in two.operands[:-1]) or any(
        o.tensor == two.output.tensor for o in one.operands[:-1]
    )


def _block_share(measured: Measured, one: Nest, two: Nest) -> Number:
    """The share of an Einsum's time that a block handed to the other takes.

    Loops both run alike enclose the block; of the next rank, when both go on along the same one, the block is the
    coarser of what the two leave inside.
    """
    key = ("block share", one.signature, two.signature)
    if key not in measured.tiling.memo:
        measured.tiling.memo[key] = _find_block_share(measured, one, two)
    return measured.tiling.memo[key]


def _find_block_share(measured: Measured, one: Nest, two: Nest) -> Number:
    tiling = measured.tiling
    first, second = list(one.temporal), list(two.temporal)
    done: list[Loop] = []
    while first and second and first[0].variable == second[0].variable:
        done.append(first.pop(0))
        second.pop(0)
    share = 1 / tiling.extent(one, tuple(done)) if done else 1
    if first and second and first[0].root == second[0].root:
        root = first[0].root
        runs = []
        for nest, loops in ((one, first), (two, second)):
            run = []
            while loops and loops[0].root == root:
                run.append(loops.pop(0))
            taken = {loop.variable for loop in (*done, *run)}
            inside = [loop for loop in nest.chains[root] if loop.variable not in taken]
            runs.append(product(map(tiling.bound, inside)))
        left = tiling.part(root) / product(tiling.bound(loop) for loop in done if loop.root == root)
        share = share * minimum(1, maximum(*runs) / left)
    return share
