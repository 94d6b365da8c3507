"""What a search found: the best design, the front, and the certificate of what was searched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.base.units import format_bytes, format_length, format_si
from fusemax.design.design import Design
from fusemax.design.workload import Workload
from fusemax.search.goal import OBJECTIVES, Figures
from fusemax.search.rewrite import design_document, design_text

__all__ = ["Certificate", "Found", "Member"]


@dataclass(frozen=True)
class Certificate:
    """What was searched: designs in the space, those evaluated, those pruned by each bound, whether best is proven.

    ``infeasible`` are designs that do not fit; ``mappings`` values of mapping parameters (FLAT's rows, places,
    stationarity) that the model's own search looked at inside evaluated designs. Nothing is drawn at random: ``seed``
    is None. ``seconds`` is the time it took.
    """

    mappings_space: str
    """``all``, ``aligned`` or ``designs``: see `fusemax.search.mapper.search`."""
    space: int
    evaluated: int
    pruned: Mapping[str, int]
    infeasible: int
    mappings: int
    optimal: bool
    why: str
    seconds: float
    seed: None = None
    schedule: Mapping[str, object] | None = None
    """The least initiation interval of the best design's epoch, with its proof (`fusemax.search.modulo`)."""


@dataclass(frozen=True)
class Member:
    """A design of the front."""

    figures: Figures
    design: Design = field(repr=False)


@dataclass(frozen=True)
class Found(Result):
    """The best design of a space; see `fusemax.search.mapper.search`."""

    command: ClassVar[str] = "search"
    design: Design
    workload: Workload
    seq_len: int
    accounting: str
    objectives: tuple[str, ...]
    figures: Figures
    roofline_fraction: float
    bound: str
    certificate: Certificate
    front: tuple[Member, ...]

    @property
    def objective(self) -> str:
        """The objectives, joined by commas."""
        return ",".join(self.objectives)

    @property
    def value(self) -> float:
        """The first objective."""
        return self.figures.exact(self.objectives[0])

    @property
    def unit(self) -> str:
        """The unit of the value."""
        return OBJECTIVES[self.objectives[0]]

    @property
    def seconds(self) -> float:
        """The time of the search."""
        return self.certificate.seconds

    @property
    def best(self) -> str:
        """The best design as a design file."""
        return design_text(self.design)

    def best_of(self, number: int) -> str:
        """The design file of a row of the front, the first one 0."""
        return design_text(self.front[number].design)

    def rows(self) -> list[dict[str, object]]:
        """The front: designs that no other one beats in all objectives at once. With one objective the best alone."""
        return [self._row(member.figures) for member in self.front]

    def _row(self, figures: Figures) -> dict[str, object]:
        known = {name: None if math.isnan(getattr(figures, name)) else getattr(figures, name) for name in _ROW}
        found = {_ROW[name]: value for name, value in known.items()}
        return found | ({"edp_pj_s": figures.exact("edp")} if "edp" in self.objectives else {})

    def document(self) -> Mapping[str, object]:
        """``best`` is the design file as data; ``front`` has the designs too where there are several objectives."""
        found = self.certificate
        several = len(self.objectives) > 1
        return {
            "objective": self.objective,
            "value": self.value,
            "unit": self.unit,
            "roofline_fraction": self.roofline_fraction,
            "bound": self.bound,
            "workload": self.workload.name,
            "seq_len": self.seq_len,
            "accounting": self.accounting,
            **self._row(self.figures),
            "best": design_document(self.design),
            "certificate": {
                "space": found.space,
                "evaluated": found.evaluated,
                "pruned": found.pruned,
                "infeasible": found.infeasible,
                "mappings": found.mappings,
                "mappings_space": found.mappings_space,
                "optimal": found.optimal,
                "why": found.why,
                "seconds": found.seconds,
                "seed": found.seed,
                "schedule": found.schedule,
            },
            "front": [
                self._row(member.figures) | ({"design": design_document(member.design)} if several else {})
                for member in self.front
            ],
            "seconds": self.seconds,
        }

    def headline(self) -> str:
        """The answer in words."""
        found, figures = self.certificate, self.figures
        energy = "unknown energy" if math.isnan(figures.energy) else format_si(figures.energy * 1e-12, "J")
        area = "" if math.isnan(figures.area) else f", {figures.area * 1e-6:.1f} mm^2"
        pruned = ", ".join(f"{_short(number)} by {by}" for by, number in found.pruned.items())
        return (
            f"best {self.objectives[0]} of {self.design.cascade.name} on {self.design.accelerator.name},"
            f" {self.workload.name} at {format_length(self.seq_len)}: {format_si(figures.latency, 's')}, {energy},"
            f" {format_bytes(figures.traffic)} of memory traffic{area}; {self.roofline_fraction:.1%} of the roofline,"
            f" bound by {self.bound}\n"
            f"{_short(found.space)} designs in the space, {found.evaluated} evaluated, {_short(found.infeasible)} do"
            f" not fit{'; pruned: ' if pruned else ''}{pruned}\n"
            f"{'proven best in the space' if found.optimal else 'not proven'}: {found.why} ({found.seconds:.1f} s)"
        )

    def notes(self) -> Sequence[str]:
        """How the arrays run."""
        lines = ["schedule of the best:"]
        for phase in self.design.schedule.phases:
            lines += [
                "  " + "; ".join(f"{on}: {', '.join(names)}" for on, names in step.items()) for step in phase.steps
            ]
        joined = ", ".join(f"{a}+{b}" for a, b in self.design.schedule.as_one) or "none"
        interval = self.certificate.schedule
        if interval is not None and interval["interval"] is not None:
            lines.append(
                f"  least interval of the epoch: {interval['interval']} cycles, bound by {interval['by']} (proven)"
            )
        shares = self.design.schedule.shares
        if shares:
            runs = ", ".join(f"{name} at {share}" for name, share in shares.items())
            lines.append(f"  rescaling is lazy: of the tiles run {runs}")
        return [*lines, f"  joined multiply-adds: {joined}; streams: {self.design.schedule.streams}"]


_ROW = {"latency": "latency_s", "energy": "energy_pj", "traffic": "traffic_bytes", "area": "area_um2"}


def _short(number: int) -> str:
    return f"{number:,}".replace(",", " ") if number < 10**7 else f"{number:.2e}"
