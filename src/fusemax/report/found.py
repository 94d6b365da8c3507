"""A page from what a search found: the best design, what was searched, and the front with a design file per point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from fusemax.base.errors import UsageError
from fusemax.base.units import format_length
from fusemax.report.charts import pareto
from fusemax.report.comparison import versions
from fusemax.report.contents import Provenance, Report, Section
from fusemax.report.grid import Row
from fusemax.report.stored import FIGURES, axis
from fusemax.search.rewrite import document_text

__all__ = ["found_report"]


def found_report(document: Mapping[str, Any], name: str, command: str = "") -> Report:
    """The report of the JSON of `fusemax search`; UsageError where something is missing in it."""
    try:
        point = f"{document['workload']} at {format_length(int(document['seq_len']))}"
        sections = [_best(document), _front(document["front"], document["best"], point), _certificate(document)]
        inputs = {key: str(document[key]) for key in ("objective", "workload", "seq_len", "accounting")}
        title = f"Search: {document['best']['design']}, {point}"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{name}: a search's results are incomplete or of the wrong kind: {error}") from None
    made = Provenance(command, versions(), {"results": name, **inputs})
    return Report(title, {}, made, sections=[section for section in sections if section is not None])


def _best(document: Mapping[str, Any]) -> Section:
    words = (
        f"Least {document['objective']} found: {float(document['value']):.6g} {document['unit']}, bound by "
        f"{document['bound']}, {float(document['roofline_fraction']):.1%} of the roofline. The text is a design file."
    )
    return Section("Best design", (words,), code=document_text(document["best"]).rstrip("\n"))


def _front(front: Sequence[Mapping[str, Any]], best: Mapping[str, Any], point: str) -> Section | None:
    """The front in every two of its figures."""
    rows = [_dot(row, number, best if len(front) == 1 else None) for number, row in enumerate(front, start=1)]
    charts = {}
    for one, other in combinations(FIGURES, 2):
        known = [row for row in rows if row.get(one) is not None and row.get(other) is not None]
        if all(len({row[name] for row in known}) > 1 for name in (one, other)):
            caption = f"{FIGURES[one][0].capitalize()} and {FIGURES[other][0]}, {point}. Click a point."
            charts[caption] = pareto(
                known, x=(one, axis(one)), y=(other, axis(other)), title=point, detail=("label",), interactive=True
            )
    table = [{"design": row["label"], **{axis(n): row[n] for n in FIGURES if n in row}} for row in rows]
    if not rows:
        return None
    return Section("Front", ("No design that was looked at is better in all of these.",), charts, table)


def _dot(row: Mapping[str, Any], number: int, only: Mapping[str, Any] | None) -> Row:
    scaled = {n: None if row[n] is None else float(row[n]) * FIGURES[n][2] for n in FIGURES if n in row}
    design = row.get("design", only)
    text = {} if design is None else {"text": document_text(design)}
    return {"label": f"front {number}", **scaled, **text}


def _certificate(document: Mapping[str, Any]) -> Section:
    found = document["certificate"]
    rows = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            rows += [{"what": f"{name.replace('_', ' ')}: {key}", "value": inner} for key, inner in value.items()]
        elif value is not None:
            rows.append({"what": name.replace("_", " "), "value": value})
    return Section("What was searched", (), {}, [{**row, "value": str(row["value"])} for row in rows])
