"""Designs side by side: attention, linear layers and both, over workloads and sequence lengths.

    comparison = compare(accounting="published")
    comparison.rows()          tidy rows: part, design, workload, seq_len, quantity, value, unit
    comparison.detail_rows()   the same with what bounds the time and the area by component
    comparison.means           speed and energy over the baselines, arithmetic and geometric means
    comparison.headlines       the four ratios of the paper's abstract, in every accounting

Every value is double precision; an unknown one is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np

from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.result import Result
from fusemax.base.table import format_table
from fusemax.base.units import format_length, parse_length
from fusemax.design.accelerator import Frozen
from fusemax.design.design import Design
from fusemax.design.document import read_document, validate
from fusemax.design.load import load_design
from fusemax.design.sizes import Sizes, stacked_sizes
from fusemax.design.workload import Workload, load_workload
from fusemax.model.area import areas, total_area
from fusemax.model.figures import Figures, Reals, attention_figures, linear_figures, plus
from fusemax.model.isoarea import match_area
from fusemax.model.profile import CORRECTED, PUBLISHED, Accounting, accounting_of

__all__ = ["PARTS", "Comparison", "Plan", "compare", "default_plan", "headline_ratios"]

PARTS = ("attention", "linear", "end-to-end")
RATIOS = ("attention speedup", "attention energy", "end-to-end speedup", "end-to-end energy")
_UNITS = {"traffic": "B", "latency": "s", "energy": "pJ"}


class AreaSweep(Frozen):
    """A sweep of the array's edge: ``set`` are sizes that follow from it, ``double`` one that is doubled from 1.

    It is doubled until memory does not bound the time.
    """

    design: str
    seq_len: int | str
    edge: tuple[int, ...]
    set: Mapping[str, str]
    double: str


class Plan(Frozen):
    """What a comparison compares when nothing else is asked for."""

    comparison: str
    title: str = ""
    source: str = ""
    designs: tuple[str, ...]
    workloads: tuple[str, ...]
    seq_lens: tuple[int | str, ...]
    subject: str
    """The design that the headline ratios are about."""
    baselines: tuple[str, ...]
    rival: str
    """The baseline of the headline ratios."""
    area_sweep: AreaSweep


@lru_cache(maxsize=1)
def default_plan() -> Plan:
    """The paper's comparison."""
    text = (files("fusemax") / "catalogue" / "comparisons" / "paper.yaml").read_text(encoding="utf-8")
    return validate(Plan, read_document(text, file="paper.yaml"))


@dataclass(frozen=True)
class Comparison(Result):
    """The figures of several designs at the same points; see the module."""

    command: ClassVar[str] = "compare"
    designs: tuple[Design, ...]
    workloads: tuple[Workload, ...]
    seq_lens: tuple[int, ...]
    parts: tuple[str, ...]
    accounting: Accounting
    figures: Mapping[tuple[str, str], Figures] = field(repr=False)
    """By (part, design name): one entry per workload and length, workloads outermost."""
    areas: Mapping[str, Mapping[str, float]] = field(repr=False)
    """um^2 by design and component; ``total`` is the whole accelerator."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """What was changed to make areas equal, by design."""

    @cached_property
    def points(self) -> tuple[tuple[Workload, int], ...]:
        """(workload, length) in the order of the figures."""
        return tuple((w, n) for w in self.workloads for n in self.seq_lens)

    @cached_property
    def baselines(self) -> tuple[str, ...]:
        """The designs others are compared with: the plan's that are there, else the first."""
        names = [d.name for d in self.designs]
        return tuple(n for n in default_plan().baselines if n in names) or (names[0],)

    def rows(self) -> list[dict[str, object]]:
        """``part, design, workload, seq_len, quantity, value, unit``."""
        return [row for row in self.detail_rows() if is_tidy(str(row["quantity"]))]

    def detail_rows(self) -> list[dict[str, object]]:
        """The rows, with ``bound`` (what bounds the time) and ``area.COMPONENT``."""
        found: list[dict[str, object]] = []
        for part in self.parts:
            for design in self.designs:
                quantities = list(self._quantities(part, design))
                for i, (workload, length) in enumerate(self.points):
                    point = {"part": part, "design": design.name, "workload": workload.name, "seq_len": length}
                    found += [
                        {**point, "quantity": name, "value": _value(values, i), "unit": unit}
                        for name, values, unit in quantities
                    ]
        return found

    def _quantities(self, part: str, design: Design) -> Iterable[tuple[str, object, str]]:
        figures = self.figures[part, design.name]
        for name, unit in _UNITS.items():
            yield name, getattr(figures, name), unit
        if part == "attention":
            for quantity, values in figures.utilization.items():
                yield quantity, values, "1"
            for einsum, values in figures.shares.items():
                yield f"share_2d.{einsum}", values, "1"
        area = self.areas[design.name]
        yield "area", area["total"], "um^2"
        if part != "linear":
            yield "bound", figures.bound, ""
        if "dram-capacity" in self.accounting:
            yield "feasible", figures.feasible, ""
        for name, value in area.items():
            if name != "total":
                yield f"area.{name}", value, "um^2"

    @cached_property
    def means(self) -> list[dict[str, object]]:
        """``part, design, over, ratio`` (speedup, energy), ``mean``, ``geometric mean``, ``points``."""
        found: list[dict[str, object]] = []
        for part in self.parts:
            for design in self.designs:
                for over in self.baselines:
                    for ratio in ("speedup", "energy"):
                        row = {"part": part, "design": design.name, "over": over, "ratio": ratio}
                        found.append(row | _means(self.ratios(part, design.name, over, ratio)))
        return found

    def ratios(self, part: str, design: str, over: str, ratio: str) -> Reals:
        """By point: latency of ``over`` / that of ``design``, or energy of ``design`` / that of ``over``.

        NaN where a design is not feasible.
        """
        mine, other = self.figures[part, design], self.figures[part, over]
        ratios = other.latency / mine.latency if ratio == "speedup" else mine.energy / other.energy
        found: Reals = np.where(mine.feasible & other.feasible, ratios, np.nan)
        return found

    @cached_property
    def headlines(self) -> dict[str, dict[str, float | None]]:
        """The four headline ratios of these workloads and lengths, by accounting; empty without the two designs."""
        plan = default_plan()
        by_name = {d.name: d for d in self.designs}
        if plan.subject not in by_name or plan.rival not in by_name:
            return {}
        found = {}
        for rules in dict.fromkeys((PUBLISHED, CORRECTED, self.accounting)):
            try:
                found[rules.name] = self._headline(by_name[plan.subject], by_name[plan.rival], rules)
            except UsageError:  # the published model knows no masks, ragged lengths or shared heads
                found[rules.name] = dict.fromkeys(RATIOS)
        return found

    def _headline(self, subject: Design, rival: Design, rules: Accounting) -> dict[str, float | None]:
        have = {(p, d.name) for p in ("attention", "end-to-end") for d in (subject, rival)} <= set(self.figures)
        if rules == self.accounting and have:
            return headline_ratios(self, subject.name, rival.name)
        other = compare_designs((rival, subject), self.workloads, self.seq_lens, PARTS, rules)
        return headline_ratios(other, subject.name, rival.name)

    def document(self) -> Mapping[str, object]:
        """Inputs, headline ratios, means and rows."""
        from fusemax import __version__

        return {
            "version": __version__,
            "accounting": self.accounting.name,
            "switches": sorted(self.accounting.switches),
            "designs": [d.name for d in self.designs],
            "workloads": [w.model_dump(mode="json") for w in self.workloads],
            "seq_lens": list(self.seq_lens),
            "parts": list(self.parts),
            "headlines": self.headlines,
            "means": self.means,
            "areas": self.areas,
            "iso_area": dict(self.changes),
            "bounds": [
                {k: row[k] for k in ("part", "design", "workload", "seq_len")} | {"bound": row["value"]}
                for row in self.detail_rows()
                if row["quantity"] == "bound"
            ],
            "rows": self.rows(),
        }

    def headline(self) -> str:
        """The four ratios in words."""
        plan = default_plan()
        lines = []
        for name, four in self.headlines.items():
            shown = [("unknown" if v is None else f"{v:.3g}") for v in four.values()]
            lines.append(
                f"{plan.subject} against {plan.rival}, {name} accounting: attention {shown[0]} times faster"
                f" at {shown[1]} of the energy; end to end {shown[2]} times faster at {shown[3]} of the energy"
            )
        return "\n".join(lines)

    def notes(self) -> tuple[str, ...]:
        """Points that do not fit the outermost memory."""
        found = []
        for design in self.designs:
            feasible = self.figures[next(iter(self.figures))[0], design.name].feasible
            missing = [
                f"{w.name} {format_length(n)}" for (w, n), fits in zip(self.points, feasible, strict=True) if not fits
            ]
            if missing:
                found.append(f"{design.name} does not fit in DRAM and is left out of means at: {', '.join(missing)}")
        return tuple(found)

    def __str__(self) -> str:
        columns = ["part", "design", "over", "ratio", "mean", "geometric mean"]
        shown = [row for row in self.means if row["design"] != row["over"]]
        return "\n\n".join(filter(None, (self.headline(), format_table(shown, columns))))


def compare(
    designs: Sequence[str | Design] | None = None,
    workloads: Sequence[str | Workload] | None = None,
    seq_lens: Sequence[int | str] | None = None,
    parts: Sequence[str] | None = None,
    accounting: str | Accounting = "corrected",
    iso_area: bool = False,
) -> Comparison:
    """Compare designs over workloads and sequence lengths; without arguments, as the paper does.

    ``designs`` and ``workloads`` are catalogue names, files or objects; ``seq_lens`` numbers or texts like ``4K``;
    ``parts`` any of attention, linear, end-to-end. ``iso_area`` sizes buffers or arrays so that all designs match the
    plan's subject, or else the last design, in area within 1 %. Raises UnknownName, FileError, SourceError, or
    UsageError where a point cannot be mapped.
    """
    plan = default_plan()
    for part in parts or ():
        if part not in PARTS:
            raise UnknownName("part", part, PARTS)
    chosen = tuple(d if isinstance(d, Design) else load_design(d) for d in designs or plan.designs)
    loads = tuple(w if isinstance(w, Workload) else load_workload(w) for w in workloads or plan.workloads)
    lengths = tuple(parse_length(n) for n in seq_lens or plan.seq_lens)
    for what, names in (("design", [d.name for d in chosen]), ("workload", [w.name for w in loads])):
        twice = [n for n in names if names.count(n) > 1]
        if twice:
            raise UsageError(f"{what} {twice[0]!r} is given twice")
    ordered, rules = tuple(p for p in PARTS if p in (parts or PARTS)), accounting_of(accounting)
    changes: dict[str, str] = {}
    if iso_area:
        reference = next((d for d in chosen if d.name == plan.subject), chosen[-1])
        matched = match_area(chosen, reference, rules)
        changes = {m.design.name: m.change for m in matched if m.change}
        chosen = tuple(m.design for m in matched)
    found = compare_designs(chosen, loads, tuple(dict.fromkeys(lengths)), ordered, rules)
    return replace(found, changes=changes)


def compare_designs(
    designs: tuple[Design, ...],
    workloads: tuple[Workload, ...],
    seq_lens: tuple[int, ...],
    parts: tuple[str, ...],
    rules: Accounting,
) -> Comparison:
    """The same with everything loaded."""
    points = [(w, n) for w in workloads for n in seq_lens]
    given = stacked_sizes(points)
    figures: dict[tuple[str, str], Figures] = {}
    area: dict[str, dict[str, float]] = {}
    linear: dict[tuple[int, int], Figures] = {}  # designs of one platform share their linear layers
    for design in designs:
        sizes = Sizes(design.accelerator, given)
        attention = attention_figures(design, sizes, rules, len(points))
        key = (id(design.accelerator), id(design.costs))
        if key not in linear:
            linear[key] = linear_figures(design, sizes, rules, len(points))
        layers = given["L"].astype(np.float64)
        attention, other = attention.times(layers), linear[key].times(layers)
        figures["attention", design.name] = attention
        figures["linear", design.name] = replace(other, feasible=attention.feasible)
        figures["end-to-end", design.name] = plus(attention, other)
        area[design.name] = _area(design, rules)
    return Comparison(designs, workloads, seq_lens, parts, rules, figures, area)


def headline_ratios(comparison: Comparison, subject: str, rival: str) -> dict[str, float | None]:
    """The four headline ratios as arithmetic means over all points."""
    found = {}
    for name in RATIOS:
        part, _, ratio = name.rpartition(" ")
        mean = _means(comparison.ratios(part, subject, rival, ratio))["mean"]
        found[name] = mean if isinstance(mean, float) else None
    return found


def _area(design: Design, rules: Accounting) -> dict[str, float]:
    sizes = Sizes(design.accelerator, {})
    parts = {name: float(sum(made.values())) for name, made in areas(design, sizes, rules).items()}
    return {"total": float(total_area(design, sizes, rules))} | {n: v for n, v in parts.items() if v}


def _means(ratios: Reals) -> dict[str, object]:
    known = [float(r) for r in ratios if math.isfinite(r)]
    if not known:
        return {"mean": None, "geometric mean": None, "points": 0}
    geometric = math.exp(math.fsum(map(math.log, known)) / len(known)) if min(known) > 0 else None
    return {"mean": math.fsum(known) / len(known), "geometric mean": geometric, "points": len(known)}


def _value(values: object, i: int) -> object:
    value: Any = values
    if isinstance(values, np.ndarray | Sequence) and not isinstance(values, str):
        value = values[i]
    if isinstance(value, str):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def is_tidy(quantity: str) -> bool:
    """Whether rows of a quantity are tidy: a number, and not a component of another."""
    return quantity not in ("bound", "feasible") and not quantity.startswith("area.")
