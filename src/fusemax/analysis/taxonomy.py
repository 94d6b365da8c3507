"""The paper's Table I recomputed from cascade texts, and extended: what each form costs and whether it can be trusted.

Names of systems and citations are data (catalogue/taxonomy.csv); every other column is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fusemax.analysis.footprint import footprint
from fusemax.analysis.formula import Count as Number
from fusemax.analysis.passes import passes
from fusemax.analysis.work import work
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade

__all__ = ["Entry", "Form", "Judge", "Taxonomy", "Verdict", "taxonomy"]


EXPONENTIALS = ("exp", "exp2", "sigmoid")
"""Kinds of operation that need an exponential."""


@dataclass(frozen=True)
class Entry:
    """A cascade with what only a person can know. `function` is the cascade that says what it should compute."""

    cascade: Cascade
    family: str = ""
    function: Cascade | None = None
    systems: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a form gives its function's values (`exact`) and keeps them under strain (`stable`); None is unknown.

    `counterexample` says on which inputs it does not.
    """

    stable: bool | None
    exact: bool | None
    counterexample: str | None = None


Judge = Callable[[Cascade, "Cascade | None", str], Verdict]
"""(cascade, function, rank) -> verdict; it runs cascades, which this room does not."""


@dataclass(frozen=True)
class Form(Result):
    """One row. Counts are formulas in the ranks; `rank` is the one the passes are counted over."""

    command: ClassVar[str] = "taxonomy"
    cascade: str
    family: str
    rank: str
    passes: Number
    sweeps: Number | None
    divisions: str
    exponentials: str
    live_footprint: str
    verdict: Verdict
    systems: tuple[str, ...]
    sources: tuple[str, ...]
    barriers: tuple[str, ...]

    def rows(self) -> list[dict[str, object]]:
        """The row, lists joined."""
        return [{k: "; ".join(map(str, v)) if isinstance(v, list) else v for k, v in self.document().items()}]

    def document(self) -> dict[str, object]:
        """The row as in the JSON of `fusemax taxonomy`."""
        return {
            "cascade": self.cascade,
            "family": self.family,
            "rank": self.rank,
            "passes": self.passes,
            "sweeps": self.sweeps,
            "divisions": self.divisions,
            "exponentials": self.exponentials,
            "live_footprint": self.live_footprint,
            "stable": self.verdict.stable,
            "exact": self.verdict.exact,
            "counterexample": self.verdict.counterexample,
            "barriers": list(self.barriers),
            "systems": list(self.systems),
            "sources": list(self.sources),
        }


@dataclass(frozen=True)
class Taxonomy(Result):
    """Forms in the order they were given."""

    command: ClassVar[str] = "taxonomy"
    forms: Sequence[Form]

    def rows(self) -> list[dict[str, object]]:
        """One row per form, lists joined."""
        return [row for form in self.forms for row in form.rows()]

    def columns(self) -> Sequence[str]:
        """What fits a page: the systems are in the headline, citations in the JSON and CSV."""
        return (
            "cascade",
            "passes",
            "sweeps",
            "divisions",
            "exponentials",
            "live_footprint",
            "stable",
            "exact",
        )

    def document(self) -> Mapping[str, object]:
        """All rows under `cascades`; the command line prints them as a list of documents."""
        return {"cascades": [form.document() for form in self.forms]}

    def headline(self) -> str:
        """Table I of the paper: which published systems make how many passes over the keys."""
        groups: dict[str, list[str]] = {}
        for form in self.forms:
            if form.family == "attention":
                groups.setdefault(str(form.passes), []).extend(s for s in form.systems)
        lines = [
            f"{number}-pass: {', '.join(dict.fromkeys(names))}"
            for number, names in sorted(groups.items(), reverse=True)
            if names
        ]
        return "\n".join(lines)

    def notes(self) -> Sequence[str]:
        """What breaks the forms that break."""
        broken = [form for form in self.forms if form.verdict.counterexample]
        return tuple(f"{form.cascade}: {form.verdict.counterexample}" for form in broken)


def taxonomy(entries: Iterable[Entry], judge: Judge) -> Taxonomy:
    """Compute a row per entry (FuseMax Table I, Sec. III-B and IV-D)."""
    return Taxonomy([_form(entry, judge) for entry in entries])


def _form(entry: Entry, judge: Judge) -> Form:
    import sympy

    cascade = entry.cascade
    counts = passes(cascade)
    rank = counts.asked[0]
    found = counts.ranks[rank]
    operations = work(cascade)
    exponentials = sum((operations.total(kind).formula for kind in EXPONENTIALS), start=sympy.Integer(0))
    return Form(
        cascade.name, entry.family, rank, found.passes, found.sweeps,
        str(operations.total("div").formula), str(exponentials),
        str(footprint(cascade, counts, rank)), judge(cascade, entry.function, rank), entry.systems, entry.sources,
        tuple(name for barrier in found.barriers for name in barrier.einsums),
    )  # fmt: skip
