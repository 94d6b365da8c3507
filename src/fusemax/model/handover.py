"""What arrays that run freely beside one another wait for: first and last blocks, and places in the buffer.

In a phase of one step an array goes on as soon as the block it needs is there. A stream then pays what comes before an
array's first block and after its last; and where the blocks handed over have few places, the arrays take turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, maximum, minimum, product, where
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import Phase

if TYPE_CHECKING:
    from fusemax.model.measure import Measured

__all__ = ["bus_wait", "free_fill", "turns_cycles"]


def free_fill(measured: Measured, phase: Phase) -> Number:
    """Cycles of one stream by which waiting for first and last hand-off blocks outlasts the slowest array."""
    return _ends(measured, phase)[0]


def bus_wait(measured: Measured, phase: Phase) -> Number:
    """Cycles of one stream in which the outermost memory has nothing to do: at the first blocks and after the last."""
    return _ends(measured, phase)[1]


def _ends(measured: Measured, phase: Phase) -> tuple[Number, Number]:
    key = ("ends", *(measured.nest(name).key for name in phase.einsums), measured.spared)
    memo = measured.tiling.memo
    if key not in memo:
        memo[key] = _find_ends(measured, phase)
    found: tuple[Number, Number] = memo[key]
    return found


def _find_ends(measured: Measured, phase: Phase) -> tuple[Number, Number]:
    """No array is done before its Einsums from one on are, after the first block has come to that one.

    A block takes an Einsum as long as the array and the memory behind it; the last one goes through what follows. The
    same holds for the memory's channel, over all Einsums.
    """
    order = [spec.name for spec in measured.design.specs if spec.name in phase.einsums]
    on = {name: measured.nest(name).on for name in order}
    before: dict[str, set[str]] = {}
    for i, name in enumerate(order):
        direct = [one for one in order[:i] if _are_linked(measured, one, name)]
        before[name] = set(direct).union(*(before[one] for one in direct))
    work = {name: measured.cycles(name) for name in order}
    bus = {name: _bus_cycles(measured, name) for name in order}
    shares = _shares(measured, order)
    most = maximum(0, *shares.values())
    share = {name: shares.get(name, most) if shares else 1 / _boxes(measured, name) for name in order}
    loaded = _loaded(measured, phase)
    late = {name for name, _ in loaded}
    meanwhile = {name: _bus_cycles(measured, name, loaded) if name in late else bus[name] for name in order}
    block = {name: maximum(work[name], meanwhile[name]) * share[name] for name in order}
    column = {array: _column(measured, array) for array in dict.fromkeys(on.values())}

    def head(name: str) -> Number:
        """Until the first block has come to an Einsum."""
        total: Number = 0
        for one in order:
            if one in before[name]:
                total = total + block[one]
                if any(on[other] != on[one] and _are_linked(measured, one, other) for other in before[name] | {name}):
                    total = total + column[on[one]]
        return total

    heads = {name: head(name) for name in order}
    busiest = maximum(*(sum(work[n] for n in order if on[n] == array) for array in dict.fromkeys(on.values())))
    ends: list[Number] = []
    for array in dict.fromkeys(on.values()):
        own = [name for name in order if on[name] == array]
        later = [n for n in order if n not in own and own[-1] in before[n]]
        tail = column[array] + sum(block[n] for n in later)
        tail = tail + (column[on[later[-1]]] if later else 0)
        for i, name in enumerate(own):
            ends.append(heads[name] + sum(work[n] for n in own[i:]) + tail)
    rest = _after_last(measured, order[-1])
    waits = [heads[name] - sum(bus[n] for n in order[:i]) + rest for i, name in enumerate(order)]
    return maximum(*ends) - busiest, maximum(*waits)


def _loaded(measured: Measured, phase: Phase) -> frozenset[tuple[str, str]]:
    """(Einsum, operand) of what the buffer loads before a stream or before anything runs."""
    if not measured.next:
        return frozenset()
    found = {(name, operand.label) for name, operand, _ in measured.tiling.granules(phase, measured.next)}
    nest = measured.nest(phase.einsums[0])
    outside = nest.levels[0].loops
    kept = nest.levels[0].keeps & nest.levels[nest.level(measured.next)].keeps
    for operand in nest.operands[:-1]:
        if operand.label in kept and outside and outside[-1].ranks & operand.ranks:
            found.add((nest.einsum, operand.label))
    return frozenset(found)


def _bus_cycles(measured: Measured, name: str, but: frozenset[tuple[str, str]] = frozenset()) -> Number:
    """Cycles of the outermost memory for an Einsum's operands, some left out."""
    nest = measured.nest(name)
    words: Number = 0
    for operand in nest.operands:
        if (name, operand.label) not in but:
            words = words + sum(measured.memory_words(name, operand))
    return measured.bytes(words) * measured.sizes("clock") / measured.sizes(f"{measured.outer}.bandwidth")


def _column(measured: Measured, array: str) -> Number:
    """Cycles in which the last word of a block leaves an array: through its columns and down its rows."""
    rows, columns = measured.sizes(f"{array}.rows"), measured.sizes(f"{array}.columns")
    return where(rows > 1, rows + columns - 2, 0)


def _boxes(measured: Measured, name: str) -> Number:
    """Iterations of the outermost memory's loops."""
    nest = measured.nest(name)
    return measured.tiling.extent(nest, nest.levels[0].loops)


def _after_last(measured: Measured, name: str) -> Number:
    """Cycles after the last operand has come: its tile is worked on, then drained while the last results leave."""
    nest, tiles = measured.nest(name), _boxes(measured, name)
    rate = measured.sizes(f"{measured.outer}.bandwidth") / measured.sizes("clock")
    out = measured.bytes(measured.memory_words(name, nest.output)[1]) / rate / tiles
    level = nest.level(measured.next) if measured.next else -1
    fetched = any(o.label in nest.levels[0].keeps and o.label in nest.levels[level].keeps for o in nest.operands[:-1])
    last = maximum(measured.cycles(name) / tiles, out) - out if fetched else 0
    return last + maximum(_column(measured, nest.on) - out, 0)


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
            work = sum(maximum(measured.cycles(name), _bus_cycles(measured, name)) for name in between)
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
