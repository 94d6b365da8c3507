"""Cycle-level simulation of a design: its binding, its accelerator's registers and units, real numbers."""

from __future__ import annotations

from dataclasses import replace

from fusemax.base.errors import UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.design.design import Design
from fusemax.simulate.array.attention import execute
from fusemax.simulate.array.binding import UNITS, Binding
from fusemax.simulate.array.checker import Hardware, check_binding, hardware_of
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.load import load_binding
from fusemax.simulate.array.result import CycleResult
from fusemax.simulate.array.stream import Mask, Work
from fusemax.simulate.array.words import format_number

__all__ = ["DEFAULT_EXP", "binding_of", "simulate_cycles"]

DEFAULT_EXP = {"float32": "poly5", "bfloat16": "poly2", "float16": "poly3"}
"""Number format of words -> the exp method with the fewest operations whose error does not show (`expstudy`)."""


def simulate_cycles(
    design: Design | str, *, binding: Binding | str | None = None, array: int = 16, head_size: int = 64,
    value_head_size: int | None = None, key_tiles: int = 16, queries: int = 1, heads: int = 1, exp: str | None = None,
    words: str = "bfloat16", mask: Mask | None = None, return_delay: int = 2, seed: int = 0, engine: str = "auto",
    observe: Observer = ignore,
) -> CycleResult:  # fmt: skip
    """Run `key_tiles` x `queries` tiles of N x N scores of every head through an N x N array (N = `array`).

    The binding is the design's own unless given; it is checked against the design's accelerator. The exp method is
    the unit where the accelerator has one, else the one for the words' format; asking for "unit" adds one.
    UsageError for sizes that make no sense, SourceErrors for a binding that breaks its rules.
    """
    from fusemax.design.load import load_design

    found = load_design(design) if isinstance(design, str) else design
    rows = binding_of(found, binding)
    for name, number in (("array edge", array), ("head size", head_size), ("return delay", return_delay)):
        if number < 1:
            raise UsageError(f"the {name} is at least 1, found {number}")
    format_number(words)
    chosen = mask or Mask()
    hardware = hardware_of(found.accelerator)
    if exp == "unit":  # asked for: what if there were one
        hardware = replace(
            hardware, pe_units=(*(hardware.pe_units or ()), "exp"), lane_units=(*(hardware.lane_units or ()), "exp")
        )
    sizes = Sizes(
        array, head_size, value_head_size or head_size, method(exp or _exp(rows, hardware, words)), return_delay,
        chosen.conditions,
    )  # fmt: skip
    check_binding(rows, sizes, hardware)
    work = Work(key_tiles, queries, heads, chosen)
    run = execute(rows, sizes, work, words=words, seed=seed, engine=engine, observe=observe)
    return CycleResult(found.name, run)


def binding_of(design: Design | str, binding: Binding | str | None = None) -> Binding:
    """The binding given, or the design's own; UsageError when there is none."""
    from fusemax.design.load import load_design

    if isinstance(binding, Binding):
        return binding
    found = load_design(design) if isinstance(design, str) else design
    if found.schedule.shares:
        raise UsageError(
            f"the cycle level runs no skipped Einsums: {found.name} skips {', '.join(found.schedule.shares)} at some"
            " tiles (schedule: runs)"
        )
    if binding is None and found.binding is None:
        raise UsageError(f"design {found.name!r} has no binding to the array's cycles: give one (--binding NAME)")
    return load_binding(binding or found.binding or "")


def _exp(binding: Binding, hardware: Hardware, words: str) -> str:
    """The exp unit where every array that takes an exp has one."""
    having = [hardware.units(unit) or () for unit in UNITS if any(row.do == "exp" for row in binding.rows(unit))]
    return "unit" if having and all("exp" in units for units in having) else DEFAULT_EXP[words]
