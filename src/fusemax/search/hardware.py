"""Accelerators that differ from one in some fields."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fusemax.base.errors import UsageError
from fusemax.design.accelerator import Accelerator, Array, Exponential
from fusemax.design.design import Design, Hardware
from fusemax.search.rewrite import with_field

__all__ = ["EXP", "hardware_variants", "with_exp"]

EXP = "exp"


def hardware_variants(seed: Design, hardware: Hardware, vary: Mapping[str, Sequence[object]]) -> Iterator[Hardware]:
    """Every combination of the values, the last field varying fastest; ``seed`` is any design on the accelerator.

    ``exp`` stands for how arrays find exp (`with_exp`); all other names are fields of the accelerator. UnknownName or
    UsageError for a field or value that cannot be.
    """
    for values in itertools.product(*vary.values()):
        accelerator = hardware.accelerator
        for name, value in zip(vary, values, strict=True):
            if name == EXP:
                accelerator = with_exp(accelerator, value)
            else:
                accelerator = with_field(seed.with_accelerator(accelerator), name, value).accelerator
        yield replace(hardware, accelerator=accelerator)


def with_exp(accelerator: Accelerator, value: object) -> Accelerator:
    """The accelerator whose arrays that find exp do so by a unit of its own (``unit``) or by so many multiply-adds."""
    text = str(value)
    if text != "unit" and not (text.isdigit() and 1 <= int(text) <= 64):
        raise UsageError(f"exp {text!r}: expected unit, or a number of multiply-adds from 1 to 64")
    components = dict(accelerator.components)
    for name, part in accelerator.arrays.items():
        if part.exp is not None:
            units = tuple(unit for unit in part.units if unit != "exp")
            if text == "unit":
                made = {"units": (*units, "exp"), "exp": Exponential(unit="exp", with_subtract=True)}
            else:
                made = {"units": units, "exp": Exponential(multiply_adds=int(text))}
            components[name] = Array.model_validate({**part.model_dump(), **made})
    return accelerator.model_copy(update={"components": components})
