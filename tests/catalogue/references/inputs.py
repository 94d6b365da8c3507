"""Inputs a reference makes sense on: random, and where a cascade asks for it, of the right kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from fusemax.cascade import Cascade
from fusemax.cascade.ranks import rank_of_variable
from tests.catalogue.references.registry import Array, logsumexp, softmax

Random = np.random.Generator
Maker = Callable[[Random, dict[str, Array], Mapping[str, int]], dict[str, Array]]


def _below(rank: str, *names: str) -> Maker:
    """Integers below a rank's size: labels, page numbers."""
    return lambda random, a, sizes: {n: random.integers(0, sizes[rank], a[n].shape).astype(float) for n in names}


def _negative(*names: str) -> Maker:
    return lambda random, a, sizes: {n: -np.abs(a[n]) for n in names}


def _positive(*names: str) -> Maker:
    return lambda random, a, sizes: {n: np.abs(a[n]) for n in names}


def _shares(*names: str) -> Maker:
    """Numbers between 0 and 1."""
    return lambda random, a, sizes: {n: random.random(a[n].shape) for n in names}


def _mask(random: Random, a: dict[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    keep = random.random(a["MASK"].shape) < 0.7
    keep[0] = True  # a query that may see nothing has no softmax
    return {"MASK": np.where(keep, 0.0, -np.inf)}


def _forward(random: Random, a: dict[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """What the backward saves from the forward: output and log-sum-exp."""
    s = a["K"].T @ a["Q"]
    saved = {"O": a["V"] @ softmax(s, 0), "L": logsumexp(s, 0)}
    return {name: saved[name] for name in saved if name in a}


def _labels(random: Random, a: dict[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """Tokens of masked_mean: padding (-1), end marker (2), and others."""
    return {"L": random.integers(-1, 4, a["L"].shape).astype(float)}


def _codes(random: Random, a: dict[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """4-bit weights with a positive scale and an integer zero point per group."""
    whole = {n: random.integers(0, 16, a[n].shape).astype(float) for n in ("WQ", "ZP")}
    return {**whole, "SC": np.abs(a["SC"])}


MAKERS: dict[str, Maker] = {
    "accuracy": lambda random, a, sizes: {n: 2 * a[n] for n in a},
    "attn_alibi_3pass": _positive("SLOPE"),
    "attn_alibi_softcap_1pass": _positive("SLOPE"),
    "attn_bwd_fa": _forward,
    "attn_bwd_lse": _forward,
    "attn_et": _mask,
    "attn_paged_1pass": _below("B", "TABLE"),
    "c3_iterative": _positive("A", "B"),  # a zero prefix is outside its domain
    "cross_entropy_linear": _below("V", "LAB"),
    "cross_entropy_linear_1pass": _below("V", "LAB"),
    "delta_rule": _shares("BETA"),
    "gated_delta_rule": lambda random, a, sizes: {"LA": -np.abs(a["LA"]), "BETA": random.random(a["BETA"].shape)},
    "gla_chunked": _negative("LG"),
    "gla_recurrent": _negative("LG"),
    "mamba2_ssd_chunked": _negative("LA"),
    "mamba2_ssd_quadratic": _negative("LA"),
    "mamba2_ssd_recurrent": _negative("LA"),
    "masked_mean": _labels,
    "prefix_sum_normalised": _positive("A"),
    "quant_matmul_groupwise": _codes,
    "rwkv_wkv": _positive("W"),
    "softmax_bwd": lambda random, a, sizes: {"A": softmax(a["A"], 0)},
}


def make_inputs(cascade: Cascade, sizes: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Normally distributed arrays, replaced where the cascade's domain is another."""
    random = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    for declaration in cascade.inputs:
        shape = [sizes[rank_of_variable(cascade, v)] for v in declaration.variables]
        arrays[declaration.tensor] = np.asarray(random.standard_normal(shape))
    maker = MAKERS.get(cascade.name)
    return arrays if maker is None else {**arrays, **maker(random, arrays, sizes)}
