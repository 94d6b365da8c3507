"""A phase of one step as tasks: per Einsum its tiles, how long each takes, and what it needs of the others.

A tile is an iteration of an Einsum's loops in time down to the first loop over a rank that not all Einsums of the
cascade have, or that some Einsum of the same array sums over below the outermost memory: what lies inside is one event.
Rows of scores on lanes, say, are events; the key tiles within such a row are not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from operator import mul

from fusemax.design.einsums import Operand
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import Phase
from fusemax.simulate.machine import HEADS, Machine, ticks
from fusemax.simulate.memory import Bus, Fetch, Store
from fusemax.simulate.plan import streams_along
from fusemax.simulate.space import Axis, Index, TileSpace

__all__ = ["Need", "Place", "Task", "tasks_of"]


@dataclass(frozen=True)
class Need:
    """What a tile needs of another task: that it is past ``code(index)``, and ``delay`` ticks more; None: nothing."""

    writer: int
    tensor: str
    code: Callable[[Index], int | None]
    delay: int
    streamed: bool
    running: bool = False
    """Of the tile of the same queries before."""


@dataclass
class Place:
    """Room in the buffer for results: ``limit`` words, taken by a writer's tile till its last reader is past it."""

    tensor: str
    limit: float
    reader: int
    running: bool
    """Written over for each key tile; left when the reader has had the last."""
    taken: float = 0.0
    left: float = 0.0
    peak: float = 0.0
    items: deque[list[float]] = field(default_factory=deque)
    """What is there, the oldest first: [number of the reader's last tile that needs it, of how many tiles with numbers
    one after the other, words of each]."""
    version: int = 0
    """Grows with what is left."""
    ends: list[tuple[int, float]] = field(default_factory=list)
    """(time, words left in all) of the latest departures."""


@dataclass
class Task:
    """One Einsum: constant but for `at`, the next tile, and its record of what is done."""

    number: int
    name: str
    array: str
    nest: Nest
    space: TileSpace
    duration: Callable[[Index], int]
    rows: float
    """Rows of the buffer it touches per tick."""
    units: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By rank, what the loops in time inside a tile take at once."""
    needs: list[Need] = field(default_factory=list)
    takes: list[tuple[Place, Callable[[Index], tuple[float, int]]]] = field(default_factory=list)
    feeds: list[Fetch] = field(default_factory=list)
    sinks: list[tuple[Store, Callable[[Index], int]]] = field(default_factory=list)
    at: Index | None = None
    code: int = 0
    codes: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    waits_for: Callable[[], bool] | None = None
    """Whether what the next tile was found to lack is still lacking."""
    codes_needed: list[int | None] | None = None
    """What `needs` say of the next tile, once asked for."""

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """By axis, what one iteration adds to a tile's number."""
        found = [1]
        for axis in self.space.axes[:0:-1]:
            found.append(found[-1] * axis.bound)
        return tuple(reversed(found))

    def encode(self, index: Index) -> int:
        """Tiles in order as rising numbers."""
        return sum(map(mul, self.strides, index))

    def without_keys(self, code: int) -> int:
        """A tile's number with its place along the keys left out."""
        number = 0
        for axis, stride in zip(self.space.axes, self.strides, strict=True):
            i, code = divmod(code, stride)
            number += i * stride if axis.root != "M" else 0
        return number

    @property
    def end_code(self) -> int:
        """Past the last tile."""
        return self.strides[0] * self.space.axes[0].bound


def tasks_of(machine: Machine, phase: Phase, bus: Bus) -> tuple[list[Task], list[Place]]:
    """The tasks of a phase in schedule order, and the places they share."""
    names = phase.einsums
    cuts = {name: _tile_loops(machine, phase, name) for name in names}
    cuts = {name: _handed_over(machine, phase, name, cuts) for name in names}
    units = {name: _row_unit(machine, phase, name, cuts) for name in names}
    tasks = [_task(machine, number, name, cuts[name], units[name]) for number, name in enumerate(names)]
    by_name = {task.name: task for task in tasks}
    places = _places(machine, phase, tasks)
    for task in tasks:
        _add_needs(machine, task, tasks)
        _add_memory(machine, phase, task, tasks, bus)
    for task in tasks:
        for fetch in task.feeds:
            fetch.later = _hand_overs(task, tasks) // 2
    for place, writer in places:
        reader = tasks[place.reader]
        task = by_name[writer]
        task.takes.append((place, _taking(machine, task, reader, place.running)))
    return tasks, [place for place, _ in places]


def _hand_overs(task: Task, tasks: list[Task]) -> int:
    """How often a tile goes from array to array before a task has it."""
    before = [(tasks[need.writer], tasks[need.writer].array != task.array) for need in task.needs if not need.running]
    return max((_hand_overs(writer, tasks) + int(other) for writer, other in before), default=0)


# ------------------------------------------------------------------------------------------------ tiles


def _tile_loops(machine: Machine, phase: Phase, name: str) -> tuple[Loop, ...]:
    """The loops in time that make an Einsum's tiles."""
    design = machine.measured.design
    common = set.intersection(*({x.root for x in machine.nest(s.name).loops} for s in design.specs))
    common |= {"P", "M"} & {x.root for x in machine.nest(name).loops}
    nest = machine.nest(name)
    companions = [n for n in phase.einsums if machine.nest(n).on == nest.on]
    cut = len(nest.temporal)
    for i, loop in enumerate(nest.temporal):
        if loop.root not in common or any(_sums(machine, n, loop) for n in companions):
            cut = i
            break
    return nest.temporal[:cut]


def _handed_over(machine: Machine, phase: Phase, name: str, cuts: dict[str, tuple[Loop, ...]]) -> tuple[Loop, ...]:
    """Of an Einsum's tile loops those up to the first over keys all of which every reader takes at once."""
    nest = machine.nest(name)
    readers = [n for n in phase.einsums if any(o.tensor == nest.output.tensor for o in machine.nest(n).operands[:-1])]
    for i, loop in enumerate(cuts[name]):
        if readers and not any(x.root == loop.root for n in readers for x in cuts[n]):
            return cuts[name][:i]
    return cuts[name]


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
    return least if least > own and least % own == 0 else None


def _sums(machine: Machine, name: str, loop: Loop) -> bool:
    """Whether an Einsum sums over a loop that stands inside the outermost memory's."""
    nest = machine.nest(name)
    own = [x for x in nest.temporal if x.variable == loop.variable]
    outer = {x.variable for x in nest.levels[0].loops}
    return bool(own) and loop.variable not in outer and not own[0].ranks & nest.output.ranks


def _task(machine: Machine, number: int, name: str, loops: tuple[Loop, ...], row_unit: int | None) -> Task:
    nest = machine.nest(name)
    axes = machine.axes(loops)
    roots = {loop.root for loop in nest.loops} - set(machine.measured.design.mapping.batch)
    sizes = {HEADS: machine.heads} | {root: int(machine.measured.tiling.part(root)) for root in roots}
    if row_unit is not None:
        last = axes[-1]
        axes = (*axes[:-1], Axis(last.variable, last.root, row_unit, -(-last.bound * last.unit // row_unit)))
    space = TileSpace(axes, sizes, machine.mask)
    inner = tuple(loop for loop in nest.temporal if loop not in (loops if row_unit is None else loops[:-1]))
    issues = machine.measured.work(name).issues
    rows = _rows(machine, nest, tuple(loop for loop in nest.temporal if loop not in loops))
    if row_unit is not None:
        rows *= row_unit / machine.unit(loops[-1].part)
    whole = issues
    for loop in inner:
        whole *= int(machine.measured.tiling.bound(loop)) if row_unit is None or loop is not loops[-1] else row_unit
    duration = _duration(machine, nest, space, inner, issues)
    units: dict[str, tuple[int, ...]] = {}
    for loop in inner:
        units[loop.root] = (*units.get(loop.root, ()), machine.unit(loop.part))
    return Task(number, name, nest.on, nest, space, duration, rows / max(1, ticks(whole)), units)


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
    if any(axis.root == root for axis in space.axes[: len(index)]):
        return space.interval(index, root)
    low, high = seen(space, index, root)
    return low // unit * unit, min(-(-high // unit) * unit, space.sizes.get(root, high))


def unit_inside(machine: Machine, nest: Nest, root: str) -> int:
    """Coordinates of a rank that the innermost loop in time over it takes at once."""
    loops = [x for x in nest.temporal if x.root == root]
    return min((machine.unit(x.part) for x in loops), default=1)


def _units(low: int, high: int, unit: int) -> int:
    return max(0, -(-high // unit) - low // unit)


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
            number *= _units(*covered(space, index, root, unit), unit)
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
        total += _units(max(begin, first), min(end, after), units["P"])
    return total


def _rows(machine: Machine, nest: Nest, inner: tuple[Loop, ...]) -> float:
    """Rows of the buffer that a whole tile's operands touch."""
    level = nest.level(machine.measured.next)
    if level < 0:
        return 0.0
    words = sum(stream_words(machine, nest, o, inner) for o in nest.operands if o.label in nest.levels[level].keeps)
    return words / float(machine.measured.level_cost(machine.measured.next).words)


def stream_words(machine: Machine, nest: Nest, operand: Operand, inner: tuple[Loop, ...]) -> int:
    """Words of an operand that pass between a memory and the array during a whole tile.

    Loops inside the innermost one over the operand's ranks repeat what is there; those outside bring it again.
    """
    last = max((i for i, loop in enumerate(inner) if loop.ranks & operand.ranks), default=-1)
    size = 1
    for loop in (*inner[: last + 1], *(x for x in nest.spatial if x.ranks & operand.ranks)):
        size *= int(machine.measured.tiling.bound(loop))
    return size


# ------------------------------------------------------------------------------------------- dependences


def _add_needs(machine: Machine, task: Task, tasks: list[Task]) -> None:
    writers = {t.nest.output.tensor: t for t in tasks}
    for operand in task.nest.operands[:-1]:
        writer = writers.get(operand.tensor)
        if writer is None:
            continue
        running = operand.label != operand.tensor
        code = _before(task, writer) if running else last_code(task, writer, operand)
        delay, streamed = _hand_over(machine, writer, task, operand)
        task.needs.append(Need(writer.number, operand.tensor, code, delay, streamed, running))


Code = Callable[[Index], int]


def last_code(task: Task, writer: Task, operand: Operand) -> Code:
    """The last tile of another task whose box of a tensor meets a tile's."""
    roots = {x.root for x in task.nest.loops if x.ranks & operand.ranks}
    roots |= {x.root for x in writer.nest.loops if x.ranks & operand.ranks and x.root not in roots and x.root != "M"}
    masked = task.space.mask is not None or writer.space.mask is not None
    copied: list[tuple[int, int]] = []  # (axis of the task, stride of the writer's)
    found: list[tuple[Code, int]] = []
    constant = 0
    for axis, stride in zip(writer.space.axes, writer.strides, strict=True):
        same = next(
            (i for i, x in enumerate(task.space.axes) if (x.variable, x.unit) == (axis.variable, axis.unit)), -1
        )
        if same >= 0:
            copied.append((same, stride))
        elif axis.root in task.space.sizes and (axis.root in roots or (axis.root == "M" and masked)):
            found.append((_end_of(task.space, axis), stride))
        elif axis.root == "M" and masked:
            found.append((_end_of_keys(task.space, writer.space, axis), stride))
        else:
            constant += stride * (min(axis.bound, -(-writer.space.sizes[axis.root] // axis.unit)) - 1)

    def code(index: Index) -> int:
        number = constant
        for i, stride in copied:
            number += index[i] * stride
        for rule, stride in found:
            number += rule(index) * stride
        return number

    return code


def _end_of(space: TileSpace, axis: Axis) -> Code:
    """The index along an axis of the last coordinate that a tile covers and, under a mask, sees."""

    def end(index: Index) -> int:
        return (max(seen(space, index, axis.root)[1], 1) - 1) // axis.unit % axis.bound

    return end


def _end_of_keys(space: TileSpace, writer: TileSpace, axis: Axis) -> Code:
    """The index along a writer's axis of the last key that a tile's rows see."""

    def end(index: Index) -> int:
        low, high = space.interval(index, "P")
        assert writer.mask is not None
        return (writer.mask.keys_of(low, high - 1)[1] - 1) // axis.unit % axis.bound

    return end


def _before(task: Task, writer: Task) -> Callable[[Index], int | None]:
    """The writer's tile of the same queries one key tile earlier."""
    keys = [i for i, axis in enumerate(writer.space.axes) if axis.root == "M"]
    alike = task.space.axes == writer.space.axes and len(keys) == 1

    def code(index: Index) -> int | None:
        if not keys or task.space.ends(index)[0]:
            return None
        if alike:
            return writer.encode(index) - writer.strides[keys[0]]
        low, _ = task.space.interval(index, "M")
        number = 0
        for i, axis in enumerate(writer.space.axes):
            start = low - 1 if i in keys else task.space.interval(index, axis.root)[0]
            number += start // axis.unit % axis.bound * writer.strides[i]
        return number

    return code


def _hand_over(machine: Machine, writer: Task, reader: Task, operand: Operand) -> tuple[int, bool]:
    """Ticks from a tile's end to its result's use, and whether it is handed over element by element."""
    one, two = writer.nest, reader.nest
    batch = machine.measured.design.mapping.batch
    tiles = frozenset(axis.variable for task in (writer, reader) for axis in task.space.axes)
    streamed = streams_along(one, two, tiles | {x.variable for x in one.temporal if x.part in batch})
    if one.on == two.on:
        return 0, streamed
    rows, columns = machine.rows(one.on), machine.columns(one.on)
    if rows == 1:
        return ticks(machine.return_delay - 1), streamed
    level = machine.measured.next
    buffered = any(
        level and label in nest.levels[nest.level(level)].keeps
        for nest, label in ((one, one.output.label), (two, operand.label))
    )
    return ticks(rows - 1 + (columns - 1 if buffered else 0)), streamed and not buffered


# ---------------------------------------------------------------------------------------------- buffer


def _places(machine: Machine, phase: Phase, tasks: list[Task]) -> list[tuple[Place, str]]:
    """Room in the buffer for what the phase's own Einsums leave there, with the Einsum that takes it."""
    measured, level = machine.measured, machine.measured.next
    if not level:
        return []
    number = measured.design.schedule.phases.index(phase)
    needed = measured.tiling.needed(level)[number]
    rule = next((rule for rule in measured.design.mapping.capacity if rule.level == level), None)
    order = [spec.name for spec in machine.specs(phase)]
    running = {o.tensor for spec in measured.design.specs for o in spec.inputs if o.label != o.tensor}
    groups = [set(shared) for shared in rule.share] if rule is not None else []
    found: dict[str, tuple[Place, str]] = {}
    for task in sorted(tasks, key=lambda t: order.index(t.name)):
        output = task.nest.output
        own = next((g for g in groups if output.tensor in g), {output.tensor})
        owner = next((t for t in needed if t in own), output.tensor)
        through = output.label in task.nest.levels[0].keeps  # it goes through the outermost memory
        if owner in found or owner not in needed or output.tensor in measured.design.boundary or through:
            continue
        kept = any(
            o.tensor == output.tensor and level and o.label in t.nest.levels[t.nest.level(level)].keeps
            for t in tasks
            for o in t.nest.operands
        )
        readers = [t for t in tasks if any(o.tensor in own and o.label == o.tensor for o in t.nest.operands[:-1])]
        readers.sort(key=lambda t: order.index(t.name))
        if kept and readers:
            words = float(needed[owner]) * 8 / float(measured.sizes("word"))
            found[owner] = (Place(owner, words, readers[-1].number, output.tensor in running), task.name)
    return list(found.values())


def last_of_keys(space: TileSpace, index: Index, keys: list[int]) -> Index:
    """The last tile of the same queries."""
    end = space.sizes.get("M", 1)
    if space.mask is not None:
        low, high = space.interval(index, "P")
        _, end = space.mask.keys_of(low, high - 1)
    return tuple((end - 1) // space.axes[i].unit % space.axes[i].bound if i in keys else x for i, x in enumerate(index))


def _taking(machine: Machine, task: Task, reader: Task, running: bool) -> Callable[[Index], tuple[float, int]]:
    """Words that a tile's result takes, and the reader's last tile that needs them.

    The first tile of a running tensor takes what later ones write over.
    """
    output = task.nest.output
    code = last_code(task, reader, output)
    keys = [i for i, axis in enumerate(task.space.axes) if axis.root == "M"]
    spread = {x.root for x in task.nest.loops if x.ranks & output.ranks}
    units = {root: unit_inside(machine, task.nest, root) for root in spread}

    def taking(index: Index) -> tuple[float, int]:
        if running:
            if not task.space.ends(index)[0]:
                return 0.0, -1
            index = last_of_keys(task.space, index, keys)
        words = 1.0
        for root in spread:
            if root == "M" and running:
                continue
            low, high = covered(task.space, index, root, units[root]) if root in task.space.sizes else (0, 1)
            words *= high - low
        return words, code(index)

    return taking


# ---------------------------------------------------------------------------------------------- memory


def _add_memory(machine: Machine, phase: Phase, task: Task, tasks: list[Task], bus: Bus) -> None:
    measured, level = machine.measured, machine.measured.next
    nest, tiling = task.nest, machine.measured.tiling
    lack = float(measured.shortage) if level and measured.spilled else 0.0
    axes = task.space.axes
    inner = inner_loops(machine, task)
    again_in: list[Operand] = []
    for operand in nest.operands:
        at = nest.level(level) if level else -1
        buffered = at >= 0 and operand.label in nest.levels[at].keeps
        spills = lack > 0 and buffered and operand.tensor in measured.spilled
        if spills:
            again_in.append(operand)
        if operand.label not in nest.levels[0].keeps:
            continue
        share = 1 - lack if spills and measured.spared else 1.0
        outer = {HEADS, *(x.variable for x in nest.levels[0].loops)}
        if operand is nest.output:
            _add_sink(machine, task, operand, buffered, share, inner, bus)
            continue
        repeats = not buffered and any(x.ranks & operand.ranks for x in inner)
        relevant = tuple(
            i
            for i, axis in enumerate(axes)
            if repeats or ((axis.variable in outer or not buffered) and machine.ranks(nest, axis) & operand.ranks)
        )
        words = _words(machine, task, operand, inner, buffered, share, relevant)
        places = 2
        if buffered:
            outside = [loop for one in nest.levels[:at] for loop in one.loops]
            if not (outside and outside[-1].ranks & operand.ranks):
                number = measured.design.schedule.phases.index(phase)
                room = float(tiling.capacity(level) - sum(tiling.needed(level)[number].values()))
                rule = next((r for r in measured.design.mapping.capacity if r.level == level), None)
                given = rule is not None and rule.places is not None
                size = float(tiling.tile(nest, operand.ranks, at) * measured.sizes("word") / 8)
                places = (rule.places or {}).get(operand.tensor, 1) if given and rule else 2 if size <= room else 1
        burst = max(1, stream_words(machine, nest, operand, inner))
        fetch = Fetch(operand.tensor, task.space, relevant, places, words, burst)
        fetch.ported = buffered
        writer = next((t for t in tasks if t.nest.output.tensor == operand.tensor), None)
        if writer is not None:
            fetch.written = _written(machine, task, writer, operand)
        bus.fetches.append(fetch)
        task.feeds.append(fetch)
    _add_spills(machine, task, again_in, lack, inner, bus)


def inner_loops(machine: Machine, task: Task) -> tuple[Loop, ...]:
    """Loops in time inside a task's tiles."""
    tiles = {axis.variable for axis in task.space.axes}
    batch = machine.measured.design.mapping.batch
    return tuple(x for x in task.nest.temporal if x.variable not in tiles and x.part not in batch)


def _repeating(inner: tuple[Loop, ...], operand: Operand) -> tuple[Loop, ...]:
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
        number *= _units(*covered(space, index, root, unit), unit)
    return number


def _written(machine: Machine, task: Task, writer: Task, operand: Operand) -> Callable[[Index], int | None]:
    """When a box of a tensor that another task sends to memory is there; None as long as that is not known."""
    code = last_code(task, writer, operand)
    delay, _ = _hand_over(machine, writer, task, operand)

    def written(prefix: Index) -> int | None:
        index = task.space.first(prefix)
        assert index is not None
        needed = code(index)
        if writer.code <= needed:
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
    repeats = () if buffered else _repeating(inner, operand)
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
    store = Store(operand.tensor, 2)
    bus.stores.append(store)
    own = tuple(i for i in range(len(space.axes)) if i not in summed)
    batch = frozenset(machine.measured.design.mapping.batch)
    roots = [r for r in nest.chains if r not in batch and any(x.ranks & operand.ranks for x in nest.chains[r])]
    units = {root: unit_inside(machine, nest, root) for root in roots}
    repeats = () if buffered else _repeating(inner, operand)

    def words(index: Index) -> int:
        if summed and buffered and not _ends_sum(space, index):
            return 0
        size = 1.0
        for root in roots:
            low, high = covered(space, index, root, units[root])
            size *= high - low
        updates = times(machine, space, index, repeats)
        again = 2 * updates - 1 if not (summed and not buffered) else 2 - int(space.ends(index)[0])
        return round(size * again * share)

    assert own
    task.sinks.append((store, words))


def _ends_sum(space: TileSpace, index: Index) -> bool:
    return space.ends(index)[1]


def _add_spills(
    machine: Machine, task: Task, operands: list[Operand], lack: float, inner: tuple[Loop, ...], bus: Bus
) -> None:
    """The share of its buffer accesses that an Einsum makes to the outermost memory for lack of room."""
    nest = task.nest
    reads = sum(stream_words(machine, nest, o, inner) for o in operands if o is not nest.output)
    writes = sum(stream_words(machine, nest, o, inner) for o in operands if o is nest.output)
    if reads:
        relevant = tuple(range(len(task.space.axes)))
        words = max(1, round(reads * lack))
        fetch = Fetch(f"{task.name} spilled", task.space, relevant, 2, lambda _: words, words)
        bus.fetches.append(fetch)
        task.feeds.append(fetch)
    if writes:
        store = Store(f"{task.name} spilled", 2)
        bus.stores.append(store)
        out = max(1, round(writes * lack))
        task.sinks.append((store, lambda _: out))
