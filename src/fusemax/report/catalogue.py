"""What ships: cascades, accelerators, designs, workloads, mappings and tables, with their sources."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import ClassVar

from fusemax.base.errors import UnknownName
from fusemax.base.result import Result
from fusemax.base.table import format_table
from fusemax.cascade import parse
from fusemax.design.document import read_document

__all__ = ["KINDS", "Catalogue", "Entry", "catalogue", "catalogue_text"]


@dataclass(frozen=True)
class Entry:
    """One file of the catalogue; an empty source means that the file names none."""

    kind: str
    name: str
    title: str
    source: str


@dataclass(frozen=True)
class Catalogue(Result):
    """The entries asked for, by kind and name."""

    command: ClassVar[str] = "catalogue"
    entries: tuple[Entry, ...]

    def rows(self) -> list[dict[str, object]]:
        """``kind, name, title, source``; the kind is the folder's name."""
        return [asdict(entry) for entry in self.entries]

    def document(self) -> dict[str, object]:
        """``entries``: the rows."""
        return {"entries": self.rows()}

    def headline(self) -> str:
        """How many there are of each kind."""
        kinds = [entry.kind for entry in self.entries]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))

    def __str__(self) -> str:
        parts = [self.headline()]
        for kind in dict.fromkeys(entry.kind for entry in self.entries):
            rows = [
                {
                    "name": entry.name,
                    "title": entry.title,
                    "source": textwrap.shorten(entry.source, 120, placeholder=" ..."),
                }
                for entry in self.entries
                if entry.kind == kind
            ]
            parts.append(f"{kind}\n\n{format_table(rows)}")
        return "\n\n".join(parts)


def catalogue(kind: str | None = None) -> Catalogue:
    """The files that ship, of one kind (``cascades``, ``designs``, ...) or of all; UnknownName for another kind."""
    if kind is not None and kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    return Catalogue(tuple(entry for one in KINDS if kind in (None, one) for entry in _entries(one)))


def catalogue_text(kind: str, name: str) -> str:
    """The text of one file, to start one's own from; UnknownName when there is none."""
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    found = {file.name.removesuffix(KINDS[kind][0]): file for file in _files(kind)}
    if name not in found:
        raise UnknownName(kind.removesuffix("s"), name, found)
    return found[name].read_text(encoding="utf-8")


def _files(kind: str) -> list[Traversable]:
    folder = files("fusemax") / "catalogue" / kind
    if not folder.is_dir():
        return []
    return sorted((f for f in folder.iterdir() if f.name.endswith(KINDS[kind][0])), key=lambda f: f.name)


def _entries(kind: str) -> Iterator[Entry]:
    suffix, describe = KINDS[kind]
    for file in _files(kind):
        title, source = describe(file.read_text(encoding="utf-8"), file.name)
        yield Entry(kind, file.name.removesuffix(suffix), title, source)


def _cascade(text: str, name: str) -> tuple[str, str]:
    cascade = parse(text, name)
    return cascade.title or "", cascade.source or ""


def _document(text: str, name: str) -> tuple[str, str]:
    """Title and source as fields, or else the first comment, and the sources of the parts."""
    data = read_document(text, file=name).data
    comment = text.partition("\n")[0].removeprefix("#").strip() if text.startswith("#") else ""
    return str(data.get("title", comment)), str(data.get("source") or "; ".join(dict.fromkeys(_sources(data))))


def _sources(data: object) -> Iterator[str]:
    """Every text under a key ``source`` or ``sources``, at any depth."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "sources" and isinstance(value, dict):
                yield from map(str, value.values())
            elif key == "source":
                yield str(value)
            else:
                yield from _sources(value)
    elif isinstance(data, list):
        for item in data:
            yield from _sources(item)


def _table(text: str, name: str) -> tuple[str, str]:
    rows = list(csv.DictReader(io.StringIO(text)))
    sources = list(dict.fromkeys(row["source"].partition(":")[0] for row in rows))
    columns = ", ".join(column for column in rows[0] if column != "source")
    return f"{len(rows)} rows of {columns}", "; ".join(sources)


KINDS: dict[str, tuple[str, Callable[[str, str], tuple[str, str]]]] = {
    "cascades": (".cascade", _cascade),
    "accelerators": (".yaml", _document),
    "designs": (".yaml", _document),
    "mappings": (".yaml", _document),
    "layers": (".yaml", _document),
    "bindings": (".yaml", _document),
    "workloads": (".yaml", _document),
    "tables": (".csv", _table),
}
"""Folder -> (suffix, how a file says its title and source)."""
