"""What a report shows, as plain frozen data: results by accounting, designs, further sections, and provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusemax.base.errors import UsageError
from fusemax.report.grid import Row

__all__ = ["LEAKAGE", "DesignCard", "Evidence", "Provenance", "Report", "Section"]


LEAKAGE = "leakage"
"""The `einsum` of energy that no Einsum uses."""


@dataclass(frozen=True)
class Evidence:
    """A table cell that links to why it says so: a text, one line of it marked."""

    value: str
    title: str
    text: str
    line: int = 0
    """The line to mark, from 1; 0 marks none."""


@dataclass(frozen=True)
class Section:
    """A further part of the page: words, charts by caption, a table, a text to copy.

    Rows of a chart that have a `text` show it when their point is clicked (a mapping, a design file). Table cells may
    be `Evidence`.
    """

    title: str
    paragraphs: Sequence[str] = ()
    charts: Mapping[str, Any] = field(default_factory=dict)
    table: Sequence[Row] = ()
    code: str = ""


@dataclass(frozen=True)
class DesignCard:
    """One design: its loop nest, one epoch, and where time and energy go.

    `epoch` holds spans (unit, label, start, end) in cycles. `parts` rows have `einsum`, `component`, `quantity` (`time`
    or `energy`), `value` in s or J.
    """

    name: str
    summary: str = ""
    loop_nest: str = ""
    epoch: Sequence[tuple[str, str, float, float]] = ()
    parts: Sequence[Row] = ()


@dataclass(frozen=True)
class Provenance:
    """How the numbers were made, enough to make them again.

    `switches` rows describe accounting switches (`switch`, `what`, effects...); `inputs` maps the name of an
    input to its content or a digest of it.
    """

    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    switches: Sequence[Row] = ()


@dataclass(frozen=True)
class Report:
    """Everything on the page. `results` maps an accounting to comparison rows; the first is shown first.

    `area_sweep` maps an accounting to the rows of Figure 12.
    """

    title: str
    results: Mapping[str, Sequence[Row]]
    provenance: Provenance = field(default_factory=Provenance)
    area_sweep: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    designs: Sequence[DesignCard] = ()
    sections: Sequence[Section] = ()
    subject: str | None = None
    """The design the headline is about; None: the last."""
    baselines: Sequence[str] | None = None
    """The designs others are compared with; None: the first two."""

    def document(self) -> dict[str, object]:
        """The report's numbers as one JSON document, which `from_document` reads back."""
        made = self.provenance
        return {
            "schema": "fusemax/report/1",
            "title": self.title,
            "subject": self.subject,
            "baselines": None if self.baselines is None else list(self.baselines),
            "command": made.command,
            "versions": dict(made.versions),
            "inputs": dict(made.inputs),
            "switches": [dict(row) for row in made.switches],
            "results": {name: [dict(row) for row in rows] for name, rows in self.results.items()},
            "area_sweep": {name: [dict(row) for row in rows] for name, rows in self.area_sweep.items()},
        }

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Report:
        """A report from the JSON that one wrote; raises UsageError when it is none."""
        if document.get("schema") != "fusemax/report/1":
            raise UsageError(f"not a report's results: schema is {document.get('schema')!r}, not 'fusemax/report/1'")
        try:
            made = Provenance(
                command=str(document["command"]),
                versions=dict(document["versions"]),
                inputs=dict(document["inputs"]),
                switches=_rows(document["switches"]),
            )
            results = {str(name): _rows(rows) for name, rows in document["results"].items()}
            sweep = {str(name): _rows(rows) for name, rows in document["area_sweep"].items()}
            subject, baselines = document.get("subject"), document.get("baselines")
            return Report(
                str(document["title"]),
                results,
                made,
                sweep,
                subject=None if subject is None else str(subject),
                baselines=None if baselines is None else [str(name) for name in baselines],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"a report's results are incomplete or of the wrong kind: {error}") from None


def _rows(rows: Iterable[Mapping[str, object]]) -> list[Row]:
    return [dict(row) for row in rows]
