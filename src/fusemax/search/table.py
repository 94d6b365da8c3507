"""What one Einsum takes at least, by where it runs: a row per placing, a column per size of the tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fusemax.search.layout import Placing

__all__ = ["Costs", "Table"]

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """Cycles of its array; infinite where what is spread does not fit it."""

    placings: tuple[Placing, ...]
    cycles: Reals

    @cached_property
    def on(self) -> npt.NDArray[np.str_]:
        """The array of every row."""
        return np.array([placing.on for placing in self.placings])


@dataclass(frozen=True, eq=False)
class Costs:
    """Of the rows that are of use, in their order: energy (pJ) of operations and operands, words of the outermost
    memory, ``rows`` words of the next, every operand kept where that costs least."""

    row: Mapping[Placing, int]
    cycles: Reals
    energy: Reals
    words: Reals
    rows: Reals

    @classmethod
    def of(cls, table: Table, usable: Integers, each: Sequence[tuple[Reals, Reals, Reals]]) -> Costs:
        """From the energy, words and rows of every usable row."""
        row = {table.placings[number]: i for i, number in enumerate(usable.tolist())}
        cycles = table.cycles[usable]
        if not each:
            return cls(row, cycles, cycles, cycles, cycles)
        return cls(row, cycles, *(np.array(column) for column in zip(*each, strict=True)))
