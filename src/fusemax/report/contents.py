"""What a report shows, as plain frozen data: results by accounting, designs, further sections, and provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fusemax.base.errors import UsageError
from fusemax.report.grid import Row

__all__ = ["LEAKAGE", "DesignCard", "Evidence", "Provenance", "Report", "Section", "plain_table", "section_document"]


SCHEMA = "fusemax/report/1"
LEAKAGE = "leakage"
"""The `einsum` of energy that no Einsum uses."""


@dataclass(frozen=True)
class Evidence:
    """A table cell that links to why it says so: a text, some lines of it marked."""

    value: str
    title: str
    text: str
    lines: Sequence[int] = ()
    """The lines to mark, from 1."""


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
        """The report as one JSON document, which `from_document` reads back."""
        made = self.provenance
        return {
            "schema": SCHEMA,
            "title": self.title,
            "subject": self.subject,
            "baselines": None if self.baselines is None else list(self.baselines),
            "command": made.command,
            "versions": dict(made.versions),
            "inputs": dict(made.inputs),
            "switches": [dict(row) for row in made.switches],
            "results": {name: [dict(row) for row in rows] for name, rows in self.results.items()},
            "area_sweep": {name: [dict(row) for row in rows] for name, rows in self.area_sweep.items()},
            "designs": [asdict(card) for card in self.designs],
            "sections": [section_document(section) for section in self.sections],
        }

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Report:
        """A report from the JSON that one wrote; raises UsageError when it is none."""
        if document.get("schema") != SCHEMA:
            raise UsageError(f"not a report's results: schema is {document.get('schema')!r}, not {SCHEMA!r}")
        try:
            made = Provenance(
                command=str(document["command"]),
                versions=dict(document["versions"]),
                inputs=dict(document["inputs"]),
                switches=_rows(document["switches"]),
            )
            subject, baselines = document.get("subject"), document.get("baselines")
            return Report(
                title=str(document["title"]),
                results={str(name): _rows(rows) for name, rows in document["results"].items()},
                provenance=made,
                area_sweep={str(name): _rows(rows) for name, rows in document["area_sweep"].items()},
                designs=[_card(card) for card in document.get("designs", ())],
                sections=[_section(section) for section in document.get("sections", ())],
                subject=None if subject is None else str(subject),
                baselines=None if baselines is None else [str(name) for name in baselines],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"a report's results are incomplete or of the wrong kind: {error}") from None


def plain_table(section: Section) -> list[Row]:
    """The table of a section with the values that evidence is for."""
    return [{k: v.value if isinstance(v, Evidence) else v for k, v in row.items()} for row in section.table]


def _rows(rows: Iterable[Mapping[str, object]]) -> list[Row]:
    return [dict(row) for row in rows]


def _card(card: Mapping[str, Any]) -> DesignCard:
    epoch = [(str(unit), str(label), float(start), float(end)) for unit, label, start, end in card["epoch"]]
    return DesignCard(str(card["name"]), str(card["summary"]), str(card["loop_nest"]), epoch, _rows(card["parts"]))


def section_document(section: Section) -> dict[str, Any]:
    """A section as JSON: charts as specifications, evidence as an object with its fields."""
    charts = {
        c: chart if isinstance(chart, dict) else chart.to_dict(validate=False) for c, chart in section.charts.items()
    }
    table = [{k: asdict(v) if isinstance(v, Evidence) else v for k, v in row.items()} for row in section.table]
    words = {"title": section.title, "paragraphs": list(section.paragraphs), "code": section.code}
    return {**words, "charts": charts, "table": table}


def _section(section: Mapping[str, Any]) -> Section:
    table = [{k: Evidence(**v) if isinstance(v, Mapping) else v for k, v in row.items()} for row in section["table"]]
    words = [str(text) for text in section["paragraphs"]]
    return Section(str(section["title"]), words, dict(section["charts"]), table, str(section["code"]))
