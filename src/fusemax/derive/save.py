"""Write sample inputs where `fusemax run --inputs` finds them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from fusemax.base.files import write_atomically
from fusemax.derive.samples import Sample


def save_inputs(path: str, sample: Sample) -> None:
    """One array per input under its name, as .npz; whole or not at all."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = dict(sample.inputs)
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
