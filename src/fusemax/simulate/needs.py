"""What a tile of one Einsum needs of another's: up to which tile the other must be, and how long its result takes."""

from __future__ import annotations

from collections.abc import Callable

from fusemax.design.einsums import Operand
from fusemax.simulate.coverage import seen
from fusemax.simulate.machine import Machine, ticks
from fusemax.simulate.plan import streams_along
from fusemax.simulate.space import Axis, Index, TileSpace
from fusemax.simulate.task import Need, Task

__all__ = ["add_needs", "hand_over", "last_code"]


def add_needs(machine: Machine, task: Task, tasks: list[Task]) -> None:
    """Give a task its dependences on others."""
    writers = {t.nest.output.tensor: t for t in tasks}
    for operand in task.nest.operands[:-1]:
        writer = writers.get(operand.tensor)
        if writer is None:
            continue
        running = operand.label != operand.tensor
        code = _before(task, writer) if running else last_code(task, writer, operand)
        delay, streamed = hand_over(machine, writer, task, operand)
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


def hand_over(machine: Machine, writer: Task, reader: Task, operand: Operand) -> tuple[int, bool]:
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
