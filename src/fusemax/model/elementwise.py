"""Work beside attention and matrix multiplications: norms, residuals, activations, on the lanes or in memory time.

Each kind is a pass of its own: its elements come from memory and go back. The kinds are data
(``catalogue/layers/elementwise.yaml``): elements, operations per element, words moved, source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fusemax.design.accelerator import Frozen
from fusemax.design.arithmetic import Number, ceil_div, maximum
from fusemax.design.design import Design
from fusemax.design.document import read_document, validate
from fusemax.design.expression import parse_expression
from fusemax.design.sizes import Sizes
from fusemax.model.costs import UNKNOWN, lower, memory_cost, sides
from fusemax.model.profile import Accounting

__all__ = ["ElementwiseCost", "elementwise_costs", "elementwise_work"]


class Work(Frozen):
    """One kind of work: operations, words read and words written per element."""

    name: str
    elements: str
    operations: Mapping[str, int]
    reads: int
    writes: int
    source: str


class WorkFile(Frozen):
    """All kinds of one Transformer layer."""

    elementwise: str
    title: str = ""
    work: tuple[Work, ...]


@lru_cache(maxsize=1)
def elementwise_work() -> tuple[Work, ...]:
    """The kinds that ship."""
    text = (files("fusemax") / "catalogue" / "layers" / "elementwise.yaml").read_text(encoding="utf-8")
    return validate(WorkFile, read_document(text, file="elementwise.yaml")).work


@dataclass(frozen=True)
class ElementwiseCost:
    """One kind at a design point: bytes, seconds, pJ."""

    name: str
    traffic: Number
    latency: Number
    energy: Number


def elementwise_costs(design: Design, sizes: Sizes, rules: Accounting) -> tuple[ElementwiseCost, ...]:
    """The cost of every kind on the design's lanes."""
    lanes = next((name for name, side in sides(design.accelerator).items() if side == "1d"), None)
    on = lanes if lanes is not None else next(iter(design.accelerator.arrays))
    outer = next(iter(design.accelerator.memories))
    memory, table = memory_cost(design, outer, sizes, rules), design.costs.components
    width = sizes(f"{on}.rows") * sizes(f"{on}.columns")
    found = []
    for work in elementwise_work():
        elements = parse_expression(work.elements)(sizes)
        done = lower(design, work.name, on, tuple(work.operations.items()), rules, fused=False)
        words = elements * (work.reads + work.writes)
        traffic = words * sizes("word") / 8
        compute = ceil_div(elements, width) * done.issues / sizes("clock")
        energy = elements * work.reads / memory.words * memory.read_pj
        energy = energy + elements * work.writes / memory.words * memory.write_pj
        for action, unit, times in done.charged:
            each = table.get(unit, action, "energy")
            energy = energy + elements * (times * (UNKNOWN if each is None else each))
        latency = maximum(compute, traffic / sizes(f"{outer}.bandwidth"))
        found.append(ElementwiseCost(work.name, traffic, latency, energy))
    return tuple(found)
