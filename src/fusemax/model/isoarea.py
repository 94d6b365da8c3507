"""Designs made equal in area: the buffer, or else the array, of each sized so that all match one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusemax.base.errors import UsageError
from fusemax.base.units import format_bytes
from fusemax.design.accelerator import Accelerator, Memory
from fusemax.design.design import Design
from fusemax.design.sizes import Sizes
from fusemax.model.area import total_area
from fusemax.model.profile import Accounting

__all__ = ["TOLERANCE", "Matched", "match_area"]

TOLERANCE = 0.01
_STEPS = 4096
_EDGES = np.arange(8, 1025, 8)


@dataclass(frozen=True)
class Matched:
    """A design at the area asked for, and what was changed in words (empty: nothing)."""

    design: Design
    change: str


def match_area(designs: Sequence[Design], reference: Design, rules: Accounting) -> list[Matched]:
    """Every design within 1 % of the area of ``reference``.

    The buffer changes first: of the sizes between those in the SRAM table the one that comes closest. Where no buffer
    reaches, the array's edge changes instead, in steps of 8. UsageError when neither does, or an area is unknown.
    """
    target = float(total_area(reference, Sizes(reference.accelerator, {}), rules))
    if not np.isfinite(target):
        raise UsageError(f"the area of {reference.name} is unknown: designs cannot be matched to it")
    return [_match(design, target, rules) for design in designs]


def _match(design: Design, target: float, rules: Accounting) -> Matched:
    own = float(total_area(design, Sizes(design.accelerator, {}), rules))
    if abs(own / target - 1) <= TOLERANCE:
        return Matched(design, "")
    buffer = _by_buffer(design, target, rules)
    if buffer is not None:
        name, size = buffer
        return Matched(_with_capacity(design, name, size), f"{name} {format_bytes(size)}")
    edge = _by_edge(design, target, rules)
    if edge is not None:
        return Matched(_with_edge(design, edge), f"array edge {edge}")
    raise UsageError(
        f"{design.name}: neither a buffer in the SRAM table nor an array edge makes {own * 1e-6:.4g} mm^2 match"
        f" {target * 1e-6:.4g} mm^2 within {TOLERANCE:.0%}"
    )


def _by_buffer(design: Design, target: float, rules: Accounting) -> tuple[str, int] | None:
    sizes = Sizes(design.accelerator, {})
    for name, memory in reversed(design.accelerator.memories.items()):
        if memory.cost != "sram":
            continue
        row = int(sizes(f"{name}.access"))
        known = [size for (_, wide, _, _), table in design.costs.sram.rows.items() if wide == row for size in table]
        if not known:
            continue
        steps = np.geomspace(min(known), max(known), _STEPS)
        capacities = np.unique((steps // row).astype(np.int64) * row)
        areas = total_area(design, Sizes(design.accelerator, {}, {f"{name}.capacity": capacities}), rules)
        best = _closest(areas, target)
        if best is not None:
            return name, int(capacities[best])
    return None


def _by_edge(design: Design, target: float, rules: Accounting) -> int | None:
    for name in design.accelerator.parameters:
        areas = total_area(design, Sizes(design.accelerator, {}, {name: _EDGES}), rules)
        best = _closest(np.broadcast_to(areas, _EDGES.shape), target)
        if best is not None:
            return int(_EDGES[best])
    return None


def _closest(areas: np.ndarray, target: float) -> int | None:
    distance = np.where(np.isfinite(areas), np.abs(areas / target - 1), np.inf)
    best = int(np.argmin(distance))
    return best if distance[best] <= TOLERANCE else None


def _with_capacity(design: Design, name: str, size: int) -> Design:
    memory = design.accelerator.components[name]
    assert isinstance(memory, Memory)
    components = dict(design.accelerator.components) | {name: memory.model_copy(update={"capacity": size})}
    return design.with_accelerator(_copy(design.accelerator, {"components": components}))


def _with_edge(design: Design, edge: int) -> Design:
    parameters = dict.fromkeys(design.accelerator.parameters, edge)
    return design.with_accelerator(_copy(design.accelerator, {"parameters": parameters}))


def _copy(accelerator: Accelerator, update: dict[str, object]) -> Accelerator:
    return accelerator.model_copy(update=update)
