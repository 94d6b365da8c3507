"""Sums, scans, linear attention and state-space recurrences (by their closed forms), quantised products."""

from __future__ import annotations

import numpy as np

from tests.catalogue.references.registry import Array, Case, reference
from tests.catalogue.references.statistics import rmsnorm


@reference("c1_pedagogical", "c2_deferred", "c3_iterative", "c3_prefix")
def pedagogical(c: Case) -> dict[str, Array]:
    return {"Z": (c["A"] @ c["B"]) * c["A"].sum()}


@reference("two_sweeps")
def two_sweeps(c: Case) -> dict[str, Array]:
    return {"Z": (c["A"] @ c["B"]) * c["C"].sum()}


@reference("crossed_sweeps")
def crossed_sweeps(c: Case) -> dict[str, Array]:
    return {"Z": c["A"].sum() ** 2 * c["C"].sum()}


@reference("stencil")
def stencil(c: Case) -> dict[str, Array]:
    a = c["A"]
    return {"Z": a @ (a + np.roll(a, -1) + np.roll(a, -2))}


@reference("prefix_sum")
def prefix_sum(c: Case) -> dict[str, Array]:
    return {"S": np.cumsum(c["A"])}


@reference("prefix_sum_iterative")
def prefix_sum_iterative(c: Case) -> dict[str, Array]:
    return {"Y": np.cumsum(c["A"])}


@reference("prefix_sum_normalised")
def prefix_sum_normalised(c: Case) -> dict[str, Array]:
    return {"Y": np.cumsum(c["A"]) / c["A"].sum()}


@reference("product_of_others")
def product_of_others(c: Case) -> dict[str, Array]:
    return {"Y": np.array([np.delete(c["X"], i).prod() for i in range(c.sizes["I"])])}


@reference("discounted_return")
def discounted_return(c: Case) -> dict[str, Array]:
    i = np.arange(c.sizes["I"])
    ahead = i[None, :] - i[:, None]
    return {"Y": np.where(ahead >= 0, c.parameters["GAMMA"] ** np.maximum(ahead, 0), 0) @ c["X"]}


@reference("power_iteration")
def power_iteration(c: Case) -> dict[str, Array]:
    return {"Y": np.linalg.matrix_power(c["A"], c.sizes["I"]) @ c["X0"]}


# ----------------------------------------------------------------------------- linear attention, recurrences


def decayed(q: Array, k: Array, v: Array, log_decay: Array) -> Array:
    """O[f, i] = sum over u <= i, e of q[e, i] exp(sum of log_decay[e, u+1 .. i]) k[e, u] v[f, u]."""
    size = q.shape[1]
    out = np.zeros((v.shape[0], size))
    for i in range(size):
        for u in range(i + 1):
            decay = np.exp(log_decay[:, u + 1 : i + 1].sum(axis=1))
            out[:, i] += (q[:, i] * decay) @ k[:, u] * v[:, u]
    return out


@reference("linattn_noncausal")
def linear_attention(c: Case) -> dict[str, Array]:
    q, k = (np.maximum(c[name], 0) + 1 for name in "QK")
    weights = k.T @ q
    return {"AV": c["V"] @ (weights / weights.sum(axis=0))}


@reference("linattn_causal")
def causal_linear_attention(c: Case) -> dict[str, Array]:
    q, k = (np.maximum(c[name], 0) + 1 for name in "QK")
    weights = np.triu(k.T @ q)
    return {"O": c["V"] @ (weights / weights.sum(axis=0))}


@reference("linattn_causal_chunked")
def causal_linear_attention_plain(c: Case) -> dict[str, Array]:
    return {"O": c["V"] @ np.triu(c["K"].T @ c["Q"])}


@reference("linattn_bwd")
def causal_linear_attention_backward(c: Case) -> dict[str, Array]:
    """Gradients of O = V W, W[u, i] = k_u . q_i for u <= i."""
    dw = np.triu(c["V"].T @ c["DO"])
    return {"DQ": c["K"] @ dw, "DK": c["Q"] @ dw.T, "DV": c["DO"] @ np.triu(c["K"].T @ c["Q"]).T}


@reference("retention")
def retention(c: Case) -> dict[str, Array]:
    decay = np.full(c["Q"].shape, np.log(c.parameters["GAMMA"]))
    return {"O": decayed(c["Q"], c["K"], c["V"], decay)}


@reference("gla_recurrent", "gla_chunked")
def gated_linear_attention(c: Case) -> dict[str, Array]:
    return {"O": decayed(c["Q"], c["K"], c["V"], c["LG"])}


@reference("mamba2_ssd_recurrent", "mamba2_ssd_quadratic", "mamba2_ssd_chunked")
def state_space_duality(c: Case) -> dict[str, Array]:
    decay = np.broadcast_to(c["LA"], c["C"].shape)
    return {"Y": decayed(c["C"], c["B"], c["X"], decay)}


@reference("delta_rule", "gated_delta_rule")
def delta_rule(c: Case) -> dict[str, Array]:
    """S <- exp(LA) S (1 - beta k k') + beta v k'; O = S q, with matrices."""
    k, v, size = c["K"], c["V"], c.sizes["I"]
    gate = np.exp(c.arrays.get("LA", np.zeros(size)))
    state = np.zeros((c.sizes["F"], c.sizes["E"]))
    out = np.empty((c.sizes["F"], size))
    for i in range(size):
        beta = c["BETA"][i]
        erase = np.eye(c.sizes["E"]) - beta * np.outer(k[:, i], k[:, i])
        state = gate[i] * state @ erase + beta * np.outer(v[:, i], k[:, i])
        out[:, i] = state @ c["Q"][:, i]
    return {"O": out}


@reference("rwkv_wkv")
def rwkv(c: Case) -> dict[str, Array]:
    k, v, size = c["K"], c["V"], c.sizes["I"]
    out = np.empty_like(v)
    for i in range(size):
        distance = i - 1 - np.arange(i)
        past = np.exp(k[:, :i] - distance * c["W"][:, None])
        now = np.exp(c["U"] + k[:, i])
        out[:, i] = ((past * v[:, :i]).sum(axis=1) + now * v[:, i]) / (past.sum(axis=1) + now)
    return {"Y": out}


# ------------------------------------------------------------------------------------- quantised products


@reference("quant_matmul_groupwise")
def group_wise(c: Case) -> dict[str, Array]:
    """Dequantise the weights, then multiply."""
    inner = c.sizes["K0"]
    weights = (c["WQ"] - np.repeat(c["ZP"], inner, axis=0)) * np.repeat(c["SC"], inner, axis=0)
    return {"Y": c["X"] @ weights}


def quantised_product(x: Array, weights: Array, largest: float) -> Array:
    scale = np.abs(x).max(axis=1, keepdims=True) / largest
    product: Array = (np.round(x / scale) * scale) @ weights
    return product


@reference("quant_matmul_dynamic")
def token_wise(c: Case) -> dict[str, Array]:
    return {"Y": quantised_product(c["X"], c["W"], c.parameters["QMAX"])}


@reference("quant_matmul_rmsnorm")
def normalised_token_wise(c: Case) -> dict[str, Array]:
    return {"Y": quantised_product(rmsnorm(c), c["W"], c.parameters["QMAX"])}


@reference("mx_matmul")
def microscaling(c: Case) -> dict[str, Array]:
    """Each block is rounded to multiples of 1/STEP of its own power of two."""
    blocks = c["X"].reshape(c.sizes["T"], c.sizes["K1"], c.sizes["K0"])
    exponent = np.floor(np.log2(np.abs(blocks).max(axis=2, keepdims=True)))
    unit = 2.0 ** (exponent - c.parameters["EMAX"]) / c.parameters["STEP"]
    rounded = np.round(blocks / unit) * unit
    return {"Y": rounded.reshape(c["X"].shape) @ c["W"]}
