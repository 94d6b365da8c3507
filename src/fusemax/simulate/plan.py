"""What a phase of several steps needs to be executed: its tiles, its epoch, its operands' ways through memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from fusemax.base.errors import UsageError
from fusemax.design.einsums import EinsumSpec, Operand
from fusemax.design.nest import Nest
from fusemax.design.schedule import DRAIN, Phase
from fusemax.simulate.machine import HEADS, Feed, Machine, Sink, ticks
from fusemax.simulate.memory import Bus, Fetch, Store
from fusemax.simulate.space import Axis, Index, TileSpace
from fusemax.simulate.template import Epoch, Flow, Slot, Template, epochs_between, settle

__all__ = ["LockstepPlan", "lockstep_plan", "streams_along"]


@dataclass(frozen=True)
class LockstepPlan:
    """See the module. ``feeds`` and ``sinks`` come with the lag of their Einsum; ``rows``: buffer rows per tile."""

    phase: Phase
    space: TileSpace
    epoch: Epoch
    with_finals: Template
    finals: tuple[str, ...]
    lags: Mapping[str, int]
    lag_of_finals: int
    query_axes: tuple[int, ...]
    feeds: tuple[tuple[Feed, int], ...]
    sinks: tuple[tuple[Sink, int], ...]
    rows: Mapping[str, float]
    bus: Bus
    lag_of_running: int
    live_words: Mapping[str, int]
    """By tensor that stays in the buffer while its queries are in work, words for one tile of them."""
    flows_to: Mapping[str, tuple[Flow, ...]]
    links: Mapping[str, tuple[tuple[str, int, int], ...]]
    """By Einsum whose result another array reads: the link, and from when until when it is on it."""
    shares: Mapping[str, Fraction]
    """By Einsum that not every tile runs, or that is joined with one, the share of tiles at which that one runs."""
    template: Callable[[bool, frozenset[str]], Template]
    """The epoch with or without the Einsums of a later section, some Einsums' tiles skipping what they may."""


@dataclass(frozen=True)
class _Shared:
    """The loops a phase's iterated Einsums share, as axes, with the ranks each loop runs over."""

    axes: tuple[Axis, ...]
    ranks: tuple[frozenset[str], ...]
    outer: tuple[bool, ...]
    """Whether an axis is a loop of the outermost memory."""
    variables: frozenset[str]


def lockstep_plan(machine: Machine, phase: Phase) -> LockstepPlan:
    """The plan of one phase. UsageError for a schedule whose Einsums share no loop."""
    specs = machine.specs(phase)
    section = next(s.section for s in specs if s.name == phase.einsums[0])
    iterated = tuple(s.name for s in specs if s.section == section)
    finals = tuple(s.name for s in specs if s.section != section)
    shared = _shared(machine, iterated)
    space = TileSpace(shared.axes, machine.sizes(shared.axes), machine.mask)
    shares = {n: share for n in iterated if (share := machine.measured.share(n)) != 1}
    template = _templates(machine, phase, shared, iterated, finals)
    plain, skipped = template(False, frozenset()), frozenset(shares)
    flows = tuple(flows_of(machine, phase, iterated, shared.variables))
    held = frozenset(n for n in iterated if _words_per_lane(machine, n, shared) > 1 and _stays(machine, n, flows))
    epoch = settle(plain, flows, held, shortest=template(False, skipped) if shares else None)
    whole = template(True, frozenset())
    lags = dict(epoch.lags)
    for flow in flows_of(machine, phase, (*iterated, *finals), shared.variables):
        if flow.reader in finals:
            late = epochs_between(flow, whole, template(True, skipped) if shares else None)
            lags[flow.reader] = max(lags.get(flow.reader, 0), lags[flow.writer] + late)
    every = tuple(flows_of(machine, phase, (*iterated, *finals), shared.variables))
    lag_of_finals = max([lags[name] for name in finals], default=epoch.last)
    lags |= dict.fromkeys(finals, lag_of_finals)
    running = _running_roots(machine, shared)
    bus = machine.bus()
    feeds, sinks = _operands(machine, phase, shared, space, bus)
    return LockstepPlan(
        phase, space, epoch, whole, finals, lags, lag_of_finals,
        tuple(i for i, axis in enumerate(shared.axes) if axis.root not in running),
        tuple((f, lags[f.einsum]) for f in feeds), tuple((s, lags[s.einsum]) for s in sinks),
        {s.name: _rows(machine, s.name, shared) for s in specs}, bus,
        max([lags[flow.writer] for flow in flows if flow.running], default=0), _live_words(machine, specs, shared),
        {s.name: tuple(flow for flow in every if flow.reader == s.name) for s in specs},
        {s.name: _links(machine, s.name, whole, every) for s in specs}, shares, template,
    )  # fmt: skip


def _shared(machine: Machine, names: tuple[str, ...]) -> _Shared:
    nests = [machine.nest(name) for name in names]
    variables = set.intersection(*({loop.variable for loop in nest.temporal} for nest in nests))
    loops = [loop for loop in nests[0].temporal if loop.variable in variables]
    if not loops:
        raise UsageError(f"{', '.join(names)} share no loop in time: a phase of several steps needs one")
    outer = {HEADS, *(loop.variable for loop in nests[0].levels[0].loops)}
    axes = machine.axes(tuple(loops))
    found = _Shared(
        axes,
        tuple(machine.ranks(nests[0], axis) for axis in axes),
        tuple(axis.variable in outer for axis in axes),
        frozenset(variables),
    )
    streams = machine.measured.design.schedule.streams
    return found if streams == 1 or axes[0].root != HEADS else _interleaved(machine, found, streams)


def _interleaved(machine: Machine, shared: _Shared, streams: int) -> _Shared:
    """Heads in groups: the group is the outermost loop, its heads take turns within each iteration over the keys."""
    both = shared.ranks[0]
    running = _running_roots(machine, shared)
    at = max((i for i, axis in enumerate(shared.axes) if axis.root in running), default=0) + 1
    group = Axis("group", HEADS, streams, -(-machine.heads // streams))
    each = Axis("head", HEADS, 1, streams)
    axes = (group, *shared.axes[1:at], each, *shared.axes[at:])
    ranks = (both, *shared.ranks[1:at], both, *shared.ranks[at:])
    outer = (True, *shared.outer[1:at], True, *shared.outer[at:])
    return _Shared(axes, ranks, outer, shared.variables)


def _running_roots(machine: Machine, shared: _Shared) -> set[str]:
    """Whole ranks along which running tensors run: what the results do not keep."""
    design = machine.measured.design
    outputs = {d.tensor for d in design.cascade.outputs}
    kept = {rank for spec in design.specs if spec.output.tensor in outputs for rank in spec.output.ranks}
    old = {o.tensor for spec in design.specs for o in spec.inputs if o.label != o.tensor}
    ranks = {rank for spec in design.specs if spec.output.tensor in old for rank in spec.output.ranks} - kept
    return {axis.root for axis, own in zip(shared.axes, shared.ranks, strict=True) if own & ranks}


def _templates(
    machine: Machine, phase: Phase, shared: _Shared, iterated: tuple[str, ...], finals: tuple[str, ...]
) -> Callable[[bool, frozenset[str]], Template]:
    names = (*iterated, *finals)
    durations = {run: {n: _duration(machine, n, shared, run) for n in names} for run in (True, False)}

    @cache
    def made(with_finals: bool, skipping: frozenset[str]) -> Template:
        own = {name: durations[name not in skipping][name] for name in names}
        return template_of(machine, phase, own, frozenset(names if with_finals else iterated))

    return made


def _duration(machine: Machine, name: str, shared: _Shared, running: bool = True) -> int:
    """Ticks of one tile, at which what may be skipped runs or does not."""
    inner = 1
    for loop in machine.nest(name).temporal:
        if loop.variable not in shared.variables:
            inner *= int(machine.measured.tiling.bound(loop))
    return ticks(inner * int(machine.measured.work_if(name, running).issues))


def template_of(machine: Machine, phase: Phase, durations: Mapping[str, int], active: frozenset[str]) -> Template:
    """Turns from the phase's steps: within a step the arrays go side by side, the step ends with the slowest."""
    slots: dict[str, Slot] = {}
    waits: dict[str, dict[str, int]] = {}
    arrays = {on for step in phase.steps for on in step if on != DRAIN}
    at = 0
    for step in phase.steps:
        ends: dict[str, int] = {}
        for on, names in step.items():
            now = at
            for name in names:
                if on == DRAIN:
                    now += ticks(machine.rows(machine.nest(name).on))
                elif name in active:
                    slots[name] = Slot(name, on, now, now + durations[name])
                    now += durations[name]
            ends[on] = now
        length = max(ends.values())
        cause = "column drain" if ends.get(DRAIN, -1) == length and len(step) == 1 else "the other array"
        for array in arrays:
            idle = length - ends.get(array, at)
            if idle:
                own = waits.setdefault(array, {})
                own[cause] = own.get(cause, 0) + idle
        at = length
    order = [spec.name for spec in machine.specs(phase) if spec.name in slots]
    return Template({name: slots[name] for name in order}, at, waits)


def flows_of(machine: Machine, phase: Phase, names: tuple[str, ...], shared: frozenset[str]) -> Iterator[Flow]:
    """The dependences between some Einsums of a phase; ``shared`` are the variables of the loops over tiles."""
    writers = {machine.nest(n).output.tensor: n for n in phase.einsums if n in names}
    for name in names:
        reader = machine.nest(name)
        for operand in reader.operands[:-1]:
            if operand.tensor in writers:
                writer = machine.nest(writers[operand.tensor])
                running = operand.label != operand.tensor
                yield Flow(
                    writer.einsum, name, _delay(machine, writer, reader), streams_along(writer, reader, shared),
                    running, operand.tensor,
                )  # fmt: skip


def _delay(machine: Machine, writer: Nest, reader: Nest) -> int:
    """Down a column a word takes as many cycles as the column is deep; back up it goes by the link."""
    if writer.on == reader.on:
        return 0
    down = machine.rows(writer.on) - 1
    return ticks(down if down else machine.return_delay - 1)


def streams_along(writer: Nest, reader: Nest, shared: frozenset[str]) -> bool:
    """Whether a tile's values are handed over one by one: both run the same innermost loop, over the result's ranks."""
    one, two = ([x for x in nest.temporal if x.variable not in shared] for nest in (writer, reader))
    return bool(one and two) and one[-1].part == two[-1].part and bool(one[-1].ranks & writer.output.ranks)


def _words_per_lane(machine: Machine, name: str, shared: _Shared) -> int:
    """Words of a tile's result that one lane or element makes."""
    nest = machine.nest(name)
    size = 1
    for loop in nest.temporal:
        if loop.variable not in shared.variables and loop.ranks & nest.output.ranks:
            size *= int(machine.measured.tiling.bound(loop))
    return size


def _stays(machine: Machine, name: str, flows: tuple[Flow, ...]) -> bool:
    """Whether a result is only read on the array that makes it, and waits in its registers till then."""
    nest = machine.nest(name)
    readers = [flow.reader for flow in flows if flow.writer == name and not flow.running]
    kept = any(nest.output.label in level.keeps for level in nest.levels[: nest.level(f"{nest.on}.columns")])
    return bool(readers) and not kept and all(machine.nest(r).on == nest.on for r in readers)


def _rows(machine: Machine, name: str, shared: _Shared) -> float:
    """Rows of the buffer that a tile's operands touch."""
    nest, level = machine.nest(name), machine.nest(name).level(machine.measured.next)
    if level < 0:
        return 0.0
    words = 0
    for operand in nest.operands:
        if operand.label in nest.levels[level].keeps:
            inner = tuple(x for x in nest.temporal if x.variable not in shared.variables)
            own = 1
            for loop in (*inner, *nest.spatial):
                if loop.ranks & operand.ranks:
                    own *= int(machine.measured.tiling.bound(loop))
            words += own
    return words / float(machine.measured.level_cost(machine.measured.next).words)


def _live_words(machine: Machine, specs: list[EinsumSpec], shared: _Shared) -> dict[str, int]:
    """Words that tensors which never leave the buffer take for one tile of queries."""
    level = machine.measured.next
    found: dict[str, int] = {}
    for spec in specs if level else []:
        nest = machine.nest(spec.name)
        for operand in nest.operands:
            if operand.label in nest.levels[nest.level(level)].keeps - nest.levels[0].keeps:
                found[operand.tensor] = _tile_words(machine, nest, operand, shared)
    return found


def _links(
    machine: Machine, name: str, template: Template, flows: tuple[Flow, ...]
) -> tuple[tuple[str, int, int], ...]:
    """When a result is on the link to another array: it leaves its column as it is made, or when it is complete."""
    found: dict[str, tuple[str, int, int]] = {}
    slot = template.slots[name]
    for flow in flows:
        if flow.writer == name and template.slots[flow.reader].array != slot.array:
            link = f"{slot.array} to {template.slots[flow.reader].array}"
            first = slot.start if flow.streamed else slot.end - ticks(1)
            found[link] = (link, first + flow.delay, slot.end + flow.delay)
    return tuple(found.values())


def _operands(
    machine: Machine, phase: Phase, shared: _Shared, space: TileSpace, bus: Bus
) -> tuple[list[Feed], list[Sink]]:
    """Inputs that come from the outermost memory, results that go there."""
    tiling, level = machine.measured.tiling, machine.measured.next
    number = machine.measured.design.schedule.phases.index(phase)
    room = int(tiling.capacity(level) - sum(tiling.needed(level)[number].values())) if level else 0
    feeds, sinks = [], []
    for spec in machine.specs(phase):
        nest = machine.nest(spec.name)
        for operand in nest.operands:
            if operand.label not in nest.levels[0].keeps:
                continue
            buffered = level and operand.label in nest.levels[nest.level(level)].keeps
            relevant = tuple(
                i
                for i, (ranks, outer) in enumerate(zip(shared.ranks, shared.outer, strict=True))
                if ranks & operand.ranks and (outer or not buffered)
            )
            words = _box_words(machine, nest, operand, shared, space, bool(buffered))
            if operand is nest.output:
                store = Store(operand.tensor, 2)
                bus.stores.append(store)
                sinks.append(Sink(spec.name, store, words))
                continue
            places, room = _places(machine, nest, operand, room, bool(buffered))
            fetch = Fetch(operand.tensor, space, relevant, places, words)
            bus.fetches.append(fetch)
            feeds.append(Feed(spec.name, operand, fetch))
    return feeds, sinks


def _places(machine: Machine, nest: Nest, operand: Operand, room: int, buffered: bool) -> tuple[int, int]:
    """Boxes of an operand that are there at once, and the bytes of the buffer that are left."""
    streams = machine.measured.design.schedule.streams
    if not buffered:
        return 2 * streams, room
    at = nest.level(machine.measured.next)
    outside = [loop for level in nest.levels[:at] for loop in level.loops]
    if outside and outside[-1].ranks & operand.ranks:
        return 2 * streams, room
    size = int(machine.measured.tiling.tile(nest, operand.ranks, at) * machine.measured.sizes("word") // 8)
    return (2 * streams, room - size) if size <= room else (streams, room)


def _box_words(
    machine: Machine, nest: Nest, operand: Operand, shared: _Shared, space: TileSpace, buffered: bool
) -> Callable[[Index], int]:
    """Words of the box that a prefix of indices stands for; partial at the ends of ranks."""
    roots = {axis.root for axis in shared.axes}
    batch = frozenset(machine.measured.design.mapping.batch)
    fixed = 1
    along = []
    for root, chain in nest.chains.items():
        if not any(loop.ranks & operand.ranks for loop in chain) or root in batch:
            continue
        if root in roots:
            along.append(root)
        else:
            fixed *= int(machine.measured.tiling.part(root))
    inner = tuple(i for i, outer in enumerate(shared.outer) if not outer)

    def words(prefix: Index) -> int:
        size = fixed
        used = prefix[: min(inner)] if buffered and inner else prefix
        for root in along:
            low, high = space.interval(used, root)
            size *= high - low
        return size

    return words


def _tile_words(machine: Machine, nest: Nest, operand: Operand, shared: _Shared) -> int:
    """Words of an operand that one tile has to do with."""
    size = 1
    for loop in nest.loops:
        if loop.ranks & operand.ranks and loop.variable not in shared.variables:
            size *= int(machine.measured.tiling.bound(loop))
    return size
