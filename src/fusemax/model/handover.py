"""What arrays that run freely beside one another wait for: first and last blocks, and places in the buffer.

In a phase of one step an array goes on as soon as the block it needs is there. A stream then pays what comes before an
array's first block and after its last; and where the blocks handed over have few places, the arrays take turns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, maximum, minimum, product, where
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import Phase
from fusemax.model.pieces import PIECES, ahead

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
    found: tuple[Number, Number] = measured.memo(key, partial(_find_ends, measured, phase))
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
    busy = {name: measured.cycles(name) for name in order}
    bus = {name: _bus_cycles(measured, name) for name in order}
    work = {name: maximum(busy[name], _streamed(measured, name) * (1 - ahead(measured, phase, name))) for name in order}
    shares = _shares(measured, order)
    most = maximum(0, *shares.values())
    share = {name: shares.get(name, most) if shares else 1 / _boxes(measured, name) for name in order}
    loaded = _loaded(measured, phase)
    whole = _whole_boxes(measured, order[0], loaded)
    loaded = loaded | whole.keys()
    apart = {name for name, _ in loaded}
    meanwhile = {name: _bus_cycles(measured, name, loaded) if name in apart else bus[name] for name in order}
    block = {name: maximum(work[name], meanwhile[name]) * share[name] for name in order}
    column = {array: _column(measured, array) for array in dict.fromkeys(on.values())}
    first = sum(whole.values())
    late = _ways_through_memory(measured, phase, order, share)

    def head(name: str) -> Number:
        """Until the first block has come to an Einsum."""
        total: Number = first
        for one in order:
            if one in before[name]:
                total = total + block[one] + sum(late.get((one, other), 0) for other in before[name] | {name})
                if any(on[other] != on[one] and _are_linked(measured, one, other) for other in before[name] | {name}):
                    total = total + column[on[one]]
        return total

    heads = {name: head(name) for name in order}
    busiest = maximum(*(sum(busy[n] for n in order if on[n] == array) for array in dict.fromkeys(on.values())))
    ends: list[Number] = []
    for array in dict.fromkeys(on.values()):
        own = [name for name in order if on[name] == array]
        later = [n for n in order if n not in own and own[-1] in before[n]]
        tail = column[array] + sum(block[n] for n in later)
        tail = tail + (column[on[later[-1]]] if later else 0)
        tail = tail + sum(late.get((one, two), 0) for one in (*own, *later) for two in later)
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


def _ways_through_memory(
    measured: Measured, phase: Phase, order: list[str], share: dict[str, Number]
) -> dict[tuple[str, str], Number]:
    """Cycles by Einsum and reader in which the last piece of a block is written to memory and the first read back."""
    found: dict[tuple[str, str], Number] = {}
    for one in order:
        nest = measured.nest(one)
        for two in order:
            read = [o for o in measured.nest(two).operands[:-1] if o.tensor == nest.output.tensor]
            if measured.nest(two).on == nest.on or not read or nest.output.label not in nest.levels[0].keeps:
                continue
            out = _cycles_of(measured, sum(measured.memory_words(one, nest.output)))
            back = _cycles_of(measured, sum(measured.memory_words(two, read[0])))
            found[one, two] = out * share[one] * _grain(measured, phase, one, share[one])
            found[one, two] = found[one, two] + back * share[two] * _grain(measured, phase, two, share[two])
    return found


def _grain(measured: Measured, phase: Phase, name: str, share: Number) -> Number:
    """The share of a block that an Einsum moves at once: rows on lanes go in `PIECES` where a block has as many."""
    nest = measured.nest(name)
    batch = measured.design.mapping.batch
    rows = measured.tiling.extent(nest, tuple(x for x in nest.temporal if x.root == "P" or x.part in batch)) * share
    by_rows = where(rows >= PIECES, 1 / PIECES, 1)
    return where(measured.sizes(f"{nest.on}.rows") > 1, minimum(1, ahead(measured, phase, name)), by_rows)


def _whole_boxes(measured: Measured, name: str, loaded: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Number]:
    """Cycles of the outermost memory for what the buffer must hold whole before the first Einsum starts."""
    nest = measured.nest(name)
    at = nest.level(measured.next) if measured.next else -1
    if at < 0:
        return {}
    kept = nest.levels[0].keeps & nest.levels[at].keeps
    return {
        (name, o.label): _cycles_of(measured, measured.tiling.tile(nest, o.ranks, at))
        for o in nest.operands[:-1]
        if o.label in kept and (name, o.label) not in loaded
    }


def _cycles_of(measured: Measured, words: Number) -> Number:
    """Cycles in which the outermost memory moves some words."""
    return measured.bytes(words) * measured.sizes("clock") / measured.sizes(f"{measured.outer}.bandwidth")


def _bus_cycles(measured: Measured, name: str, but: frozenset[tuple[str, str]] = frozenset()) -> Number:
    """Cycles of the outermost memory for an Einsum's operands, some left out."""
    nest = measured.nest(name)
    words: Number = 0
    for operand in nest.operands:
        if (name, operand.label) not in but:
            words = words + sum(measured.memory_words(name, operand))
    return _cycles_of(measured, words)


def _streamed(measured: Measured, name: str) -> Number:
    """Cycles of the outermost memory for what an Einsum streams past the buffer."""
    nest = measured.nest(name)
    kept = nest.levels[nest.level(measured.next)].keeps if measured.next else frozenset()
    return _bus_cycles(measured, name, frozenset((name, o.label) for o in nest.operands if o.label in kept))


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
    out = _cycles_of(measured, measured.memory_words(name, nest.output)[1]) / tiles
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


def turns_cycles(measured: Measured, phase: Phase, busy: Number, fill: Number) -> Number:
    """Cycles lost by filling, and by arrays that take turns where what they hand over has few places in the buffer.

    A block of a tensor keeps its place from the Einsum that makes it to the last that reads it or overwrites it. With
    n blocks in the buffer at once, n blocks take at least as long as one takes on all arrays together; of the first
    and the last block, 1/n of the time is then counted already.
    """
    if len(phase.steps) != 1 or not measured.next:
        return fill
    longest: Number = busy + fill
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
            blocks = _blocks(measured, held, links) * places
            between = order[order.index(held[0]) : order.index(held[-1]) + 1]
            turns = _turns(measured, phase, between, links) / blocks
            longest = maximum(longest, turns + fill * (1 - 1 / blocks))
    return longest - busy


def _turns(measured: Measured, phase: Phase, names: list[str], links: list[tuple[str, str]]) -> Number:
    """Cycles of some Einsums one after the other: arrays, the memory behind them, and the ways out of wide arrays."""
    work: Number = 0
    for name in names:
        work = work + maximum(measured.cycles(name), _bus_cycles(measured, name) * _late(measured, phase, name))
    ways = sum(_column(measured, measured.nest(one).on) for one in _handing_on(measured, names))
    return work + ways / _coarsest(measured, links)


def _late(measured: Measured, phase: Phase, name: str) -> Number:
    """The share of an Einsum's stream that cannot be there before its turn; 1 where all could."""
    share = 1 - ahead(measured, phase, name)
    return where(share > 0, share, 1)


def _handing_on(measured: Measured, names: list[str]) -> list[str]:
    """Those of some Einsums of whose results others on another array read."""
    nests = [measured.nest(name) for name in names]
    return [one.einsum for one in nests if any(two.on != one.on and two.reads(one.output.tensor) for two in nests)]


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
    return maximum(1, 1 / (_coarsest(measured, links) * tiles))


def _coarsest(measured: Measured, links: list[tuple[str, str]]) -> Number:
    """The share of an Einsum's time that a block of the coarsest of some hand-overs takes."""
    return maximum(*(_block_share(measured, measured.nest(one), measured.nest(two)) for one, two in links))


def _are_linked(measured: Measured, first: str, second: str) -> bool:
    """Whether one of two Einsums reads what the other writes."""
    return bool(measured.memo(("linked", first, second), partial(_is_linked, measured, first, second)))


def _is_linked(measured: Measured, first: str, second: str) -> bool:
    one, two = measured.nest(first), measured.nest(second)
    return two.reads(one.output.tensor) or one.reads(two.output.tensor)


def _block_share(measured: Measured, one: Nest, two: Nest) -> Number:
    """The share of an Einsum's time that a block handed to the other takes.

    Loops both run alike enclose the block; of the next rank, when both go on along the same one, the block is the
    coarser of what the two leave inside.
    """
    key = ("block share", one.signature, two.signature)
    found: Number = measured.memo(key, partial(_find_block_share, measured, one, two))
    return found


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
