"""The exp study: what each way to compute exp costs on the array, and how far attention is off with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fusemax.base.result import Result
from fusemax.simulate.array.attention import execute
from fusemax.simulate.array.binding import Binding
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import METHODS, Exponential, evaluate, method
from fusemax.simulate.array.stream import Work
from fusemax.simulate.array.timing import timing
from fusemax.simulate.array.words import FORMATS

__all__ = ["ExpStudy", "Method", "exp_study"]

LOWEST = -16.0
"""Where the error alone is looked at: from here to 0, the range of all but negligible weights."""
SHARE = 2.5
"""A method's error does not show when attention is off by at most so many times what it is with an exact exp."""
PUBLISHED = 6
"""Multiply-adds of an exp as published."""


@dataclass(frozen=True)
class Method:
    """One method: slots of one exp, largest relative error alone, of attention by format, cycles per tile."""

    name: str
    operations: int
    table: int
    error_alone: float
    errors: Mapping[str, float]
    cycles_2d: int
    cycles_1d: int
    epoch: int


@dataclass(frozen=True)
class ExpStudy(Result):
    """Every method, and which to use."""

    command: ClassVar[str] = "simulate"
    binding: str
    array: int
    head_size: int
    tiles: int
    published_epoch: int
    methods: tuple[Method, ...]

    def recommended(self, words: str, table: bool) -> Method | None:
        """The fewest operations whose error does not show; `table`: PEs hold slopes and intercepts."""
        exact = next(m for m in self.methods if m.name == "unit").errors[words]
        fit = [m for m in self.methods if m.name != "unit" and bool(m.table) == table]
        fit = [m for m in fit if m.errors[words] <= SHARE * exact]
        return min(fit, key=lambda m: (m.operations, m.table, m.errors[words]), default=None)

    def rows(self) -> list[dict[str, object]]:
        """One row per method."""
        return [
            {
                "exp": m.name, "operations": m.operations, "table_words": 2 * m.table, "error_alone": m.error_alone,
                **{f"error_{words}": m.errors[words] for words in FORMATS},
                "cycles_2d": m.cycles_2d, "cycles_1d": m.cycles_1d, "cycles_per_epoch": m.epoch,
                "speed": self.published_epoch / m.epoch,
            }
            for m in self.methods
        ]  # fmt: skip

    def document(self) -> Mapping[str, object]:
        """The rows, and the recommendation per format with its speed over six multiply-adds."""
        found: dict[str, object] = {}
        for words in FORMATS:
            picks = {"multiply-add": self.recommended(words, False), "table": self.recommended(words, True)}
            found[words] = {
                name: None if m is None else {"exp": m.name, "speed": self.published_epoch / m.epoch}
                for name, m in picks.items()
            }
        return {
            "level": "exp-study", "binding": self.binding, "array": self.array, "head_size": self.head_size,
            "tiles": self.tiles, "recommended": found, "methods": self.rows(),
        }  # fmt: skip

    def __str__(self) -> str:
        from fusemax.base.table import format_table

        short = [
            {
                "exp": m.name, "slots": m.operations, "alone": f"{m.error_alone:.1e}",
                **{words: f"{m.errors[words]:.1e}" for words in FORMATS}, "2D": m.cycles_2d, "1D": m.cycles_1d,
                "epoch": m.epoch, "speed": f"{self.published_epoch / m.epoch:.3f}",
            }
            for m in self.methods
        ]  # fmt: skip
        return f"{format_table(short)}\n\n" + "\n".join(self.notes())

    def notes(self) -> list[str]:
        """What the columns mean, and the recommendation."""
        lines = [
            "slots: operations of one exp after its subtraction",
            f"alone: largest relative error on [{LOWEST:g}, 0]",
            f"by format: error of attention over {self.tiles} tiles, N = {self.array}, E = F = {self.head_size}",
            f"2D, 1D, epoch: cycles per tile; speed: against {PUBLISHED} slots",
        ]
        for words in FORMATS:
            plain, table = self.recommended(words, False), self.recommended(words, True)
            parts = [
                f"{m.name}{what} (speed {self.published_epoch / m.epoch:.3f})"
                for m, what in ((plain, ""), (table, " where PEs hold its table"))
                if m
            ]
            lines.append(f"for {words}: {', or '.join(parts) or 'none but an exact unit'}")
        return lines


def exp_study(
    binding: Binding, *, array: int = 16, head_size: int = 64, key_tiles: int = 16, seed: int = 0
) -> ExpStudy:
    """Run attention with every method in every format; two query tiles take turns."""
    work = Work(key_tiles, 2)
    methods = tuple(_study(binding, method(name), array, head_size, work, seed) for name in METHODS)
    published = next(m for m in methods if m.operations == PUBLISHED)
    return ExpStudy(binding.binding, array, head_size, key_tiles * 2, published.epoch, methods)


def _study(binding: Binding, how: Exponential, array: int, head_size: int, work: Work, seed: int) -> Method:
    sizes = Sizes(array, head_size, head_size, how)
    timed = timing(binding, sizes)
    busy = {unit: sum(slot.when == "always" for slot in timed.of(unit)) for unit in ("pe", "lane")}
    errors = {words: execute(binding, sizes, work, words=words, seed=seed).max_error for words in FORMATS}
    return Method(
        how.name, how.num_operations, len(how.table), _error_alone(how), errors, busy["pe"], busy["lane"], timed.period
    )


def _error_alone(how: Exponential) -> float:
    x = np.linspace(LOWEST, 0.0, 100_001).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    return float(np.max(np.abs(evaluate(how, x).astype(np.float64) / exact - 1.0)))
