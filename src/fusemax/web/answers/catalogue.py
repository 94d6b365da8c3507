"""What ships: names, and the text of one entry."""

from __future__ import annotations

from fusemax.report.catalogue import catalogue as shipped
from fusemax.report.catalogue import catalogue_text

__all__ = ["catalogue", "text_of"]

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
