"""Designs, accelerators, mappings and schedules by catalogue name, file or standard input."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from fusemax.base.errors import FileError, nearest
from fusemax.cascade import Cascade
from fusemax.cascade import load as load_cascade
from fusemax.cascade import parse as parse_cascade
from fusemax.cascade.rules import check_rules
from fusemax.design.accelerator import Accelerator, Frozen
from fusemax.design.design import AsPublished, Design, Hardware
from fusemax.design.document import Document, Where, read_document, validate
from fusemax.design.mapping import Mapping
from fusemax.design.schedule import Schedule
from fusemax.design.tables import CostTables, load_components, load_sram

__all__ = [
    "DesignFile",
    "LinearFile",
    "catalogue_names",
    "load_accelerator",
    "load_design",
    "load_hardware",
    "load_part",
    "read_design",
]

SUFFIX = ".yaml"
M = TypeVar("M", bound=BaseModel)


class DesignFile(Frozen):
    """A design file. A text value names a catalogue entry or a file beside this one; an inline value is the thing."""

    design: str
    title: str = ""
    source: str = ""
    cascade: str
    accelerator: str | Accelerator
    mapping: str | Mapping
    schedule: str | Schedule
    linear: str | LinearFile | None = None
    binding: str | None = None
    as_published: AsPublished = AsPublished()


class LinearFile(Frozen):
    """How a linear layer is mapped: a cascade of one matrix multiplication, its mapping and schedule."""

    linear: str
    title: str = ""
    source: str = ""
    cascade: str
    mapping: Mapping
    schedule: Schedule
    as_published: AsPublished = AsPublished()


DesignFile.model_rebuild()


@cache
def catalogue_names(folder: str) -> tuple[str, ...]:
    """Names of the YAML files that ship in a catalogue folder, sorted."""
    found = files("fusemax") / "catalogue" / folder
    if not found.is_dir():
        return ()
    return tuple(sorted(f.name.removesuffix(SUFFIX) for f in found.iterdir() if f.name.endswith(SUFFIX)))


def load_design(reference: str | os.PathLike[str]) -> Design:
    """A design by catalogue name, path or ``-``; a file of that name wins over the catalogue.

    FileError, SourceError or SourceErrors; what a file refers to is loaded with it.
    """
    name = os.fspath(reference)
    if name in catalogue_names("designs") and not os.path.exists(name):
        return _shipped(name)
    document, folder = _open(name, "designs", "design")
    return _design(document, folder)


def read_design(document: Document) -> Design:
    """The design that a document describes; its references are catalogue names or relative to the current folder.

    SourceError or SourceErrors.
    """
    return _design(document, "")


@lru_cache(maxsize=64)
def _shipped(name: str) -> Design:
    document, folder = _open(name, "designs", "design")
    return _design(document, folder)


def load_accelerator(reference: str | os.PathLike[str]) -> Accelerator:
    """An accelerator by catalogue name, path or ``-``."""
    return _model(os.fspath(reference), "", "accelerators", "accelerator", Accelerator)


def load_part(reference: str | os.PathLike[str], folder: str, word: str, model: type[M]) -> M:
    """A mapping, schedule or the like on its own: by name in catalogue/FOLDER, path or ``-``."""
    return _model(os.fspath(reference), "", folder, word, model)


def load_hardware(reference: str | os.PathLike[str]) -> Hardware:
    """An accelerator with its cost tables, by catalogue name, path or ``-``."""
    accelerator = load_accelerator(reference)
    name = os.fspath(reference)
    folder = "" if name == "-" or name in catalogue_names("accelerators") else str(Path(name).parent)
    return Hardware(accelerator, _costs(accelerator, folder))


def _costs(accelerator: Accelerator, folder: str) -> CostTables:
    tables = accelerator.tables
    return CostTables(load_components(tables.components, folder), load_sram(tables.sram, folder))


class _Head(Frozen):
    """A design file with its parts not looked into: they are validated one by one, where they stand."""

    design: str
    title: str = ""
    source: str = ""
    cascade: str
    accelerator: object
    mapping: object
    schedule: object
    linear: object = None
    binding: str | None = None
    as_published: object = None


def _design(document: Document, folder: str) -> Design:
    from fusemax.design.rules import check_design

    head = validate(_Head, document)
    accelerator, hardware = _part(document, folder, "accelerator", "accelerators", Accelerator)
    mapping, mapped = _part(document, folder, "mapping", "mappings", Mapping)
    schedule, scheduled = _part(document, folder, "schedule", "schedules", Schedule)
    quirks = validate(AsPublished, document, ("as_published",)) if head.as_published is not None else AsPublished()
    places = {
        "accelerator": hardware,
        "mapping": mapped,
        "schedule": scheduled,
        "as_published": (document, ("as_published",)),
    }
    costs = _costs(accelerator, folder)
    linear = None
    if head.linear is not None:
        part, (layers, at) = _part(document, folder, "linear", "layers", LinearFile)
        linear = Design(
            part.linear, _cascade(part.cascade, folder), accelerator, part.mapping, part.schedule, costs, part.title,
            part.source, part.as_published.model_copy(update={"banks": quirks.banks}),
        )  # fmt: skip
        below = {name: (layers, (*at, name)) for name in ("mapping", "schedule", "as_published")}
        check_design(linear, {**below, "accelerator": hardware})
    design = Design(
        head.design, _cascade(head.cascade, folder), accelerator, mapping, schedule, costs, head.title, head.source,
        quirks, linear, _beside(head.binding, folder, "bindings"),
    )  # fmt: skip
    return check_design(design, places)


def _part(document: Document, folder: str, name: str, kind: str, model: type[M]) -> tuple[M, tuple[Document, Where]]:
    """A part of a design, and where it stands: inline, or in the file or catalogue entry that a text names."""
    value = document.data[name]
    if not isinstance(value, str):
        return validate(model, document, (name,)), (document, (name,))
    path = os.path.join(folder, value) if folder and value != "-" else value
    try:
        if value in catalogue_names(kind) and not os.path.exists(path):
            return _shipped_model(value, kind, name, model), (_open(value, kind, name)[0], ())
        found, _ = _open(path, kind, name)
    except FileError as error:
        raise document.positions.error((name,), f"{error.file}: {error.reason}") from None
    return validate(model, found), (found, ())


def _beside(reference: str | None, folder: str, kind: str) -> str | None:
    """A reference as seen from here: of a file beside the design, its path."""
    path = os.path.join(folder, reference) if reference and folder else ""
    return path if path and (os.path.exists(path) or reference not in catalogue_names(kind)) else reference


def _model(reference: str, folder: str, kind: str, word: str, model: type[M]) -> M:
    path = os.path.join(folder, reference) if folder and reference != "-" else reference
    if reference in catalogue_names(kind) and not os.path.exists(path):
        shipped: M = _shipped_model(reference, kind, word, model)
        return shipped
    document, _ = _open(path, kind, word)
    return validate(model, document)


@lru_cache(maxsize=64)
def _shipped_model(reference: str, kind: str, word: str, model: type[M]) -> M:
    found: M = validate(model, _open(reference, kind, word)[0])
    return found


@lru_cache(maxsize=64)
def _shipped_document(name: str, kind: str) -> Document:
    text = (files("fusemax") / "catalogue" / kind / f"{name}{SUFFIX}").read_text(encoding="utf-8")
    return read_document(text, file=f"{name}{SUFFIX}")


def _open(name: str, kind: str, word: str) -> tuple[Document, str]:
    """The document and the folder that its references are relative to."""
    if name in catalogue_names(kind) and not os.path.exists(name):
        return _shipped_document(name, kind), ""
    try:
        return read_document(name), "" if name == "-" else str(Path(name).parent)
    except FileError as error:
        near = nearest(Path(name).stem, catalogue_names(kind))
        hint = f" (did you mean the catalogue's {word} {near!r}?)" if near else ""
        raise FileError(error.file, error.reason + hint) from None


def _cascade(reference: str, folder: str) -> Cascade:
    if "\n" in reference:
        return check_rules(parse_cascade(reference, "<cascade>"))
    path = os.path.join(folder, reference)
    return load_cascade(path if folder and os.path.exists(path) else reference)


def design_schema() -> dict[str, Any]:
    """The JSON Schema of a design file, for editors."""
    schema = DesignFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fusemax design", **schema}
