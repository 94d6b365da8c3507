"""The Derive button: the chain of equal cascades, law by law."""

from __future__ import annotations

from collections.abc import Mapping

from fusemax.base.errors import UsageError
from fusemax.cascade import Cascade, print_cascade
from fusemax.cascade.notation import notation
from fusemax.derive import derive as find
from fusemax.derive.laws import LAWS
from fusemax.report.show import show
from fusemax.web.answers.texts import cascade_of

__all__ = ["derive"]


def derive(text: str, rank: str | None = None, tile: Mapping[str, int] | None = None) -> dict[str, object]:
    """The document of `fusemax derive`, and the chain with every text on the way; its first entry is the source."""
    found = find(cascade_of(text), rank, tile=_tile(tile))
    laws = {law.name: law for law in LAWS}
    chain = [_entry(found.source, found.rank) | {"law": None, "passes": found.passes_before}]
    for step in found.steps:
        law = laws[step.law]
        chain.append(
            {
                **_entry(step.cascade, found.rank),
                **step.row(),
                "law": step.law,
                "detail": step.detail,
                "title": law.title,
                "precondition": law.precondition,
            }
        )
    return {
        **found.to_json_document(),
        "headline": found.headline(),
        "notes": list(found.notes()),
        "chain": chain,
    }


def _entry(cascade: Cascade, rank: str) -> dict[str, object]:
    return {
        "name": cascade.name,
        "text": print_cascade(cascade),
        "unicode": notation(cascade, "unicode"),
        "svg": show(cascade, rank).svg(),
    }


def _tile(tile: Mapping[str, int] | None) -> tuple[str, int] | None:
    if not tile:
        return None
    if len(tile) > 1:
        raise UsageError(f"a tile is one rank and its size, found {', '.join(tile)}")
    return next(iter(tile.items()))
