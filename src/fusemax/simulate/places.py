"""Which results of a phase stand in the buffer, and what a tile's result takes of it until when."""

from __future__ import annotations

from collections.abc import Callable

from fusemax.design.schedule import Phase
from fusemax.simulate.coverage import covered, unit_inside
from fusemax.simulate.machine import Machine
from fusemax.simulate.needs import last_code
from fusemax.simulate.place import Place
from fusemax.simulate.space import Index, TileSpace
from fusemax.simulate.task import Task

__all__ = ["places_of", "taking_of"]


def places_of(machine: Machine, phase: Phase, tasks: list[Task]) -> list[tuple[Place, str]]:
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


def taking_of(machine: Machine, task: Task, reader: Task, running: bool) -> Callable[[Index], tuple[float, int]]:
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
