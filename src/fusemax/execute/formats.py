"""Number formats: how a value is kept, and how it is rounded to what the format can hold.

float16 and bfloat16 values are kept as float32 numbers that the format can hold: an Einsum computes in float32
and its result is rounded once, as a unit with wide internal registers does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import MissingExtra, UnknownName

FORMATS = ("float64", "float32", "float16", "bfloat16")
PIECE = 1 << 20
"""Values are rounded so many at a time."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Format:
    """A number format: `storage` holds its values, `narrow` is its own dtype when that is another one."""

    name: str
    storage: np.dtype[Any]
    narrow: np.dtype[Any] | None = None

    def round(self, values: Array) -> None:
        """Round `values` in place to what the format can hold (ties to even, overflow to infinity)."""
        if self.narrow is None:
            return
        if values.size > PIECE and values.ndim:
            longest = max(range(values.ndim), key=lambda axis: values.shape[axis])
            for part in np.array_split(np.moveaxis(values, longest, 0), -(-values.size // PIECE)):
                self.round(part)
        else:
            values[...] = values.astype(self.narrow).astype(self.storage)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The format's own dtype."""
        return self.narrow or self.storage


def number_format(name: str) -> Format:
    """The format of a name in `FORMATS`; UnknownName for another, MissingExtra when bfloat16 needs ml_dtypes."""
    match name:
        case "float64" | "float32":
            return Format(name, np.dtype(name))
        case "float16":
            return Format(name, np.dtype("float32"), np.dtype("float16"))
        case "bfloat16":
            try:
                import ml_dtypes
            except ImportError as error:
                raise MissingExtra("ml_dtypes", "formats") from error
            return Format(name, np.dtype("float32"), np.dtype(ml_dtypes.bfloat16))
        case _:
            raise UnknownName("number format", name, FORMATS)
