"""The cascade page: what a text says, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from fusemax.analysis.footprint import footprint
from fusemax.analysis.passes import Passes
from fusemax.analysis.passes import passes as count_passes
from fusemax.analysis.work import work
from fusemax.base.errors import FusemaxError
from fusemax.cascade import Cascade, print_cascade
from fusemax.cascade.cuts import Cuts
from fusemax.cascade.notation import notation
from fusemax.cascade.ranks import declared_ranks
from fusemax.report.claims import broken_claims
from fusemax.report.show import Picture
from fusemax.web.answers.texts import cascade_of
from fusemax.web.worker import places

__all__ = ["cascade", "passes"]


def passes(text: str) -> dict[str, object]:
    """The document of `fusemax passes`; the errors of a text that is no legal cascade."""
    return count_passes(cascade_of(text)).to_json_document()


def cascade(text: str, sizes: Mapping[str, int] | None = None, rank: str | None = None) -> dict[str, object]:
    """All that the page shows of a text; a text that cannot be read is an answer as well."""
    try:
        one = cascade_of(text)
        counts = count_passes(one)
        asked = rank if rank in counts.ranks else next(iter(counts.asked), None)
        own = {name: size for name, size in (sizes or {}).items() if name in declared_ranks(one)}
        operations = work(one, own or None)
    except FusemaxError as error:
        return {"ok": False, "errors": places(error), "error_text": str(error)}
    return {
        "ok": True,
        "errors": [],
        "error_text": "",
        "claims": [place for _, _, error in broken_claims(one, counts) for place in places(error)],
        "name": one.name,
        "title": one.title or "",
        "text": print_cascade(one),
        "unicode": notation(one, "unicode"),
        "rank": asked,
        "headline": counts.headline(),
        "passes": counts.to_json_document(),
        "split": {name: found.split() for name, found in counts.ranks.items() if not found.is_factor},
        "work": operations.to_json_document(),
        "footprint": _footprints(one, counts),
        "svg": Picture(one, Cuts.of(counts.ranks[asked]) if asked else None).svg(),
    }


def _footprints(one: Cascade, counts: Passes) -> list[dict[str, object]]:
    whole = [name for name, found in counts.ranks.items() if not found.is_factor]
    return [{"rank": name, "elements": str(footprint(one, counts, name))} for name in whole]
