"""What ships: names, and the text of one entry."""

from __future__ import annotations

from fusemax.design.load import load_design
from fusemax.report.catalogue import catalogue as shipped
from fusemax.report.catalogue import catalogue_text
from fusemax.search.rewrite import design_text as text_of_design

__all__ = ["catalogue", "design_text", "text_of"]

_SHOWN = ("cascades", "designs", "accelerators", "workloads", "mappings")


def catalogue() -> dict[str, object]:
    """Entries by kind."""
    found: dict[str, list[dict[str, object]]] = {kind: [] for kind in _SHOWN}
    for entry in shipped().entries:
        if entry.kind in found:
            found[entry.kind].append({"name": entry.name, "title": entry.title, "source": entry.source})
    return dict(found)


def text_of(kind: str, name: str) -> dict[str, object]:
    """The text of one entry of the catalogue; UnknownName for none: `name` is looked up, never opened."""
    return {"name": name, "text": catalogue_text(kind, name)}


def design_text(name: str) -> dict[str, object]:
    """A shipped design as its file, and with all that it refers to written out. UnknownName."""
    return {**text_of("designs", name), "whole": text_of_design(load_design(name))}
