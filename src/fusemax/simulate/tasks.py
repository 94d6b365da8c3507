"""A phase of one step as tasks: per Einsum its tiles, how long each takes, and what it needs of the others.

A tile is an iteration of an Einsum's loops in time down to the first loop over a rank that not all Einsums of the
cascade have, or that some Einsum of the same array sums over below the outermost memory: what lies inside is one event.
Rows of scores on lanes, say, are events; the key tiles within such a row are not. Where a head has few such tiles, as
at decode, the loop over keys inside them is cut too, into up to `PARTS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import Phase
from fusemax.model.pieces import PARTS, PIECES, ahead, tile_loops
from fusemax.simulate.coverage import covered, num_units, stream_words
from fusemax.simulate.machine import HEADS, Machine, ticks
from fusemax.simulate.memory import Bus
from fusemax.simulate.needs import add_needs
from fusemax.simulate.place import Place
from fusemax.simulate.places import places_of, taking_of
from fusemax.simulate.space import Axis, Index, TileSpace
from fusemax.simulate.task import Shared, Task
from fusemax.simulate.transfers import add_memory

__all__ = ["tasks_of"]


def tasks_of(machine: Machine, phase: Phase, bus: Bus) -> tuple[list[Task], list[Place]]:
    """The tasks of a phase in schedule order, and the places they share."""
    names = phase.einsums
    cuts = {name: tile_loops(machine.measured, phase, name) for name in names}
    units = {name: _row_unit(machine, phase, name, cuts) for name in names}
    for name in names:
        further = _further(machine, phase, name, cuts[name])
        if further is not None:
            cuts[name], units[name] = further
    tasks = [_task(machine, number, name, cuts[name], units[name]) for number, name in enumerate(names)]
    by_name = {task.name: task for task in tasks}
    places = places_of(machine, phase, tasks)
    for task in tasks:
        add_needs(machine, task, tasks)
        add_memory(machine, phase, task, tasks, bus)
    for task in tasks:
        task.stage = _hand_overs(task, tasks)
    for place, writer in places:
        reader = tasks[place.reader]
        task = by_name[writer]
        task.takes.append((place, taking_of(machine, task, reader, place.running)))
    return tasks, [place for place, _ in places]


def _hand_overs(task: Task, tasks: list[Task]) -> int:
    """How often a tile goes from array to array before a task has it."""
    before = [(tasks[need.writer], tasks[need.writer].array != task.array) for need in task.needs if not need.running]
    return max((_hand_overs(writer, tasks) + int(other) for writer, other in before), default=0)


def _further(
    machine: Machine, phase: Phase, name: str, loops: tuple[Loop, ...]
) -> tuple[tuple[Loop, ...], int | None] | None:
    """An Einsum's tile loops with the one over keys inside them, in units of so many keys, where its tiles are few."""
    if float(ahead(machine.measured, phase, name)) == 1:
        return None
    nest, batch, bound = machine.nest(name), machine.measured.design.mapping.batch, machine.measured.tiling.bound
    number = math.prod(int(bound(x)) for x in loops if x.part not in batch)
    inner = next(x for x in nest.temporal if x not in loops and bound(x) > 1)
    own, mask = machine.unit(inner.part), machine.mask
    keys = own * int(bound(inner))
    if mask is not None and mask.window:
        keys = min(keys, mask.window + mask.rows // mask.group)
    return (*loops, inner), own * -(-keys // (own * max(4, PARTS // number)))


def _row_unit(machine: Machine, phase: Phase, name: str, cuts: dict[str, tuple[Loop, ...]]) -> int | None:
    """Coordinates of the last tile loop's rank that one event takes, where other arrays hand over no fewer at once."""
    nest = machine.nest(name)
    if not cuts[name]:
        return None
    last = cuts[name][-1]
    others = [
        machine.unit(loop.part)
        for n in phase.einsums
        if machine.nest(n).on != nest.on
        for loop in cuts[n]
        if loop.root == last.root
    ]
    own, least = machine.unit(last.part), min(others, default=0)
    if least > own and least % (PIECES * own) == 0 and _goes_through_memory(machine, nest):
        least //= PIECES  # rows are read and written one by one: a quarter of a block is there long before the whole
    return least if least > own and least % own == 0 else None


def _goes_through_memory(machine: Machine, nest: Nest) -> bool:
    """Whether an operand comes from the outermost memory or goes there, if only for lack of room."""
    measured = machine.measured
    spilled = measured.spilled if float(measured.shortage) > 0 else frozenset()
    return any(o.label in nest.levels[0].keeps or o.tensor in spilled for o in nest.operands)


def _task(machine: Machine, number: int, name: str, loops: tuple[Loop, ...], row_unit: int | None) -> Task:
    nest = machine.nest(name)
    axes = machine.axes(loops)
    roots = {loop.root for loop in nest.loops} - set(machine.measured.design.mapping.batch)
    sizes = {HEADS: machine.heads} | {root: int(machine.measured.tiling.part(root)) for root in roots}
    if row_unit is not None:
        last = axes[-1]
        bound = -(-last.bound * last.unit // row_unit)
        axes = (*axes[:-1], Axis(last.variable, last.root, row_unit, bound, last.root == "M"))
    space = TileSpace(axes, sizes, machine.mask)
    inner = tuple(loop for loop in nest.temporal if loop not in (loops if row_unit is None else loops[:-1]))
    issues = int(machine.measured.work_if(name, True).issues)
    rows = _rows(machine, nest, tuple(loop for loop in nest.temporal if loop not in loops))
    if row_unit is not None:
        rows *= row_unit / machine.unit(loops[-1].part)
    skipped = int(machine.measured.work_if(name, False).issues)
    times = {x: int(machine.measured.tiling.bound(x)) for x in inner}
    if row_unit is not None and loops[-1] in times:
        times[loops[-1]] = row_unit // machine.unit(loops[-1].part)
    whole = (max(issues, skipped) if machine.measured.share(name) != 1 else issues) * math.prod(times.values())
    duration = _duration(machine, nest, space, inner, issues)
    units: dict[str, tuple[int, ...]] = {}
    for loop in inner:
        units[loop.root] = (*units.get(loop.root, ()), machine.unit(loop.part))
    by_rows = row_unit is not None and loops[-1].root == "P"
    pieces = PIECES if by_rows and _goes_through_memory(machine, nest) else 1
    shared = None
    if machine.measured.share(name) != 1:
        inside = math.prod(n for loop, n in times.items() if loop.root in ("P", "M"))
        shared = Shared(machine.measured.share(name), inside, _duration(machine, nest, space, inner, skipped))
    return Task(number, name, nest.on, nest, space, duration, rows / max(1, ticks(whole)), units, shared, pieces)


def _duration(
    machine: Machine, nest: Nest, space: TileSpace, inner: tuple[Loop, ...], issues: int
) -> Callable[[Index], int]:
    """Ticks of a tile: iterations of the loops inside it, over what is there and seen."""
    fixed = issues
    units: dict[str, int] = {}
    for loop in inner:
        if loop.root in ("P", "M"):
            unit = machine.unit(loop.part)
            units[loop.root] = min(unit, units.get(loop.root, unit))
        else:
            fixed *= int(machine.measured.tiling.bound(loop))

    known: dict[Index, int] = {}
    scores = tuple(i for i, axis in enumerate(space.axes) if axis.root in ("P", "M"))

    def duration(index: Index) -> int:
        key = tuple([index[i] for i in scores])
        found = known.get(key)
        if found is None:
            found = known[key] = compute(index)
        return found

    def compute(index: Index) -> int:
        if len(units) == 2 and space.mask is not None:
            return ticks(fixed * _pairs(space, index, units))
        number = fixed
        for root, unit in units.items():
            number *= num_units(*covered(space, index, root, unit), unit)
        return ticks(number)

    return duration


def _pairs(space: TileSpace, index: Index, units: dict[str, int]) -> int:
    """Units of rows and keys with a seen pair, where both lie inside a tile."""
    assert space.mask is not None
    low, high = space.interval(index, "M")
    begin, end = space.interval(index, "P")
    total = 0
    for key in range(low // units["M"] * units["M"], high, units["M"]):
        first, after = space.mask.rows_of(max(low, key), min(high, key + units["M"]) - 1)
        total += num_units(max(begin, first), min(end, after), units["P"])
    return total


def _rows(machine: Machine, nest: Nest, inner: tuple[Loop, ...]) -> float:
    """Rows of the buffer that a whole tile's operands touch."""
    level = nest.level(machine.measured.next)
    if level < 0:
        return 0.0
    words = sum(stream_words(machine, nest, o, inner) for o in nest.operands if o.label in nest.levels[level].keeps)
    return words / float(machine.measured.level_cost(machine.measured.next).words)
