"""Area of an accelerator by component, from the same tables as its energy."""

from __future__ import annotations

from fusemax.design.accelerator import Array, Memory
from fusemax.design.arithmetic import Number
from fusemax.design.design import Design, Hardware
from fusemax.design.sizes import Sizes
from fusemax.model.costs import memory_cost, register_cost, unit_area
from fusemax.model.profile import Accounting

__all__ = ["areas", "total_area"]


def areas(design: Design | Hardware, sizes: Sizes, rules: Accounting) -> dict[str, dict[str, Number]]:
    """um^2 by component and by what it is made of (``registers``, a unit, ``array`` of a memory, ``self``)."""
    found: dict[str, dict[str, Number]] = {}
    for name, part in design.accelerator.components.items():
        if isinstance(part, Memory):
            found[name] = {"self": memory_cost(design, name, sizes, rules).area_um2}
        elif isinstance(part, Array):
            elements = sizes(f"{name}.rows") * sizes(f"{name}.columns")
            each: dict[str, Number] = {"registers": register_cost(design, name, sizes, rules).area_um2}
            each |= {unit: unit_area(design, unit) for unit in part.units}
            found[name] = {what: elements * area for what, area in each.items()}
        else:
            found[name] = {"self": sizes(f"{name}.count") * unit_area(design, part.cost)}
    return found


def total_area(design: Design | Hardware, sizes: Sizes, rules: Accounting, under: str | None = None) -> Number:
    """um^2 of the whole accelerator, or of a component and everything inside it."""
    parts = areas(design, sizes, rules)

    def inside(name: str) -> Number:
        own = sum(parts[name].values())
        return own + sum(inside(child) for child in design.accelerator.inside(name))

    roots = design.accelerator.inside(None) if under is None else (under,)
    return sum(inside(root) for root in roots)
