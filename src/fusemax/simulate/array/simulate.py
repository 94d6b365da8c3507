"""Cycle-level simulation of a design: its binding, its accelerator's registers and units, real numbers."""

from __future__ import annotations

from fusemax.base.errors import UsageError
from fusemax.design.design import Design
from fusemax.simulate.array.attention import execute
from fusemax.simulate.array.binding import Binding
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.load import load_binding
from fusemax.simulate.array.result import CycleResult
from fusemax.simulate.array.stream import Mask, Work

__all__ = ["DEFAULT_EXP", "simulate_cycles"]

DEFAULT_EXP = {"float32": "poly5", "bfloat16": "poly2", "float16": "poly3"}
"""Number format of words -> the exp method with the fewest operations whose error does not show."""


def simulate_cycles(
    design: Design | str, *, binding: Binding | str | None = None, array: int = 16, head_size: int = 64,
    value_head_size: int | None = None, key_tiles: int = 16, queries: int = 1, heads: int = 1, exp: str | None = None,
    words: str = "bfloat16", mask: Mask | None = None, return_delay: int = 2, seed: int = 0, engine: str = "auto",
) -> CycleResult:  # fmt: skip
    """Run `key_tiles` x `queries` tiles of N x N scores of a head through an N x N array (N = `array`).

    The binding is the design's own unless given. UsageError for sizes that make no sense.
    """
    from fusemax.design.load import load_design

    found = load_design(design) if isinstance(design, str) else design
    rows = binding if isinstance(binding, Binding) else load_binding(binding or _own(found))
    for name, number in (("array edge", array), ("head size", head_size), ("return delay", return_delay)):
        if number < 1:
            raise UsageError(f"the {name} is at least 1, found {number}")
    chosen = mask or Mask()
    sizes = Sizes(
        array, head_size, value_head_size or head_size, method(exp or DEFAULT_EXP.get(words, "poly5")), return_delay,
        chosen.conditions,
    )  # fmt: skip
    work = Work(key_tiles, queries, heads, chosen)
    return CycleResult(found.name, execute(rows, sizes, work, words=words, seed=seed, engine=engine))


def _own(design: Design) -> str:
    if design.binding is None:
        raise UsageError(f"design {design.name!r} has no binding to the array's cycles: give one (--binding NAME)")
    return design.binding
