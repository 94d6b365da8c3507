"""The taxonomy page: what ships, with what ends every pass, in the text."""

from __future__ import annotations

from fusemax.analysis.passes import passes
from fusemax.base.result import Result
from fusemax.cascade import load
from fusemax.report.catalogue import catalogue_text
from fusemax.report.taxonomy import families, shipped_taxonomy

__all__ = ["taxonomy"]


def taxonomy(family: str | None = None) -> dict[str, object]:
    """The documents of `fusemax taxonomy`, each with its text and where in it a pass ends. UnknownName for a family."""
    found = shipped_taxonomy((), family)
    return {
        "schema": "fusemax/taxonomy/1",
        "families": list(families()),
        "headline": found.headline(),
        "notes": list(found.notes()),
        "rows": [_row(form, form.cascade, form.rank) for form in found.forms],
    }


def _row(form: Result, name: str, rank: str) -> dict[str, object]:
    one = load(name)
    counts = passes(one)
    ends = [barrier.document() | {"einsum": ", ".join(barrier.einsums)} for barrier in counts.ranks[rank].barriers]
    return {
        **form.to_json_document(),
        "title": one.title or "",
        "headline": counts.headline(),
        "passes_why": ends,
        "text": catalogue_text("cascades", name),
    }
