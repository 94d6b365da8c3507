"""The executor against hand-written NumPy of the same loop: E = F = 64, M = P = 4096, float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case
from fusemax.cascade import load
from fusemax.execute import run

Array = NDArray[Any]
E = F = 64
M = P = 4096
M0 = 256


def three_pass(q: Array, k: Array, v: Array) -> Array:
    """As one writes it: a few whole arrays, in place where NumPy makes that easy."""
    qk = k.T @ q
    gm = qk.max(axis=0)
    sn = np.exp(qk - gm)
    sd = sn.sum(axis=0)
    a = sn / sd
    return np.asarray(v @ a)


def three_pass_in_place(q: Array, k: Array, v: Array) -> Array:
    """The same with one large array."""
    qk = k.T @ q
    qk -= qk.max(axis=0)
    np.exp(qk, out=qk)
    qk /= qk.sum(axis=0)
    return np.asarray(v @ qk)


def one_pass(q: Array, k: Array, v: Array) -> Array:
    """FuseMax's loop over tiles of M0 keys, with the running maximum, denominator and numerator."""
    maximum = np.full(P, -np.inf, np.float32)
    denominator = np.zeros(P, np.float32)
    numerator = np.zeros((F, P), np.float32)
    for start in range(0, M, M0):
        tile = slice(start, start + M0)
        scores = k[:, tile].T @ q
        new = np.maximum(maximum, scores.max(axis=0))
        scores -= new
        np.exp(scores, out=scores)
        correction = np.exp(maximum - new)
        denominator = denominator * correction + scores.sum(axis=0)
        numerator = numerator * correction + v[:, tile] @ scores
        maximum = new
    return np.asarray(numerator / denominator)


def cases() -> list[Case]:
    """Two cascades against their loops."""
    generator = np.random.default_rng(0)
    q, k, v = (generator.standard_normal((n, m), dtype=np.float32) for n, m in ((E, P), (E, M), (F, M)))
    inputs = {"Q": q, "K": k, "V": v}

    def case(cascade: str, name: str, baseline: Any, at_most: float, sizes: dict[str, int]) -> Case:
        c = load(cascade)
        return Case(
            name=f"`{cascade}`, float32",
            baseline_name=name,
            ours=lambda: run(c, inputs, sizes=sizes, dtype="float32"),
            baseline=lambda: baseline(q, k, v),
            at_most=at_most,
            memory_at_most=1.5,
        )

    return [
        case("attn_3pass", "NumPy, 6 lines", three_pass, 1.5, {}),
        case("attn_3pass", "NumPy, in place", three_pass_in_place, 1.5, {}),
        case("attn_1pass_fusemax", "NumPy, loop over tiles of 256", one_pass, 2, {"M0": M0}),
    ]
