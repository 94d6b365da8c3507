"""Write sample inputs where `fusemax run --inputs` finds them."""

from __future__ import annotations

import io

import numpy as np

from fusemax.base.files import write_atomically
from fusemax.derive.samples import Sample


def save_inputs(path: str, sample: Sample) -> None:
    """One array per input under its name, as .npz; whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **sample.inputs)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())
