"""Number formats of words: float32, bfloat16, float16, held in float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UnknownName

__all__ = ["FORMATS", "format_number", "to_words"]

FORMATS = ("float32", "bfloat16", "float16")


def format_number(words: str) -> int:
    """The engine's number of a format; UnknownName for another."""
    if words not in FORMATS:
        raise UnknownName("number format", words, FORMATS)
    return FORMATS.index(words)


def to_words(values: NDArray[np.float32], words: str) -> NDArray[np.float32]:
    """Each value to the nearest word of the format, ties to even."""
    if words == "float16":
        with np.errstate(over="ignore", under="ignore"):
            return values.astype(np.float16).astype(np.float32)
    if words == "bfloat16":
        bits = values.astype(np.float32).view(np.uint32)
        rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
        return np.where(np.isnan(values), values, rounded.view(np.float32)).astype(np.float32)
    return values.astype(np.float32)
