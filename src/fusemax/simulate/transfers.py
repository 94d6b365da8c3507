"""What a task moves to and from the outermost memory: operands to fetch, results to store, what has no room."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop
from fusemax.design.schedule import Phase
from fusemax.simulate.coverage import covered, repeating, times, unit_inside
from fusemax.simulate.machine import HEADS, Machine
from fusemax.simulate.memory import Bus, Fetch, Store
from fusemax.simulate.needs import hand_over, last_code
from fusemax.simulate.space import Index
from fusemax.simulate.task import Task

__all__ = ["add_memory"]


def add_memory(machine: Machine, phase: Phase, task: Task, tasks: list[Task], bus: Bus) -> None:
    """Give a task its way to and from the outermost memory."""
    measured, level = machine.measured, machine.measured.next
    nest, tiling = task.nest, machine.measured.tiling
    lack = float(measured.shortage) if level and measured.spilled else 0.0
    axes = task.space.axes
    inner = _inner_loops(machine, task)
    for operand in nest.operands:
        at = nest.level(level) if level else -1
        buffered = at >= 0 and operand.label in nest.levels[at].keeps
        spills = lack > 0 and buffered and operand.tensor in measured.spilled
        if spills:
            _spill(machine, task, tasks, operand, bus)
        if operand.label not in nest.levels[0].keeps:
            continue
        share = 1 - lack if spills and measured.spared else 1.0
        outer = {HEADS, *(x.variable for x in nest.levels[0].loops)}
        if operand is nest.output:
            _add_sink(machine, task, operand, buffered, share, inner, bus)
            continue
        repeats = not buffered and any(x.ranks & operand.ranks and tiling.bound(x) > 1 for x in inner)
        relevant = tuple(
            i
            for i, axis in enumerate(axes)
            if repeats or ((axis.variable in outer or not buffered) and machine.ranks(nest, axis) & operand.ranks)
        )
        words = _words(machine, task, operand, inner, buffered, share, relevant)
        places = 2 * task.pieces
        if buffered:
            outside = [loop for one in nest.levels[:at] for loop in one.loops]
            if not (outside and outside[-1].ranks & operand.ranks):
                number = measured.design.schedule.phases.index(phase)
                room = float(tiling.capacity(level) - sum(tiling.needed(level)[number].values()))
                rule = next((r for r in measured.design.mapping.capacity if r.level == level), None)
                given = rule is not None and rule.places is not None
                size = float(tiling.tile(nest, operand.ranks, at) * measured.sizes("word") / 8)
                places = (rule.places or {}).get(operand.tensor, 1) if given and rule else 2 if size <= room else 1
        fetch = Fetch(operand.tensor, task.space, relevant, places, words)
        fetch.ported = buffered
        writer = next((t for t in tasks if t.nest.output.tensor == operand.tensor), None)
        if writer is not None:
            fetch.written = _written(machine, task, writer, operand)
        bus.fetches.append(fetch)
        task.feeds.append(fetch)


def _inner_loops(machine: Machine, task: Task) -> tuple[Loop, ...]:
    """Loops in time inside a task's tiles."""
    tiles = {axis.variable for axis in task.space.axes}
    batch = machine.measured.design.mapping.batch
    return tuple(x for x in task.nest.temporal if x.variable not in tiles and x.part not in batch)


def _written(machine: Machine, task: Task, writer: Task, operand: Operand) -> Callable[[Index], int | None]:
    """When a box of a tensor that another task sends to memory is there; None as long as that is not known."""
    code = last_code(task, writer, operand)
    delay, _ = hand_over(machine, writer, task, operand)
    sent = [store for store, _ in writer.sinks if store.tensor == operand.tensor]

    def written(prefix: Index) -> int | None:
        index = task.space.first(prefix)
        assert index is not None
        needed = code(index)
        if writer.code <= needed or any(store.holds(writer.turn_of(needed)) for store in sent):
            return None
        at = bisect_right(writer.codes, needed) - 1
        return writer.ends[at] + delay if at >= 0 else 0

    return written


def _words(
    machine: Machine, task: Task, operand: Operand, inner: tuple[Loop, ...], buffered: bool, share: float,
    relevant: tuple[int, ...],
) -> Callable[[Index], int]:  # fmt: skip
    """Words of the box for a prefix of indices, partial at the ends of ranks."""
    nest, space = task.nest, task.space
    batch = frozenset(machine.measured.design.mapping.batch)
    roots = [r for r in nest.chains if r not in batch and any(x.ranks & operand.ranks for x in nest.chains[r])]
    units = {root: unit_inside(machine, nest, root) for root in roots}
    repeats = () if buffered else repeating(inner, operand)
    depth = max(relevant, default=-1) + 1

    def words(prefix: Index) -> int:
        size = float(times(machine, space, prefix[:depth], repeats))
        for root in roots:
            low, high = covered(space, prefix[:depth], root, units[root])
            size *= high - low
        return round(size * share)

    return words


def _add_sink(
    machine: Machine, task: Task, operand: Operand, buffered: bool, share: float, inner: tuple[Loop, ...], bus: Bus
) -> None:
    """A result's way out: when the last of what is summed into it has been, or at every tile."""
    nest, space = task.nest, task.space
    summed = [i for i, axis in enumerate(space.axes) if not machine.ranks(nest, axis) & operand.ranks]
    store = Store(operand.tensor, 2 * task.pieces)
    bus.stores.append(store)
    stays = buffered or _adds_up(machine, task, operand, summed)
    batch = frozenset(machine.measured.design.mapping.batch)
    roots = [r for r in nest.chains if r not in batch and any(x.ranks & operand.ranks for x in nest.chains[r])]
    units = {root: unit_inside(machine, nest, root) for root in roots}
    repeats = () if buffered else repeating(inner, operand)

    def words(index: Index) -> int:
        if summed and stays and not space.ends(index)[1]:
            return 0
        size = 1.0
        for root in roots:
            low, high = covered(space, index, root, units[root])
            size *= high - low
        updates = times(machine, space, index, repeats)
        again = 2 * updates - int(stays or not summed or space.ends(index)[0])
        return round(size * again * share)

    task.sinks.append((store, words))


def _adds_up(machine: Machine, task: Task, operand: Operand, summed: list[int]) -> bool:
    """Whether sums along some axes stay in the array: no loop over the result's ranks runs inside them."""
    loops = list(task.nest.temporal)
    last = max((loops.index(x) for x in loops for i in summed if x.variable == task.space.axes[i].variable), default=-1)
    return not any(x.ranks & operand.ranks and machine.measured.tiling.bound(x) > 1 for x in loops[last + 1 :])


def _spill(machine: Machine, task: Task, tasks: list[Task], operand: Operand, bus: Bus) -> None:
    """The share of an operand's accesses that goes to the outermost memory for lack of room.

    What Einsums hand on tile by tile is in the buffer meanwhile: a result that only they read never leaves it, and
    what one has read the next has there.
    """
    lack = float(machine.measured.shortage)
    alike = [t for t in tasks if t.space.axes == task.space.axes]
    inner = _inner_loops(machine, task)
    if operand is task.nest.output:
        readers = [t for t in tasks if any(o.tensor == operand.tensor for o in t.nest.operands[:-1])]
        if not readers or any(t not in alike for t in readers):
            _add_sink(machine, task, operand, False, lack, inner, bus)
        return
    order = [spec.name for spec in machine.measured.design.specs]
    before = [t for t in alike if order.index(t.name) < order.index(task.name)]
    if any(o.tensor == operand.tensor for t in before for o in t.nest.operands):
        return
    relevant = tuple(range(len(task.space.axes)))
    words = _words(machine, task, operand, inner, False, lack, relevant)
    fetch = Fetch(operand.tensor, task.space, relevant, 2 * task.pieces, words)
    fetch.ported = False
    writer = next((t for t in tasks if t.nest.output.tensor == operand.tensor), None)
    if writer is not None:
        fetch.written = _written(machine, task, writer, operand)
    bus.fetches.append(fetch)
    task.feeds.append(fetch)
