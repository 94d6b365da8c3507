"""What a tile-level simulation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.base.units import format_length
from fusemax.simulate.trace import Trace

__all__ = ["ArrayTime", "Simulation", "Term"]

Row = dict[str, object]


@dataclass(frozen=True)
class Term:
    """A part of the time: cycles by the model and by the simulation."""

    name: str
    model: float
    simulated: float


@dataclass(frozen=True)
class ArrayTime:
    """What an array did: cycles by Einsum, cycles it stood by cause; together the whole time."""

    array: str
    side: str
    busy: Mapping[str, float]
    stalls: Mapping[str, float]


@dataclass(frozen=True)
class Simulation(Result):
    """A design executed tile by tile. Cycles are those of all layers; peaks are in words.

    ``stalls`` is the array of several rows by cause; `arrays` has every array. ``lags``: epochs by Einsum after its
    tile's entry; ``flight``: query tiles that must be in flight, ``in_flight``: that are; 0 without epochs.
    """

    command: ClassVar[str] = "simulate"
    design: str
    workload: str
    seq_len: int
    cycles: float
    model_cycles: float
    arrays: tuple[ArrayTime, ...]
    filled: Mapping[str, float]
    """Share of its array's elements that an Einsum keeps busy."""
    useful_utilization_2d: float
    peak_words: Mapping[str, Mapping[str, float]]
    terms: tuple[Term, ...]
    lags: Mapping[str, int] = field(default_factory=dict)
    flight: int = 0
    flight_best: int = 0
    in_flight: int = 0
    tiles: Mapping[str, int] = field(default_factory=dict)
    memory: Mapping[str, float] = field(default_factory=dict)
    trace: Trace | None = field(default=None, repr=False)
    remarks: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """The model's cycles over the simulation's, less one."""
        return self.model_cycles / self.cycles - 1

    def utilization(self, side: str) -> float:
        """The share of the time, and of their elements, that the arrays of a side (``2d``, ``1d``) are busy."""
        busy = sum(c * self.filled.get(n, 1.0) for a in self.arrays if a.side == side for n, c in a.busy.items())
        return busy / self.cycles

    @property
    def utilization_2d(self) -> float:
        """Busy share of the 2D array."""
        return self.utilization("2d")

    @property
    def utilization_1d(self) -> float:
        """Busy share of the 1D array."""
        return self.utilization("1d")

    @property
    def stalls(self) -> dict[str, float]:
        """Cycles the 2D array (where there is none, the first array) stands, by cause."""
        chosen = next((a for a in self.arrays if a.side == "2d"), self.arrays[0])
        return dict(chosen.stalls)

    def rows(self) -> list[Row]:
        """``component, what, quantity, value, unit``."""
        found: list[Row] = []

        def add(component: str, what: str, quantity: str, value: float, unit: str) -> None:
            found.append({"component": component, "what": what, "quantity": quantity, "value": value, "unit": unit})

        for array in self.arrays:
            for name, cycles in array.busy.items():
                add(array.array, name, "busy", cycles, "cycle")
            for cause, cycles in array.stalls.items():
                add(array.array, cause, "stall", cycles, "cycle")
        for component, tensors in self.peak_words.items():
            for tensor, words in tensors.items():
                add(component, tensor, "peak", words, "word")
        for what, value in self.memory.items():
            add(
                "memory",
                what,
                "moved" if what.endswith("words") else "busy",
                value,
                "word" if what.endswith("words") else "cycle",
            )
        for term in self.terms:
            add("model", term.name, "model", term.model, "cycle")
            add("model", term.name, "simulated", term.simulated, "cycle")
        return found

    def document(self) -> Mapping[str, object]:
        """The keys of the product's pages and what explains them."""
        return {
            "level": "tile",
            "design": self.design,
            "workload": self.workload,
            "seq_len": self.seq_len,
            "cycles": self.cycles,
            "model_cycles": self.model_cycles,
            "difference": self.difference,
            "utilization_2d": self.utilization_2d,
            "utilization_1d": self.utilization_1d,
            "useful_utilization_2d": self.useful_utilization_2d,
            "stalls": self.stalls,
            "stalls_by_array": {a.array: dict(a.stalls) for a in self.arrays},
            "busy_by_array": {a.array: dict(a.busy) for a in self.arrays},
            "peak_words": {c: dict(t) for c, t in self.peak_words.items()},
            "terms": [{"term": t.name, "model": t.model, "simulated": t.simulated} for t in self.terms],
            "lags": dict(self.lags),
            "flight_needed": self.flight,
            "flight_needed_best_order": self.flight_best,
            "flight": self.in_flight,
            "tiles": dict(self.tiles),
            "memory": dict(self.memory),
            "remarks": list(self.remarks),
            "rows": self.rows(),
        }

    def headline(self) -> str:
        """The answer in words."""
        both = (
            f"2D array {self.utilization_2d:.1%} busy ({self.useful_utilization_2d:.1%} on multiply-adds of QK and AV)"
        )
        return (
            f"{self.design}, {self.workload} at {format_length(self.seq_len)}, tile by tile: {self.cycles:,.0f} cycles;"
            f" {both}, 1D array {self.utilization_1d:.1%}.\n"
            f"The model says {self.model_cycles:,.0f} cycles, {self.difference:+.3%}."
        )

    def notes(self) -> tuple[str, ...]:
        """What the simulator found."""
        return self.remarks
