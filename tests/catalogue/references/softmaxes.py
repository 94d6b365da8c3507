"""Softmax, log-sum-exp, losses built on them, and selections."""

from __future__ import annotations

import numpy as np

from tests.catalogue.references.attention import project_to_simplex
from tests.catalogue.references.registry import Array, Case, logsumexp, reference, softmax


@reference("softmax_3pass", "softmax_2pass_online", "softmax_naive", "softmax_2pass_extexp")
def plain_softmax(c: Case) -> dict[str, Array]:
    return {"A": softmax(c["X"], 0)}


@reference("softermax")
def base_two(c: Case) -> dict[str, Array]:
    return {"A": softmax(np.log(2) * c["X"], 0)}


@reference("log_softmax")
def log_softmax(c: Case) -> dict[str, Array]:
    return {"Y": np.log(softmax(c["X"], 0))}


@reference("softmax_topk_1pass")
def largest_probabilities(c: Case) -> dict[str, Array]:
    return {"T": np.sort(softmax(c["X"], 0))[::-1][: c.sizes["J"]]}


@reference("softmax_bwd")
def backward(c: Case) -> dict[str, Array]:
    a = c["A"]
    return {"DX": (np.diag(a) - np.outer(a, a)) @ c["DA"]}


@reference("logsumexp_2pass", "logsumexp_naive", "logsumexp_online", "logsumexp_split")
def log_sum_exp(c: Case) -> dict[str, Array]:
    return {"L": logsumexp(c["X"], 0)}


@reference("cross_entropy_linear", "cross_entropy_linear_1pass")
def cross_entropy(c: Case) -> dict[str, Array]:
    probabilities = softmax(c["W"].T @ c["X"], 0)
    labels = c["LAB"].astype(int)
    return {"L": -np.log(probabilities[labels, np.arange(len(labels))]).mean()}


@reference("softmax_entropy", "softmax_entropy_1pass")
def entropy(c: Case) -> dict[str, Array]:
    a = softmax(c["X"], 0)
    return {"H": -(a * np.log(a)).sum()}


@reference("kl_divergence")
def divergence(c: Case) -> dict[str, Array]:
    a, b = softmax(c["X"], 0), softmax(c["Y"], 0)
    return {"L": (a * np.log(a / b)).sum()}


@reference("perplexity")
def perplexity(c: Case) -> dict[str, Array]:
    a = np.abs(c["X"]) / np.abs(c["X"]).sum()
    entropy = -(a * np.log2(a)).sum()
    return {"H": entropy, "PP": 2**entropy}


@reference("sparsemax")
def sparsemax(c: Case) -> dict[str, Array]:
    return {"A": project_to_simplex(c["X"])}


@reference("median_selection")
def median(c: Case) -> dict[str, Array]:
    return {"Y": np.sort(c["X"])[c.sizes["M"] // 2]}


@reference("moe_gate")
def mixture_of_experts(c: Case) -> dict[str, Array]:
    s = c["R"] @ c["H"]
    out = np.empty((c.sizes["F"], c.sizes["T"]))
    for t in range(c.sizes["T"]):
        experts = np.argsort(-s[:, t], kind="stable")[: c.sizes["J"]]
        out[:, t] = softmax(s[experts, t], 0) @ c["W"][experts]
    return {"Y": out}
