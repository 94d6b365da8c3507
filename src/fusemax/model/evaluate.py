"""One design at one point: every figure, and the rows it is the sum of.

    evaluation = evaluate("fusemax", "bert", "4K", accounting="published")
    evaluation.latency_s, .traffic_bytes, .energy_pj, .bound, .utilization_2d, ...
    evaluation.rows()       einsum, component, tensor, action, quantity, value, unit
    evaluation.measured     the Measured behind it: nests, loop bounds (evaluation.tiling.part("P1")), counts, steps
    evaluation.parameters   what the mapping search chose

Totals are sums of rows: latency_s of ``latency`` (s), traffic_bytes of ``traffic`` (B), energy_pj of ``energy`` (pJ),
area_um2 of ``area`` (um^2). A value nobody knows is None, and ``unknown`` lists what a total lacks.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.base.units import format_bytes, format_length, format_si, parse_length
from fusemax.design.arithmetic import Number
from fusemax.design.design import Design
from fusemax.design.load import load_design
from fusemax.design.sizes import Override, Sizes, workload_sizes
from fusemax.design.workload import Workload, load_workload, workload_names
from fusemax.model.area import areas, total_area
from fusemax.model.batch import point_totals
from fusemax.model.costs import sides as array_sides
from fusemax.model.explain import explain
from fusemax.model.latency import phase_parts
from fusemax.model.mapsearch import nests_of, solve
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting, accounting_of
from fusemax.model.tiling import Tiling, attention_sizes

__all__ = ["Evaluation", "evaluate", "measure"]

Row = dict[str, object]


@dataclass(frozen=True)
class Evaluation(Result):
    """See the module. All figures are for all ``layers`` of the workload."""

    command: ClassVar[str] = "model"
    design: Design
    workload: Workload
    seq_len: int
    accounting: Accounting
    sizes: Sizes = field(repr=False)
    _quick: Mapping[str, Number] | None = field(default=None, repr=False)
    """Totals found by the design's program, when it has one."""

    @cached_property
    def measured(self) -> Measured:
        """The engine's figures behind the totals."""
        return measure(self.design, attention_sizes(self.sizes, self.accounting), self.accounting)

    @property
    def tiling(self) -> Tiling:
        """Loop bounds at this point."""
        return self.measured.tiling

    @property
    def parameters(self) -> dict[str, object]:
        """The mapping's parameters as they were chosen."""
        return {**self.tiling.choice, **self.tiling.parameters}

    @cached_property
    def _table(self) -> tuple[Row, ...]:
        return tuple(_rows(self))

    def rows(self) -> list[Row]:
        """``einsum, component, tensor, action, quantity, value, unit``; see the module."""
        return [dict(row) for row in self._table]

    def total(self, quantity: str) -> float | None:
        """The sum of the rows of a quantity, known ones; None when an access or operation has no known cost."""
        values = [row["value"] for row in self._table if row["quantity"] == quantity]
        missing = any(
            row["quantity"] == quantity and row["value"] is None and not str(row["action"]).startswith("leak")
            for row in self._table
        )
        return None if missing or not values else math.fsum(v for v in values if isinstance(v, float | int))

    def _figure(self, name: str, measured: Callable[[Measured], Number]) -> float:
        if self._quick is not None:
            return float(self._quick[name])
        return float(measured(self.measured))

    @cached_property
    def latency_s(self) -> float:
        """Seconds."""
        return self._figure("latency_s", lambda m: m.latency * m.sizes("L"))

    @cached_property
    def traffic_bytes(self) -> float:
        """Bytes to and from the outermost memory."""
        names = self.design.schedule.einsums
        return self._figure("traffic_bytes", lambda m: m.traffic(names) * m.sizes("L"))

    @cached_property
    def energy_pj(self) -> float | None:
        """pJ, or None when a part of it is unknown (leakage apart, which ``unknown`` lists)."""
        return _known(self._figure("energy_pj", lambda m: m.energy * m.sizes("L")))

    @cached_property
    def area_um2(self) -> float | None:
        """um^2 of the accelerator, or None when a part of it is unknown."""
        return _known(self._figure("area_um2", lambda m: total_area(self.design, m.sizes, m.rules)))

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """What a total lacks because no table knows it."""
        rows = [r for r in self._table if r["value"] is None]
        found = [f"{r['quantity']} of {r['component']} ({r['action']})" for r in rows]
        if "buffer-banks" in self.accounting:
            costs = {name: self.measured.level_cost(name) for name in self.measured.inner}
            found += [f"cycle time of {name}" for name, cost in costs.items() if not math.isfinite(cost.cycle_s)]
        return tuple(dict.fromkeys(found))

    @cached_property
    def bound(self) -> str:
        """The component that the rest waits for longest."""
        times = self.measured.bounding
        return max(times, key=lambda name: float(times[name]))

    def busy(self, side: str) -> float:
        """The busy share of the ``2d`` or ``1d`` arrays."""
        if self._quick is not None:
            return float(self._quick["busy_utilization_2d" if side == "2d" else "utilization_1d"])
        sides = array_sides(self.design.accelerator)
        names = [n for n in self.design.schedule.einsums if sides[self.measured.nest(n).on] == side]
        return math.fsum(float(self.measured.busy(name)) for name in names)

    @cached_property
    def useful_utilization_2d(self) -> float:
        """Multiply-adds that contract (of the scores and of the values) per cycle and element of the 2D arrays."""
        return self._figure("useful_utilization_2d", lambda m: m.useful_share)

    @property
    def utilization_2d(self) -> float:
        """Of the 2D array: what is useful, or in accountings without ``useful-work`` what is busy."""
        return self.useful_utilization_2d if "useful-work" in self.accounting else self.busy("2d")

    @property
    def utilization_1d(self) -> float:
        """The busy share of the 1D array."""
        return self.busy("1d")

    @cached_property
    def roofline_fraction(self) -> float:
        """The least time the accelerator could take, through the latency."""
        return self._figure("roofline_fraction", lambda m: m.roofline / m.latency)

    @property
    def is_feasible(self) -> bool:
        """Whether the tensors that stand in the outermost memory at once fit it."""
        return bool(self.measured.is_feasible)

    @cached_property
    def explanation(self) -> str:
        """What bounds the time, in a paragraph."""
        return explain(self.measured)

    def document(self) -> Mapping[str, object]:
        """The figures of product pages: totals, shares, parameters, rows."""
        return {
            "design": self.design.name,
            "workload": self.workload.name,
            "seq_len": self.seq_len,
            "accounting": self.accounting.name,
            "latency_s": self.latency_s,
            "traffic_bytes": self.traffic_bytes,
            "energy_pj": self.energy_pj,
            "area_um2": self.area_um2,
            "bound": self.bound,
            "utilization_2d": self.utilization_2d,
            "utilization_1d": self.utilization_1d,
            "busy_utilization_2d": self.busy("2d"),
            "useful_utilization_2d": self.useful_utilization_2d,
            "roofline_fraction": self.roofline_fraction,
            "footprint_bytes": float(self.measured.footprint),
            "feasible": self.is_feasible,
            "parameters": self.parameters,
            "parts": {part: self.tiling.part(part) for part in self._parts()},
            "unknown": list(self.unknown),
            "explanation": self.explanation,
            "rows": self.rows(),
        }

    def _parts(self) -> tuple[str, ...]:
        used = {loop.part for nest in self.tiling.nests.values() for loop in nest.loops}
        return tuple(p for parts in self.design.mapping.partition.values() for p in parts if p in used)

    def headline(self) -> str:
        """The answer in words."""
        energy = "unknown energy" if self.energy_pj is None else format_si(self.energy_pj * 1e-12, "J")
        return (
            f"{self.design.name}, {self.workload.name} at {format_length(self.seq_len)}, {self.accounting.name}"
            f" accounting: {format_si(self.latency_s, 's')}, {energy}, {format_bytes(self.traffic_bytes)} of memory"
            f" traffic, bound by {self.bound}\n\n{self.explanation}"
        )

    def notes(self) -> tuple[str, ...]:
        """What is unknown, and what does not fit."""
        found = [f"unknown, not counted: {'; '.join(self.unknown)}"] if self.unknown else []
        if not self.is_feasible:
            needed, there = self.measured.footprint, self.measured.sizes(f"{self.measured.outer}.capacity")
            found.append(
                f"infeasible: tensors of {format_bytes(float(needed))} do not fit the {format_bytes(float(there))}"
                f" of {self.measured.outer}"
            )
        return tuple(found)


def evaluate(
    design: str | Design,
    workload: str | Workload,
    seq_len: int | str,
    accounting: str | Accounting = "corrected",
    overrides: Mapping[str, Override] | None = None,
) -> Evaluation:
    """Model one design point.

    ``overrides`` replace numbers of the accelerator (``{"edge": 128, "buffer.capacity": "8MiB"}``) or of the workload.
    Raises UnknownName, FileError, SourceError, or UsageError where the point cannot be mapped.
    """
    chosen = design if isinstance(design, Design) else load_design(design)
    load = workload if isinstance(workload, Workload) else _workload(workload)
    length, rules, changes = parse_length(seq_len), accounting_of(accounting), dict(overrides or {})
    given = workload_sizes(load, length)
    sizes = Sizes(chosen.accelerator, given, changes)
    attention_sizes(sizes, rules)  # raises for a mask that cannot be
    plain = {name: value for name, value in changes.items() if isinstance(value, int)}
    quick = point_totals(chosen, given, plain, rules) if len(plain) == len(changes) else None
    if quick is not None and quick["legal"]:
        return Evaluation(chosen, load, length, rules, sizes, quick)
    found = Evaluation(chosen, load, length, rules, sizes)
    assert found.measured is not None  # raises where the point cannot be mapped
    return found


@lru_cache(maxsize=64)
def _shipped_workload(name: str) -> Workload:
    return load_workload(name)


def _workload(reference: str) -> Workload:
    shipped = reference in workload_names() and not os.path.exists(reference)
    return _shipped_workload(reference) if shipped else load_workload(reference)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def measure(design: Design, sizes: Sizes, rules: Accounting) -> Measured:
    """One point measured, the mapping's parameters searched."""
    (variant,) = solve(design, sizes, rules, None)
    nests = nests_of(design, variant.choice, rules)
    tiling = Tiling(design, nests, sizes, rules, variant.parameters, variant.choice)
    tiling.check()
    return Measured(tiling)


def _rows(evaluation: Evaluation) -> list[Row]:
    measured, design = evaluation.measured, evaluation.design
    layers = measured.sizes("L")
    found: list[Row] = []

    def add(einsum: str, component: str, tensor: str, action: str, quantity: str, value: Number, unit: str) -> None:
        number = value if isinstance(value, int) else float(value)
        known = isinstance(number, int) or math.isfinite(number)
        found.append(
            {
                "einsum": design.label(einsum) if einsum else "",
                "component": component,
                "tensor": design.label(tensor) if tensor else "",
                "action": action,
                "quantity": quantity,
                "value": number if known else None,
                "unit": unit,
            }
        )

    for name in design.schedule.einsums:
        nest = measured.nest(name)
        for action, unit, times in measured.work(name).operations:
            add(name, nest.on, "", action, "operations", measured.points(name) * times * layers, "1")
            assert unit
        for action, value in measured.operation_energy(name).items():
            add(name, nest.on, "", action, "energy", value * layers, "pJ")
        add(name, nest.on, "", "run", "cycles", measured.cycles(name) * layers, "cycle")
        for operand in nest.operands:
            for component, action, words, charged in measured.accesses(name, operand):
                add(name, component, operand.label, action, "words", words * layers, "word")
                if charged:
                    energy = measured.access_energy(component, action, words)
                    add(name, component, operand.label, action, "energy", energy * layers, "pJ")
                if component == measured.outer:
                    bits = words * measured.sizes("word") * layers
                    add(name, component, operand.label, action, "traffic", bits / 8, "B")
    for component, action, energy in measured.leakage:
        add("", component, "", action, "energy", energy * layers, "pJ")
    for phase, parts in zip(design.schedule.phases, measured.phases, strict=True):
        for component, action, seconds in phase_parts(measured, phase, parts):
            add("", component, "", action, "latency", seconds * layers, "s")
    for component, made in areas(design, measured.sizes, measured.rules).items():
        for what, area in made.items():
            add("", component, "", what, "area", area, "um^2")
    return found
