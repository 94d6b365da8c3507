"""Texts from a client become cascades, designs and workloads without a file being opened.

A plain name is looked up in the catalogue; anything else is the text itself. References inside a text (the cascade of a
design, the tables of an accelerator) must be catalogue names or inline. The loaders prefer a file of that name to the
catalogue, which is why workers stand in an empty folder.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files

from fusemax.base.errors import UnknownName, nearest
from fusemax.cascade import Cascade, catalogue, check_rules, parse
from fusemax.design.design import Design
from fusemax.design.document import Where, read_document
from fusemax.design.load import catalogue_names, load_design, read_design
from fusemax.design.workload import Workload, load_workload, read_workload, workload_names
from fusemax.execute import trial_run

__all__ = ["cascade_of", "check_name", "design_of", "names_of", "workload_of"]

_NAME = re.compile(r"[\w.+-]{1,100}")
_HOW = "a text in the explorer cannot name files, only what ships, or hold the thing itself"
_PARTS = {"accelerator": "accelerators", "mapping": "mappings", "schedule": "schedules", "linear": "layers"}


def cascade_of(text: str) -> Cascade:
    """The legal cascade a text describes, tried once on numbers. SourceError or SourceErrors."""
    found = check_rules(parse(text, "<text>"))
    trial_run(found)
    return found


@lru_cache(maxsize=16)  # a slider moves, the text stays
def design_of(reference: str) -> Design:
    """A shipped design, or the one a text describes. UnknownName, SourceError or SourceErrors."""
    if _NAME.fullmatch(reference):
        check_name("design", reference, names_of("design"))
        return load_design(reference)
    document = read_document(reference, file="<design>")
    for where, kind, name in _references(document.data):
        if name not in names_of(kind):
            hint = nearest(name, names_of(kind))
            raise document.positions.error(where, f"{name!r} is not in the catalogue: {_HOW}", suggestion=hint)
    return read_design(document)


@lru_cache(maxsize=16)
def workload_of(reference: str) -> Workload:
    """A shipped workload, or the one a text describes (a Hugging Face configuration is one)."""
    if _NAME.fullmatch(reference):
        check_name("workload", reference, names_of("workload"))
        return load_workload(reference)
    return read_workload(read_document(reference, file="<workload>"), "workload")


def check_name(kind: str, name: str, known: Collection[str]) -> None:
    """UnknownName for a name that does not ship."""
    if name not in known:
        raise UnknownName(kind, name, known)


def names_of(kind: str) -> Collection[str]:
    """The names of a kind that ship."""
    if kind == "cascade":
        return catalogue()
    if kind == "workload":
        return workload_names()
    if kind == "table":
        folder = files("fusemax") / "catalogue" / "tables"
        return tuple(sorted(f.name.removesuffix(".csv") for f in folder.iterdir() if f.name.endswith(".csv")))
    return catalogue_names(_PARTS.get(kind, f"{kind}s"))


def _references(data: object) -> Iterator[tuple[Where, str, str]]:
    """(place, kind, name) of everything a design's text refers to."""
    if not isinstance(data, Mapping):
        return
    yield from _cascade_in(data, ())
    if isinstance(data.get("binding"), str):
        yield ("binding",), "binding", data["binding"]
    for part in _PARTS:
        value = data.get(part)
        if isinstance(value, str):
            yield (part,), part, value
    if isinstance(data.get("linear"), Mapping):
        yield from _cascade_in(data["linear"], ("linear",))
    accelerator = data.get("accelerator")
    tables = accelerator.get("tables") if isinstance(accelerator, Mapping) else None
    for name, value in tables.items() if isinstance(tables, Mapping) else ():
        if isinstance(value, str):
            yield ("accelerator", "tables", name), "table", value


def _cascade_in(data: Mapping[str, object], where: Where) -> Iterator[tuple[Where, str, str]]:
    value = data.get("cascade")
    if isinstance(value, str) and "\n" not in value:  # with line ends it is the text of one
        yield (*where, "cascade"), "cascade", value
