"""A cascade by file, standard input or catalogue name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from fusemax.base.errors import FileError, SourceError, nearest
from fusemax.base.files import read_text
from fusemax.cascade.functions import UserFunction
from fusemax.cascade.ir import Cascade
from fusemax.cascade.parse import MAX_BYTES, parse
from fusemax.cascade.rules import check_rules

SUFFIX = ".cascade"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "catalogue", "cascades")


@cache
def catalogue() -> tuple[str, ...]:
    """The names of the cascades that ship, sorted."""
    return tuple(sorted(name.removesuffix(SUFFIX) for name in os.listdir(FOLDER) if name.endswith(SUFFIX)))


def load(reference: str, functions: Mapping[str, UserFunction] | None = None) -> Cascade:
    """Read a legal cascade: `-`, a catalogue name, or else a file's path.

    A file of that name wins over the catalogue. `functions` are registered ones, as in `parse`. Raises
    `FileError` (with the nearest catalogue name when the reference looks like one), `SourceError` or `SourceErrors`.
    """
    return check_rules(parse(*_text(reference), functions))


def _text(reference: str) -> tuple[str, str]:
    if reference in catalogue() and (os.path.isdir(reference) or not os.path.exists(reference)):
        file = f"{reference}{SUFFIX}"
        return read_text(os.path.join(FOLDER, file), MAX_BYTES), file
    try:
        return read_text(reference, MAX_BYTES), reference
    except FileError as error:
        near = nearest(reference, catalogue()) if "/" not in reference else None
        reason = f"{error.reason} (did you mean the catalogue's '{near}'?)" if near else error.reason
        raise FileError(reference, reason) from None
    except SourceError as error:
        if "bytes" in error.message and "over" in error.message:
            error = SourceError("the file is larger than 1 MiB", reference, 1, 1, 1, error.source_line)
        raise error from None
