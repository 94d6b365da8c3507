"""Reference implementations: which function a catalogue cascade computes, in plain NumPy float64.

Each is written from the published formula, not from the cascade, so that the two are independent; cascades
that compute the same function share one. A reference maps (inputs, sizes, parameters) to the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """What a reference is given: arrays by input name (`case["Q"]`), sizes by rank, parameters by name."""

    arrays: Mapping[str, Array]
    sizes: Mapping[str, int]
    parameters: Mapping[str, float]

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]


Reference = Callable[[Case], dict[str, Array]]
REFERENCES: dict[str, Reference] = {}


def reference(*names: str) -> Callable[[Reference], Reference]:
    """Register one function for all cascades that compute it."""

    def register(function: Reference) -> Reference:
        for name in names:
            assert name not in REFERENCES, name
            REFERENCES[name] = function
        return function

    return register


def softmax(x: Array, axis: int) -> Array:
    weights: Array = np.exp(x - x.max(axis=axis, keepdims=True))
    weights /= weights.sum(axis=axis, keepdims=True)
    return weights


def logsumexp(x: Array, axis: int) -> Array:
    top = x.max(axis=axis, keepdims=True)
    total: Array = np.log(np.exp(x - top).sum(axis=axis)) + np.squeeze(top, axis)
    return total
