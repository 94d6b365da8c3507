"""What a word on the command line may stand for."""

from __future__ import annotations

import os

from fusemax.cascade.ir import Cascade, Einsum
from fusemax.cascade.load import catalogue, load
from fusemax.cascade.parse import parse_einsum


def cascade_or_einsum(reference: str) -> Cascade | Einsum:
    """A cascade by file, `-` or catalogue name; or, when `=` is in it and no file has that name, a bare Einsum.

    Raises `FileError`, `SourceError` or `SourceErrors`.
    """
    if "=" in reference and reference not in catalogue() and not os.path.exists(reference):
        return parse_einsum(reference)
    return load(reference)
