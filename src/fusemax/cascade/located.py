"""Errors at a place in a cascade's text, with the nearest known name."""

from __future__ import annotations

from collections.abc import Iterable

from fusemax.base.errors import SourceError, SourceErrors, nearest
from fusemax.cascade.ir import NOWHERE, Cascade, Source, Span


def located(
    origin: Source | None, span: Span, message: str, name: str | None = None, known: Iterable[str] = ()
) -> SourceError:
    """A `SourceError` at `span`; when `name` is close to one of `known`, it suggests that one.

    A cascade without a text (made by a transform) gives an error without a source line.
    """
    source = origin or Source("<cascade>", "")
    place = span if span != NOWHERE else Span(1, 1, 1)
    return SourceError(
        message,
        file=source.file,
        line=place.line,
        column=place.column,
        length=place.length,
        source_line=source.line(place.line),
        suggestion=nearest(name, known) if name else None,
    )


def at(cascade: Cascade, span: Span, message: str, name: str | None = None, known: Iterable[str] = ()) -> SourceError:
    """`located` in the text a cascade came from."""
    return located(cascade.origin, span, message, name, known)


def raise_located(errors: Iterable[SourceError]) -> None:
    """Raise the one error, or several together in line order; do nothing when there is none."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise SourceErrors(found)
