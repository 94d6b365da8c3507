"""A design's text with other values for some of its first names.

What is changed replaces its own lines, so that the rest, comments too, stays as its author wrote it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from fusemax.design.document import Document, read_document
from fusemax.search.rewrite import document_text

__all__ = ["document_of", "replaced"]


@lru_cache(maxsize=16)
def document_of(text: str) -> Document:
    """The document that a design's text is; SourceError."""
    found = read_document(text, file="<design>")
    if not isinstance(found.data, dict):
        raise found.positions.error((), "expected a design: `design: NAME`, `cascade: ...`")
    return found


def replaced(text: str, changes: Mapping[str, object]) -> str:
    """The text with other values for some of its first names; None takes a name away."""
    for key, value in changes.items():
        document = document_of(text)
        new = "" if value is None else _entry(key, value)
        lines = text.splitlines(keepends=True)
        span = _lines_of(document, key, lines)
        if span is None:  # on one line, as JSON may be: written anew
            data = {k: v for k, v in document.data.items() if k != key} | ({} if value is None else {key: value})
            text = document_text(data)
        else:
            text = "".join([*lines[: span[0]], new, *lines[span[1] :]])
    return text


def _entry(key: str, value: object) -> str:
    if not isinstance(value, str) or "\n" in value:
        return document_text({key: value})
    is_plain = re.fullmatch(r"[A-Za-z][\w-]*", value) and value.lower() not in ("true", "false", "null")
    return f"{key}: {value if is_plain else json.dumps(value, ensure_ascii=False)}\n"


def _lines_of(document: Document, key: str, lines: list[str]) -> tuple[int, int] | None:
    """From which line to which a first name stands with its value; None where that cannot be said in lines."""
    starts = {name: document.positions.keys[(name,)] for name in document.data}
    rows = [span.line for span in starts.values()]
    if any(span.column != 1 for span in starts.values()) or len(set(rows)) < len(rows):
        return None
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if key not in starts:
        return len(lines), len(lines)
    begin = starts[key].line - 1
    end = min([row - 1 for row in rows if row - 1 > begin], default=len(lines))
    while end - 1 > begin and re.match(r"\s*(#|$)", lines[end - 1]):
        end -= 1  # what stands before the next name is about that
    return begin, end
