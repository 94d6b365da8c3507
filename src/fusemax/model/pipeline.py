"""What filling and draining a schedule costs: per stream of tiles, the lag of its pipeline and the skew of columns.

A value that is reduced down a column of an array arrives up to as many cycles later as the column is deep. In a
phase of several steps (one epoch, repeated) an Einsum that uses such a value therefore works on an older tile: its
stage is some epochs later. The stages follow from the cascade's dependences and the epoch's order by a longest
path; the stream's first result comes as many epochs after its first tile as the last stage lags. A running tensor
needs the tile of the same queries one key tile earlier: when fewer query tiles are in flight than that takes,
epochs stay empty.

In a phase of one step the arrays run freely beside one another; a stream pays what the arrays before and after the
slowest one need for one hand-off block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, ceil_div, maximum, minimum, product, where
from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import DRAIN, Phase

if TYPE_CHECKING:
    from fusemax.model.measure import Measured

__all__ = ["Stages", "fill_cycles", "stages", "streams_of", "tiles_of"]

_SLACK = 1e-9


@dataclass(frozen=True)
class Stages:
    """Stage of every Einsum (epochs after its tile's first), and the epochs from a running tensor to its next use."""

    stage: dict[str, Number]
    reuse: Number
    epoch: Number
    """Cycles of one epoch."""

    @property
    def lag(self) -> Number:
        """Epochs between a tile's first and last stage."""
        return maximum(*self.stage.values())


def tiles_of(measured: Measured, phase: Phase) -> Number:
    """Tiles of a phase: iterations of the loops in time that its Einsums share, those after a loop's end apart."""
    names = _iterated(measured, phase)
    nest = measured.nest(names[0])
    shared = _shared(measured, names)
    return measured.tiling.extent(nest, tuple(loop for loop in nest.temporal if loop.variable in shared))


def streams_of(measured: Measured, phase: Phase) -> Number:
    """Streams of a phase: iterations of the outermost memory's loops over what the cascade's results keep.

    Tiles of one stream follow one another; with a schedule of several ``streams`` as many take turns and count as one.
    """
    nest = measured.nest(phase.einsums[0])
    shared, kept = _shared(measured, phase.einsums), _kept_ranks(measured)
    loops = nest.levels[nest.level(measured.outer)].loops
    chosen = tuple(loop for loop in loops if loop.variable in shared and loop.root in kept)
    return ceil_div(measured.tiling.extent(nest, chosen), measured.design.schedule.streams)


def fill_cycles(measured: Measured, phase: Phase) -> Number:
    """Cycles that all streams of a phase pay beyond the time of their tiles."""
    streams = streams_of(measured, phase)
    if len(phase.steps) == 1:
        return streams * (_free_fill(measured, phase) / streams + _skew(measured, phase))
    found = stages(measured, phase)
    empty = _empty_epochs(measured, phase, found)
    return (streams * found.lag + empty) * found.epoch + streams * _skew(measured, phase)


def stages(measured: Measured, phase: Phase) -> Stages:
    """The stages of a phase of several steps."""
    start, end, epoch = _positions(measured, phase)
    order = [spec.name for spec in measured.design.specs if spec.name in start]
    stage: dict[str, Number] = {}
    waits: list[tuple[str, str]] = []
    for name in order:
        latest: Number = 0
        for operand, producer in _producers(measured, phase, name):
            if producer not in stage or operand.label != operand.tensor:
                waits.append((producer, name))
                continue
            ready = _ready(measured, phase, producer, name, start, end)
            latest = maximum(latest, stage[producer] + _ceil((ready - start[name]) / epoch))
        stage[name] = latest
    reuse: Number = 0
    for producer, name in waits:
        ready = stage[producer] * epoch + _ready(measured, phase, producer, name, start, end)
        reuse = maximum(reuse, _ceil((ready - start[name] - stage[name] * epoch) / epoch))
    return Stages(stage, reuse, epoch)


Places = dict[str, Number]


def _positions(measured: Measured, phase: Phase) -> tuple[Places, Places, Number]:
    """Cycles from the epoch's start at which each Einsum begins and ends a tile, and the epoch's length.

    Einsums of a later section (the division at the end) come once per stream and are left out.
    """
    tiles, iterated = tiles_of(measured, phase), _iterated(measured, phase)
    start: Places = {}
    end: Places = {}
    at: Number = 0
    for step in phase.steps:
        finish = at
        for on, names in step.items():
            now = at
            for name in names:
                if on == DRAIN:
                    now = now + measured.sizes(f"{measured.nest(name).on}.rows")
                elif name in iterated:
                    start[name] = now
                    now = now + measured.cycles(name) / tiles
                    end[name] = now
            finish = maximum(finish, now)
        at = finish
    return start, end, at


def _producers(measured: Measured, phase: Phase, name: str) -> list[tuple[Operand, str]]:
    """Input operands of an Einsum with the Einsum of the phase that writes them."""
    writers = {measured.nest(n).output.tensor: n for n in phase.einsums}
    return [(o, writers[o.tensor]) for o in measured.nest(name).operands[:-1] if o.tensor in writers]


def _ready(measured: Measured, phase: Phase, producer: str, consumer: str, start: Places, end: Places) -> Number:
    """When, from the epoch's start, a consumer may begin: its first value has come down, its last comes in time."""
    first, second = measured.nest(producer), measured.nest(consumer)
    delay = _delay(measured, first, second)
    length = end[consumer] - start[consumer]
    if _streams_along(first, second, _shared(measured, _iterated(measured, phase))):
        return maximum(start[producer], end[producer] - length) + delay
    return end[producer] + delay


def _delay(measured: Measured, first: Nest, second: Nest) -> Number:
    """Cycles from a column's top to its foot, for values that leave one array for another."""
    return measured.sizes(f"{first.on}.rows") - 1 if first.on != second.on else 0


def _streams_along(first: Nest, second: Nest, tiles: set[str]) -> bool:
    """Whether values of a tile are handed over one by one: both run the same inner loop, over the result's ranks."""
    one, two = first.temporal[-1:], second.temporal[-1:]
    if not one or not two or one[0].part != two[0].part or one[0].variable in tiles:
        return False
    return bool(one[0].ranks & first.output.ranks)


def _empty_epochs(measured: Measured, phase: Phase, found: Stages) -> Number:
    """Epochs without a tile because a running tensor is not there yet."""
    names = _iterated(measured, phase)
    nest = measured.nest(names[0])
    shared = [loop for loop in nest.temporal if loop.variable in _shared(measured, names)]
    running = [
        spec.output.ranks & loop.ranks
        for spec in measured.design.specs
        for loop in shared
        if any(o.label != o.tensor for o in spec.inputs)
    ]
    iterated = {rank for ranks in running for rank in ranks} - _kept_ranks(measured)
    steps = [i for i, loop in enumerate(shared) if loop.ranks & iterated]
    if not steps:
        return 0
    rounds = measured.tiling.extent(nest, tuple(shared[: steps[-1] + 1]))
    flight = product(measured.tiling.bound(loop) for loop in shared[steps[-1] + 1 :])
    flight = flight * measured.design.schedule.streams
    return rounds * maximum(found.reuse - flight, 0)


def _kept_ranks(measured: Measured) -> set[str]:
    """Ranks that the results of the cascade keep: no running tensor runs along them."""
    outputs = {d.tensor for d in measured.design.cascade.outputs}
    return {rank for spec in measured.design.specs if spec.output.tensor in outputs for rank in spec.output.ranks}


def _iterated(measured: Measured, phase: Phase) -> tuple[str, ...]:
    """The Einsums of a phase in the section of its first one."""
    section = {spec.name: spec.section for spec in measured.design.specs}
    return tuple(name for name in phase.einsums if section[name] == section[phase.einsums[0]])


def _shared(measured: Measured, names: tuple[str, ...]) -> set[str]:
    sets = [{loop.variable for loop in measured.nest(name).temporal} for name in names]
    return set.intersection(*sets)


def _skew(measured: Measured, phase: Phase) -> Number:
    """Cycles by which the last column runs behind the first, and a last result takes to come down."""
    arrays = {measured.nest(name).on for name in phase.einsums}
    wide = [name for name in arrays if measured.design.accelerator.arrays[name].rows != 1]
    if not wide:
        return 0
    columns = maximum(*(measured.sizes(f"{name}.columns") for name in wide))
    rows = maximum(*(measured.sizes(f"{name}.rows") for name in wide)) if len(phase.steps) == 1 else 1
    return columns + rows - 2


def _free_fill(measured: Measured, phase: Phase) -> Number:
    """Cycles, over all streams, that the other arrays need before and after the slowest for one hand-off block."""
    by_array: dict[str, Number] = {}
    for name in phase.einsums:
        on = measured.nest(name).on
        by_array[on] = by_array.get(on, 0) + measured.cycles(name)
    total: Number = 0
    for name in phase.einsums:
        on = measured.nest(name).on
        others = [cycles for other, cycles in by_array.items() if other != on]
        partners = [
            other for other in phase.einsums if measured.nest(other).on != on and _are_linked(measured, name, other)
        ]
        if others and partners:
            share = _block_share(measured, measured.nest(name), measured.nest(partners[0]))
            streams = streams_of(measured, phase)
            block = maximum(measured.cycles(name) * share, 0)
            total = total + where(by_array[on] < maximum(*others), block * streams, 0)
    return total


def _are_linked(measured: Measured, first: str, second: str) -> bool:
    """Whether one of two Einsums reads what the other writes."""
    one, two = measured.nest(first), measured.nest(second)
    return any(o.tensor == one.output.tensor for o in two.operands[:-1]) or any(
        o.tensor == two.output.tensor for o in one.operands[:-1]
    )


def _block_share(measured: Measured, one: Nest, two: Nest) -> Number:
    """The share of an Einsum's time that a block handed to the other takes.

    Loops both run alike enclose the block; of the next rank, when both go on along the same one, the block is the
    coarser of what the two leave inside.
    """
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


def _ceil(value: Number) -> Number:
    return -((_SLACK - value) // 1)
