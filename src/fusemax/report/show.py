"""A cascade as a picture, with the passes over one rank drawn in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fusemax.analysis.passes import passes
from fusemax.base.errors import UnknownName
from fusemax.base.result import to_json
from fusemax.cascade import load
from fusemax.cascade.cuts import Cuts
from fusemax.cascade.document import to_document
from fusemax.cascade.graph import as_document
from fusemax.cascade.ir import Cascade
from fusemax.cascade.mermaid import draw_mermaid
from fusemax.cascade.picture import draw_text
from fusemax.cascade.ranks import canonical
from fusemax.cascade.svg import draw

__all__ = ["FORMS", "Picture", "show"]

FORMS = ("text", "svg", "mermaid", "json")


@dataclass(frozen=True)
class Picture:
    """A cascade and the passes over a rank. Prints as text for a terminal; a notebook shows the SVG picture."""

    cascade: Cascade
    cuts: Cuts | None

    def __str__(self) -> str:
        return draw_text(self.cascade, self.cuts)

    def _repr_svg_(self) -> str:
        return self.svg()

    def svg(self) -> str:
        """The picture as an SVG document."""
        return draw(self.cascade, self.cuts)

    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return draw_mermaid(self.cascade, self.cuts)

    def to_json_document(self) -> dict[str, Any]:
        """`cascade` (`cascade.document.from_document` reads it back), `graph` (nodes and edges) and `passes`."""
        found: Mapping[str, Any] | None = None
        if self.cuts is not None:
            found = {
                "rank": self.cuts.rank,
                "passes": self.cuts.passes,
                "conflict": self.cuts.conflict,
                "levels": dict(self.cuts.levels),
                "barriers": dict(self.cuts.barriers),
            }
        return {
            "schema": "fusemax/show/1",
            "kind": "cascade",
            "name": self.cascade.name,
            "cascade": to_document(self.cascade),
            "graph": as_document(self.cascade),
            "passes": found,
        }

    def form(self, name: str) -> str:
        """The picture in one of `FORMS`; UnknownName for another."""
        match name:
            case "text":
                return str(self)
            case "svg":
                return self.svg()
            case "mermaid":
                return self.mermaid()
            case "json":
                return to_json(self.to_json_document())
        raise UnknownName("form", name, FORMS)


def show(cascade: Cascade | str, rank: str | None = None) -> Picture:
    """The picture of a cascade (or of a file, `-` or catalogue name) with its passes over `rank`.

    Without a rank it is the one the cascade is about: the first that `expect` names, else the one with the most passes.
    Raises UnknownName for a rank that nothing is counted over.
    """
    subject = load(cascade) if isinstance(cascade, str) else cascade
    counts = passes(subject)
    asked = canonical(subject, rank) if rank is not None else next(iter(counts.asked), None)
    if asked is None:
        return Picture(subject, None)
    if asked not in counts.ranks:
        raise UnknownName("rank", str(rank), counts.ranks)
    return Picture(subject, Cuts.of(counts.ranks[asked]))
