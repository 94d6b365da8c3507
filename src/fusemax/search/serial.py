"""A schedule without interleaving: one tile at a time, in which only what does not wait for another runs beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec
from fusemax.design.schedule import DRAIN, Phase, Schedule

__all__ = ["serial_schedule"]


def serial_schedule(design: Design, on: Mapping[str, str], joined: tuple[tuple[str, str], ...] = ()) -> Schedule:
    """Steps by how many hand-overs between arrays come before an Einsum; each waits for the last value to come down."""
    specs = design.specs
    wide = {name for name, array in design.accelerator.arrays.items() if array.rows != 1}
    made = {spec.output.tensor: spec.name for spec in specs if on[spec.name] in wide}
    writers = {spec.output.tensor: spec.name for spec in specs}
    level: dict[str, int] = {}
    for spec in specs:
        level[spec.name] = 0
        for operand in spec.inputs:
            before = writers.get(operand.tensor)
            if before in level and before != spec.name and operand.label == operand.tensor:
                level[spec.name] = max(level[spec.name], level[before] + (on[before] != on[spec.name]))
    steps: list[dict[str, tuple[str, ...]]] = []
    for number in range(max(level.values()) + 1):
        step: dict[str, tuple[str, ...]] = {}
        for spec in specs:
            if level[spec.name] == number:
                step[on[spec.name]] = (*step.get(on[spec.name], ()), spec.name)
        waited = _waited(specs, on, level, made, number)
        if waited:
            steps.append({DRAIN: waited})
        steps.append(step)
    return Schedule(phases=(Phase(name="tile", steps=tuple(steps)),), as_one=joined, runs=design.schedule.runs)


def _waited(
    specs: Sequence[EinsumSpec], on: Mapping[str, str], level: Mapping[str, int], made: Mapping[str, str], number: int
) -> tuple[str, ...]:
    """An Einsum of the step before whose result goes to another array: one column depth is waited for all of them."""
    found = [
        (len(operand.ranks), made[operand.tensor])
        for spec in specs
        for operand in spec.inputs
        if level[spec.name] == number and operand.tensor in made and on[made[operand.tensor]] != on[spec.name]
    ]
    late = [(ranks, name) for ranks, name in found if level[name] == number - 1]
    return (min(late)[1],) if late else ()
