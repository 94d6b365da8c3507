"""Every choice in which published and corrected accounting differ, and what each does to the headline ratios.

`effects` turns each switch on alone (from published) and all together; `check` holds our published figures against
the ones that ship, row by row.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.design.accelerator import Frozen
from fusemax.design.document import read_document, validate
from fusemax.model.compare import compare, default_plan, headline_ratios
from fusemax.model.profile import CORRECTED, PUBLISHED, SWITCHES, Accounting

__all__ = ["Check", "Effects", "check", "effects", "explanations"]

TOLERANCE = 1e-9
ENERGY_TOLERANCE = 1e-6
TIED_TOLERANCE = 1e-4


class Explanation(Frozen):
    """One switch in words."""

    what: str
    why: str


class Explanations(Frozen):
    """All switches in words."""

    switches: Mapping[str, Explanation]


@lru_cache(maxsize=1)
def explanations() -> Mapping[str, Explanation]:
    """What each switch does and why, by name."""
    text = (files("fusemax") / "catalogue" / "comparisons" / "accounting.yaml").read_text(encoding="utf-8")
    return validate(Explanations, read_document(text, file="accounting.yaml")).switches


@dataclass(frozen=True)
class Effects(Result):
    """The four headline ratios in published and corrected accounting and with each switch alone."""

    command: ClassVar[str] = "accounting"
    published: Mapping[str, float | None]
    corrected: Mapping[str, float | None]
    alone: Mapping[str, Mapping[str, float | None]]

    def rows(self) -> list[dict[str, object]]:
        """``switch``, then the four ratios; the first row is published, the last corrected."""
        first: dict[str, object] = {"switch": "(published)", **self.published}
        last: dict[str, object] = {"switch": "(corrected)", **self.corrected}
        alone: list[dict[str, object]] = [{"switch": name, **four} for name, four in self.alone.items()]
        return [first, *alone, last]

    def document(self) -> Mapping[str, object]:
        """``published``, ``corrected``, ``switches`` (also ``accounting``): ``effect``, ``what``, ``why`` of each."""
        words = explanations()
        switches = [
            {"switch": name, "what": words[name].what, "why": words[name].why, "effect": four}
            for name, four in self.alone.items()
        ]
        return {"published": self.published, "corrected": self.corrected, "switches": switches, "accounting": switches}

    def notes(self) -> list[str]:
        """The switches in words."""
        return [f"{name}: {text.what} {text.why}" for name, text in explanations().items()]


def effects(progress: Callable[[str], None] = lambda switch: None) -> Effects:
    """Compare the subject of the default plan with its rival once per switch. ``progress`` hears each switch."""

    def four(rules: Accounting, name: str) -> dict[str, float | None]:
        progress(name)
        plan = default_plan()
        found = compare([plan.rival, plan.subject], accounting=rules)
        return headline_ratios(found, plan.subject, plan.rival)

    alone = {name: four(Accounting(frozenset({name})), name) for name in SWITCHES}
    return Effects(four(PUBLISHED, "published"), four(CORRECTED, "corrected"), alone)


@dataclass(frozen=True)
class Check(Result):
    """Our published figures next to those that ship; ``differing`` are the rows past their tolerance."""

    command: ClassVar[str] = "accounting-check"
    compared: int
    differing: tuple[dict[str, object], ...]

    def rows(self) -> list[dict[str, object]]:
        """The rows that differ."""
        return [dict(row) for row in self.differing]

    def document(self) -> Mapping[str, object]:
        """``compared`` and the rows that differ."""
        return {"compared": self.compared, "differing": self.rows()}

    def headline(self) -> str:
        """How many agree."""
        return f"{self.compared - len(self.differing)} of {self.compared} published figures agree"


def check() -> Check:
    """Every shipped published figure against `compare` in published accounting.

    Tolerances are relative: 1e-9, for energy 1e-6, and 1e-4 where the published mapping was found by a search whose
    equals differ in energy.
    """
    found = compare(accounting=PUBLISHED)
    searched = {d.name for d in found.designs if d.as_published.search is not None}
    ours = {(r["part"], r["design"], r["workload"], r["seq_len"], r["quantity"]): r["value"] for r in found.rows()}
    text = (files("fusemax") / "catalogue" / "tables" / "published-figures.csv").read_text(encoding="utf-8")
    shipped = list(csv.DictReader(text.splitlines()))
    differing = []
    for row in shipped:
        value = ours.get((row["part"], row["design"], row["workload"], int(row["seq_len"]), row["quantity"]))
        wanted, tolerance = float(row["value"]), TOLERANCE
        if row["quantity"] == "energy":
            tied = row["design"] in searched and row["part"] == "attention"
            tolerance = TIED_TOLERANCE if tied else ENERGY_TOLERANCE
        if not isinstance(value, float) or abs(value - wanted) > tolerance * abs(wanted):
            place = {k: row[k] for k in ("part", "design", "workload", "seq_len", "quantity")}
            differing.append({**place, "published": wanted, "ours": value})
    return Check(len(shipped), tuple(differing))
