"""At which steps of a run a running tensor moves, and for which of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusemax.base.errors import UnknownName
from fusemax.cascade.ir import Cascade, Einsum
from fusemax.execute.run import run

__all__ = ["moves"]

Flags = NDArray[np.bool_]


def moves(
    cascade: Cascade, tensor: str, inputs: Mapping[str, ArrayLike], *, sizes: Mapping[str, int] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> Flags:  # fmt: skip
    """Whether a running tensor's value changes at each step: an array of (steps, cells of the tensor).

    The cascade is executed; from its first value (-inf of a running maximum) a tensor moves at the first step. Raises
    UnknownName for a tensor no iteration writes, and what `run` raises.
    """
    running = {e.tensor for s in cascade.sections if s.kind == "iterate" for e in s.einsums}
    if tensor not in running:
        raise UnknownName("running tensor", tensor, running)
    last: dict[str, NDArray[Any]] = {}
    found: list[Flags] = []

    def observe(einsum: Einsum, step: int | None, cells: NDArray[Any]) -> None:
        if einsum.tensor == tensor:
            now = np.array(cells, dtype=np.float64).ravel()
            if step is not None:
                found.append(now != last["value"] if "value" in last else np.ones(now.shape, dtype=bool))
                last["value"] = now

    run(cascade, inputs, sizes=sizes, parameters=parameters, observer=observe)
    return np.array(found)
