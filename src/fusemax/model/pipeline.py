"""What filling and draining a schedule costs: the lag of its pipeline and the skew of its columns.

A value that is reduced down a column of an array arrives up to as many cycles later as the column is deep. In a
phase of several steps (one epoch, repeated) an Einsum that uses such a value therefore works on an older tile: its
stage is some epochs later. The stages follow from the cascade's dependences and the epoch's order by a longest
path; a stream's first result comes as many epochs after its first tile as the last stage lags. Streams follow one
another without a gap where the buffer has room for the next one's granule; else each pays its lag. A running tensor
needs the tile of the same queries one key tile earlier: when fewer query tiles are in flight than that takes,
epochs stay empty.

In a phase of one step the arrays run freely beside one another: see `handover`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, ceil_div, maximum, minimum, product, where
from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import DRAIN, Phase
from fusemax.model.handover import free_fill
from fusemax.model.masks import empty_epochs

if TYPE_CHECKING:
    from fusemax.model.measure import Measured

__all__ = [
    "Link",
    "Stages",
    "fill_cycles",
    "finals_of",
    "flight_of",
    "gap_epochs",
    "links_of",
    "stages",
    "streams_of",
    "tiles_of",
    "uneven_cycles",
]

_SLACK = 1e-9
_ALL = (Fraction(0),)


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
    """Cycles that filling and draining take beyond the time of a phase's tiles.

    Streams whose granules are there in time follow without a gap: then only the first and the last are paid for.
    """
    streams = streams_of(measured, phase)
    gaps: Number = streams
    if measured.next:
        gaps = where(measured.tiling.holds_two(phase, measured.next), 1, streams)
    if len(phase.steps) == 1:
        return gaps * free_fill(measured, phase)
    found = stages(measured, phase)
    empty = _empty_epochs(measured, phase, found)
    late = found.lag * found.epoch - _unused_end(measured, phase, found)
    return gaps * (late + _skew(measured, phase)) + empty * found.epoch


@dataclass(frozen=True)
class Link:
    """An Einsum of a phase reads what another, or itself, writes: ``delay`` cycles on the way, word by word or whole.

    ``old``: the value of a running tensor that the tile before left.
    """

    producer: str
    consumer: str
    operand: Operand
    delay: Number
    streams: bool
    old: bool


def links_of(measured: Measured, phase: Phase) -> list[Link]:
    """All hand-overs between the Einsums that a phase runs for every tile."""
    names = _iterated(measured, phase)
    tiles = _shared(measured, names)
    found = []
    for name in names:
        for operand, producer in _producers(measured, phase, name):
            if producer in names:
                first, second = measured.nest(producer), measured.nest(name)
                delay, streams = _delay(measured, first, second), _streams_along(first, second, tiles)
                found.append(Link(producer, name, operand, delay, streams, operand.label != operand.tensor))
    return found


def flight_of(measured: Measured, phase: Phase) -> Number:
    """Tiles between one and the next of the same queries: the query tiles in flight, times streams."""
    shared, last = _running_loops(measured, phase)
    return product(map(measured.tiling.bound, shared[last + 1 :])) * measured.design.schedule.streams


def _running(measured: Measured) -> set[str]:
    """Ranks that running tensors run along."""
    old = {o.tensor for spec in measured.design.specs for o in spec.inputs if o.label != o.tensor}
    running = {rank for s in measured.design.specs if s.output.tensor in old for rank in s.output.ranks}
    return running - _kept_ranks(measured)


def _running_loops(measured: Measured, phase: Phase) -> tuple[list[Loop], int]:
    """The loops over tiles, and the place of the innermost that running tensors run along; -1 without one."""
    names = _iterated(measured, phase)
    inside, running = _shared(measured, names), _running(measured)
    shared = [loop for loop in measured.nest(names[0]).temporal if loop.variable in inside]
    return shared, max((i for i, loop in enumerate(shared) if loop.ranks & running), default=-1)


def gap_epochs(measured: Measured, phase: Phase) -> Number:
    """Epochs of a phase that stay empty because a running tensor is not there yet; none where arrays run freely."""
    return 0 if len(phase.steps) == 1 else _empty_epochs(measured, phase, stages(measured, phase))


def stages(measured: Measured, phase: Phase) -> Stages:
    """The stages of a phase of several steps.

    An Einsum that makes several words per lane for others of its own array comes as late as they allow, for its
    results wait in registers.
    """
    found: Stages = measured.memo(("stages", phase.key), partial(_find_stages, measured, phase))
    return found


def _find_stages(measured: Measured, phase: Phase) -> Stages:
    first, *others = [_positions(measured, phase, above=share) for share in _extremes(measured, phase)]
    order = [spec.name for spec in measured.design.specs if spec.name in first[0]]
    stage: dict[str, Number] = {}
    waits: list[tuple[str, str, Number]] = []
    same: list[tuple[str, str, Number]] = []
    for name in order:
        stage[name] = 0
        for operand, producer in _producers(measured, phase, name):
            late = _late(measured, phase, producer, name, (first, *others))
            if producer not in stage or producer == name or operand.label != operand.tensor:
                waits.append((producer, name, late))
            else:
                same.append((producer, name, late))
                stage[name] = maximum(stage[name], stage[producer] + late)
    for name in reversed(order):
        latest = [stage[reader] - late for producer, reader, late in same if producer == name]
        if latest and _waits_in_registers(measured, phase, name):
            stage[name] = maximum(stage[name], minimum(*latest))
    reuse = maximum(1, *(stage[producer] - stage[name] + late for producer, name, late in waits))
    return Stages(stage, reuse, _epoch_cycles(measured, phase))


def _extremes(measured: Measured, phase: Phase) -> tuple[Fraction, ...]:
    """Shares above which Einsums run at the fullest and at the emptiest tile: one where none is skipped."""
    return _ALL if all(measured.share(name) == 1 for name in phase.einsums) else (*_ALL, Fraction(1))


def _late(measured: Measured, phase: Phase, producer: str, name: str, tiles: tuple[_Positions, ...]) -> Number:
    """Epochs after a producer's that a consumer can work on the same tile, whichever tiles skip what they may."""
    (start, end, epoch), *others = tiles
    late = _ready(measured, phase, producer, name, start, end) - start[name]
    if not others:
        return _ceil(late / epoch)
    within = late  # in one epoch both are as that epoch is
    for begin, finish, length in others:
        within = maximum(within, _ready(measured, phase, producer, name, begin, finish) - begin[name])
        late = maximum(late, within, _ready(measured, phase, producer, name, start, end) - begin[name])
        epoch = minimum(epoch, length)
    return where(within <= _SLACK, 0, maximum(1, _ceil(late / epoch)))


def _unused_end(measured: Measured, phase: Phase, found: Stages) -> Number:
    """Cycles of the very last epoch after everything that is still to be done in it."""
    _, end, length = _positions(measured, phase, whole=True)
    iterated = _iterated(measured, phase)
    lag = maximum(*(found.stage[name] for name in iterated))
    last: Number = 0
    for name, own in end.items():
        stage = found.stage.get(name, lag)  # what comes at the end comes with the last stage
        last = maximum(last, where(stage >= lag, own, 0))
    return length - last


def _waits_in_registers(measured: Measured, phase: Phase, name: str) -> bool:
    """Whether a result has several words per lane and is only read on the array that makes it, from no memory."""
    nest = measured.nest(name)
    tiles = _shared(measured, _iterated(measured, phase))
    several = any(loop.variable not in tiles and loop.ranks & nest.output.ranks for loop in nest.temporal)
    memories = nest.levels[: nest.level(f"{nest.on}.columns")]
    readers = [
        reader
        for reader in phase.einsums
        for operand, producer in _producers(measured, phase, reader)
        if producer == name and operand.label == operand.tensor
    ]
    kept = any(nest.output.label in level.keeps for level in memories)
    return several and not kept and bool(readers) and all(measured.nest(reader).on == nest.on for reader in readers)


Places = dict[str, Number]


_Positions = tuple[Places, Places, Number]


def _positions(measured: Measured, phase: Phase, whole: bool = False, above: Fraction = _ALL[0]) -> _Positions:
    """Cycles from the epoch's start at which each Einsum begins and ends a tile, and the epoch's length.

    Einsums of a later section (the division at the end) come with the last tile of their queries only: they are left
    out, or with ``whole`` are in. Of Einsums that are skipped at some tiles those run that run at so large a share.
    """
    iterated = _iterated(measured, phase)
    tiles, finals = tiles_of(measured, phase), finals_of(measured, phase)
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
                elif name in iterated or whole:
                    start[name] = now
                    cycles = measured.cycles_if(name, measured.share(name) >= above)
                    now = now + cycles / (tiles if name in iterated else finals)
                    end[name] = now
            finish = maximum(finish, now)
        at = finish
    return start, end, at


def _epoch_cycles(measured: Measured, phase: Phase, whole: bool = False) -> Number:
    """Cycles of an epoch, the mean over tiles of which some skip Einsums."""
    length: Number = 0
    before = Fraction(0)
    for share in sorted({measured.share(name) for name in phase.einsums} | {Fraction(1)}):
        _, _, own = _positions(measured, phase, whole, share)
        length, before = length + (own if share == 1 and not before else own * float(share - before)), share
    return length


def finals_of(measured: Measured, phase: Phase) -> Number:
    """Tiles with which an Einsum of a later section comes: the last ones of their queries. 0 without such Einsums."""
    iterated = _iterated(measured, phase)
    names = [name for name in phase.einsums if name not in iterated]
    if not names:
        return 0
    nest, shared = measured.nest(names[0]), _shared(measured, phase.einsums)
    return measured.tiling.extent(nest, tuple(loop for loop in nest.temporal if loop.variable in shared))


def uneven_cycles(measured: Measured, phase: Phase, busy: Number) -> Number:
    """Cycles by which epochs of different length take longer than ``busy``, in which their steps are averaged."""
    if len(phase.steps) == 1 or len(_iterated(measured, phase)) == len(phase.einsums):
        return 0
    plain, last = _epoch_cycles(measured, phase), _epoch_cycles(measured, phase, whole=True)
    whole = tiles_of(measured, phase) * plain + finals_of(measured, phase) * (last - plain)
    return maximum(whole - busy, 0)


def _producers(measured: Measured, phase: Phase, name: str) -> list[tuple[Operand, str]]:
    """Input operands of an Einsum with the Einsum of the phase that writes them."""
    found: dict[str, list[tuple[Operand, str]]]
    found = measured.memo(("producers", phase.einsums), partial(_find_producers, measured, phase))
    return found[name]


def _find_producers(measured: Measured, phase: Phase) -> dict[str, list[tuple[Operand, str]]]:
    writers = {measured.nest(name).output.tensor: name for name in phase.einsums}
    return {
        name: [(o, writers[o.tensor]) for o in measured.nest(name).operands[:-1] if o.tensor in writers]
        for name in phase.einsums
    }


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
    tiling, nest = measured.tiling, measured.nest(_iterated(measured, phase)[0])
    shared, last = _running_loops(measured, phase)
    if last < 0:
        return 0
    flight = flight_of(measured, phase)
    rounds = tiling.extent(nest, tuple(shared[: last + 1]))
    begun = tiling.extent(nest, tuple(loop for loop in shared[: last + 1] if not loop.ranks & _running(measured)))
    empty = (rounds - begun) * maximum(found.reuse - flight, 0)
    if not tiling.masked:
        return empty
    queries, keys = nest.chains["P"], nest.chains["M"]
    seen = empty_epochs(
        tiling.part("P"), tiling.part("M"), measured.sizes("group"), measured.sizes("window"),
        tiling.bound(queries[-1]), flight, tiling.bound(keys[-1]), found.reuse,
    )  # fmt: skip
    batch = product(tiling.part(rank) for rank in measured.design.mapping.batch)
    return where(measured.sizes("causal") > 0, seen * batch, empty)


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
    arrays = dict.fromkeys(measured.nest(name).on for name in phase.einsums)
    wide = [name for name in arrays if measured.design.accelerator.arrays[name].rows != 1]
    if not wide:
        return 0
    columns = maximum(*(measured.sizes(f"{name}.columns") for name in wide))
    rows = maximum(*(measured.sizes(f"{name}.rows") for name in wide)) if len(phase.steps) == 1 else 1
    return columns + rows - 2


def _ceil(value: Number) -> Number:
    return -((_SLACK - value) // 1)
