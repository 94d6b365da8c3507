"""Softmax attention and its masks, heads and normalisers. Layout as in the catalogue: Q[e, p], K[e, m], V[f, m]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.catalogue.references.registry import Array, Case, logsumexp, reference, softmax


def scores(c: Case) -> Array:
    """S[m, p] = scale * K' Q."""
    return c.parameters.get("SCALE", 1.0) * c["K"].T @ c["Q"]


def attend(weights: Array, values: Array) -> dict[str, Array]:
    return {"AV": values @ weights}


def coordinates(c: Case) -> tuple[Array, Array]:
    """m as a column and p as a row."""
    return np.arange(c.sizes["M"])[:, None].astype(float), np.arange(c.sizes["P"])[None, :].astype(float)


@reference(
    "attn_naive",
    "attn_naive_deferred",
    "attn_3pass",
    "attn_3pass_deferred",
    "attn_3pass_scaled",
    "attn_flat",
    "attn_2pass_choi",
    "attn_2pass_tileflow",
    "attn_1pass_fa1",
    "attn_1pass_fusemax",
    "attn_1pass_rabe_staats",
    "attn_1pass_fa4",
    "attn_1pass_flashd",
    "attn_splitk",
    "attn_splitk_stream",
    "attn_hier_splitk",
)
def scaled_dot_product(c: Case) -> dict[str, Array]:
    return attend(softmax(scores(c), 0), c["V"])


@reference("attn_1pass_lse")
def with_log_sum_exp(c: Case) -> dict[str, Array]:
    s = scores(c)
    return {"AV": c["V"] @ softmax(s, 0), "L": logsumexp(s, 0)}


@reference("attn_et")
def additive_mask(c: Case) -> dict[str, Array]:
    return attend(softmax(scores(c) + c["MASK"], 0), c["V"])


@reference("attn_batched_3pass")
def batched(c: Case) -> dict[str, Array]:
    weights = softmax(np.einsum("bhep,bhem->bhmp", c["Q"], c["K"]), 2)
    return {"AV": np.einsum("bhmp,bhfm->bhfp", weights, c["V"])}


@reference("attn_ring")
def blocks_of_queries(c: Case) -> dict[str, Array]:
    weights = softmax(np.einsum("enp,em->nmp", c["Q"], c["K"]), 1)
    return {"AV": np.einsum("nmp,fm->fnp", weights, c["V"])}


@reference("attn_paged_1pass")
def through_a_page_table(c: Case) -> dict[str, Array]:
    pages = c["TABLE"].astype(int)
    keys = np.concatenate([c["K"][:, page, :] for page in pages], axis=1)
    values = np.concatenate([c["V"][:, page, :] for page in pages], axis=1)
    return attend(softmax(keys.T @ c["Q"], 0), values)


# ------------------------------------------------------------------------------------------------- masks


def masked(c: Case, keep: NDArray[np.bool_]) -> dict[str, Array]:
    return attend(softmax(np.where(keep, scores(c), -np.inf), 0), c["V"])


@reference("attn_causal_3pass", "attn_causal_1pass", "attn_causal_filter")
def causal(c: Case) -> dict[str, Array]:
    m, p = coordinates(c)
    return masked(c, m <= p)


@reference("attn_window_1pass", "attn_window_3pass")
def causal_window(c: Case) -> dict[str, Array]:
    m, p = coordinates(c)
    return masked(c, (m <= p) & (p - m < c.parameters["WIN"]))


@reference("attn_streaming_llm")
def sink_tokens_and_window(c: Case) -> dict[str, Array]:
    m, p = coordinates(c)
    near = (p - m < c.parameters["WIN"]) | (m < c.parameters["SINKS"])
    return masked(c, (m <= p) & near)


@reference("attn_longformer_3pass")
def local_and_global(c: Case) -> dict[str, Array]:
    m, p = coordinates(c)
    everywhere = c.parameters["GLOBAL"]
    return masked(c, (m < everywhere) | (p < everywhere) | (np.abs(p - m) <= c.parameters["WIN"]))


@reference("attn_softcap_3pass")
def soft_capped(c: Case) -> dict[str, Array]:
    cap = c.parameters["CAP"]
    return attend(softmax(cap * np.tanh(scores(c) / cap), 0), c["V"])


# ------------------------------------------------------------------------------------------------- heads


def per_head(c: Case, biased: Array) -> dict[str, Array]:
    return {"AV": np.einsum("hmp,fhm->fhp", softmax(biased, 1), c["V"])}


def head_scores(c: Case) -> Array:
    found: Array = c.parameters.get("SCALE", 1.0) * np.einsum("ehp,ehm->hmp", c["Q"], c["K"])
    return found


@reference("attn_alibi_3pass", "attn_alibi_softcap_1pass")
def linear_biases(c: Case) -> dict[str, Array]:
    m, p = coordinates(c)
    cap = c.parameters.get("CAP", np.inf)
    s = head_scores(c)
    capped = s if np.isinf(cap) else cap * np.tanh(s / cap)
    return per_head(c, np.where(m <= p, capped - c["SLOPE"][:, None, None] * (p - m), -np.inf))


@reference("attn_sinks_3pass", "attn_sinks_1pass")
def sink_logits(c: Case) -> dict[str, Array]:
    """The sink is one more key whose value is zero."""
    s = head_scores(c)
    sink = np.broadcast_to(c["SINK"][:, None, None], (s.shape[0], 1, s.shape[2]))
    weights = softmax(np.concatenate([s, sink], axis=1), 1)[:, :-1]
    return {"AV": np.einsum("hmp,fhm->fhp", weights, c["V"])}


@reference("attn_gqa_1pass", "attn_gqa_3pass")
def grouped_queries(c: Case) -> dict[str, Array]:
    weights = softmax(np.einsum("egrp,egm->grmp", c["Q"], c["K"]), 2)
    return {"AV": np.einsum("grmp,fgm->fgrp", weights, c["V"])}


@reference("attn_mla_3pass", "attn_mla_explicit_3pass", "attn_mla_1pass")
def latent(c: Case) -> dict[str, Array]:
    """From the definition: keys and values are expanded from the latent, the rotary part is shared."""
    keys = np.einsum("cdh,cm->dhm", c["WUK"], c["CKV"])
    values = np.einsum("cfh,cm->fhm", c["WUV"], c["CKV"])
    s = np.einsum("dhp,dhm->hmp", c["QN"], keys) + np.einsum("rhp,rm->hmp", c["QR"], c["KR"])
    return {"AV": np.einsum("hmp,fhm->fhp", softmax(c.parameters["SCALE"] * s, 1), values)}


@reference("attn_differential_3pass", "attn_differential_1pass")
def differential(c: Case) -> dict[str, Array]:
    scale = c.parameters["SCALE"]
    first, second = (softmax(scale * c[k].T @ c[q], 0) for q, k in (("Q1", "K1"), ("Q2", "K2")))
    return attend(first - c.parameters["LAMBDA"] * second, c["V"])


# -------------------------------------------------------------------------------------- other normalisers


@reference("attn_softermax_1pass")
def base_two(c: Case) -> dict[str, Array]:
    return attend(softmax(np.log(2) * scores(c), 0), c["V"])


@reference("attn_sigmoid")
def sigmoid_weights(c: Case) -> dict[str, Array]:
    return attend(1 / (1 + c.sizes["M"] * np.exp(-scores(c))), c["V"])


@reference("attn_qknorm_3pass")
def normalised_queries_and_keys(c: Case) -> dict[str, Array]:
    def unit(x: Array) -> Array:
        norm: Array = np.sqrt((x**2).sum(axis=0, keepdims=True) + c.parameters["EPS"])
        return x / norm

    return attend(softmax(c.parameters["SCALE"] * unit(c["K"]).T @ unit(c["Q"]), 0), c["V"])


@reference("attn_stickbreaking")
def stick_breaking(c: Case) -> dict[str, Array]:
    """Weight of key m: its share times what all keys between it and the query left over."""
    beta = 1 / (1 + np.exp(-scores(c)))
    weights = np.zeros_like(beta)
    for p in range(c.sizes["P"]):
        for m in range(p):
            weights[m, p] = beta[m, p] * np.prod(1 - beta[m + 1 : p, p])
    return attend(weights, c["V"])


def project_to_simplex(x: Array) -> Array:
    """Michelot's method: drop what falls below the threshold until nothing does."""
    support = np.ones(len(x), dtype=bool)
    while True:
        threshold = (x[support].sum() - 1) / support.sum()
        smaller = support & (x > threshold)
        if (smaller == support).all():
            weights: Array = np.maximum(x - threshold, 0)
            return weights
        support = smaller


@reference("attn_sparsemax")
def sparse_weights(c: Case) -> dict[str, Array]:
    return attend(np.apply_along_axis(project_to_simplex, 0, scores(c)), c["V"])


@reference("attn_nsa_selected")
def selected_blocks(c: Case) -> dict[str, Array]:
    """Score the mean key of each block, keep the best S blocks of each query, attend to their keys only."""
    blocks, inner = c.sizes["M1"], c.sizes["M0"]
    keys = c["K"].reshape(c.sizes["E"], blocks, inner)
    importance = np.einsum("ep,eb->bp", c["Q"], keys.mean(axis=2))
    kept = np.argsort(-importance, axis=0, kind="stable")[: c.sizes["S"]]
    out = np.empty((c.sizes["F"], c.sizes["P"]))
    for p in range(c.sizes["P"]):
        chosen = np.concatenate([np.arange(b * inner, (b + 1) * inner) for b in kept[:, p]])
        out[:, p] = c["V"][:, chosen] @ softmax(c["K"][:, chosen].T @ c["Q"][:, p], 0)
    return {"AV": out}


@reference("recurrent_decoder")
def recurrent_decoder(c: Case) -> dict[str, Array]:
    state = c["H0"]
    for _ in range(c.sizes["I"]):
        context = c["V"] @ softmax(c["K"].T @ state, 0)
        state = np.tanh(state + c["W"] @ context)
    return {"H": state}


# ------------------------------------------------------------------------------------------------ backward


@reference("attn_bwd_scratch", "attn_bwd_lse", "attn_bwd_fa")
def backward(c: Case) -> dict[str, Array]:
    """Gradients through the softmax Jacobian; where O and L are inputs they are the forward's."""
    a = softmax(scores(c), 0)
    da = c["V"].T @ c["DO"]
    ds = np.empty_like(a)
    for p in range(c.sizes["P"]):
        ds[:, p] = (np.diag(a[:, p]) - np.outer(a[:, p], a[:, p])) @ da[:, p]
    return {"DQ": c["K"] @ ds, "DK": c["Q"] @ ds.T, "DV": c["DO"] @ a.T}
