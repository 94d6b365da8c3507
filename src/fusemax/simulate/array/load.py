"""Bindings by catalogue name, file or standard input."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from fusemax.base.errors import FileError, nearest
from fusemax.design.document import Document, read_document, validate
from fusemax.design.load import catalogue_names
from fusemax.simulate.array.binding import Binding

__all__ = ["binding_names", "load_binding"]


def binding_names() -> tuple[str, ...]:
    """Names of the bindings that ship."""
    return catalogue_names("bindings")


def load_binding(reference: str | os.PathLike[str]) -> Binding:
    """A binding by catalogue name, path or `-`, a file of that name first; located errors for what is wrong in it."""
    name = os.fspath(reference)
    if name in binding_names() and not os.path.exists(name):
        return _shipped(name)
    try:
        return _read(read_document(name))
    except FileError as error:
        near = nearest(Path(name).stem, binding_names())
        hint = f" (did you mean the catalogue's binding {near!r}?)" if near else ""
        raise FileError(error.file, error.reason + hint) from None


@cache
def _shipped(name: str) -> Binding:
    text = (files("fusemax") / "catalogue" / "bindings" / f"{name}.yaml").read_text(encoding="utf-8")
    return _read(read_document(text, file=f"{name}.yaml"))


def _read(document: Document) -> Binding:
    return validate(Binding, document).at(document.positions)
