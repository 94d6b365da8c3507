"""Moments, norms, normalisation layers, and small reductions."""

from __future__ import annotations

import numpy as np

from tests.catalogue.references.registry import Array, Case, reference


@reference("variance_welford", "variance_2pass", "variance_moments", "variance_split")
def variance(c: Case) -> dict[str, Array]:
    return {"VAR": ((c["X"] - c["X"].mean()) ** 2).mean()}


@reference("fourth_central_moment")
def fourth_central_moment(c: Case) -> dict[str, Array]:
    return {"Y": ((c["X"] - c["X"].mean()) ** 4).mean()}


@reference("mad")
def mean_absolute_deviation(c: Case) -> dict[str, Array]:
    return {"Y": np.abs(c["X"] - c["X"].mean()).mean()}


@reference("gaussian_nll")
def gaussian_nll(c: Case) -> dict[str, Array]:
    x, var = c["X"], np.var(c["X"])
    return {"L": (0.5 * np.log(2 * np.pi * var) + (x - x.mean()) ** 2 / (2 * var)).sum()}


@reference("geometric_mean")
def geometric_mean(c: Case) -> dict[str, Array]:
    return {"Y": np.exp(np.log(np.abs(c["X"])).mean())}


@reference("minmax_normalise")
def minmax(c: Case) -> dict[str, Array]:
    return {"Y": (c["X"] - c["X"].min()) / np.ptp(c["X"])}


@reference("minmax_sum", "minmax_sum_1pass")
def minmax_sum(c: Case) -> dict[str, Array]:
    return {"Z": (c["X"] - c["X"].min()) / np.ptp(c["X"]) @ c["W"]}


@reference("clipped_sum")
def clipped_sum(c: Case) -> dict[str, Array]:
    x, w = c["X"], c.parameters["W"]
    middle = (x.min(axis=1, keepdims=True) + x.max(axis=1, keepdims=True)) / 2
    return {"Y": np.clip(x - middle, -w, w).sum(axis=1)}


@reference("masked_mean")
def masked_mean(c: Case) -> dict[str, Array]:
    real = ~np.isin(c["L"], [c.parameters["PAD"], c.parameters["EOS"]])
    out = np.zeros_like(c["X"])
    if real.any():
        out[real] = c["X"][real] - c["X"][real].mean(axis=0)
    return {"Y": out}


@reference("accuracy")
def accuracy(c: Case) -> dict[str, Array]:
    a, b = c["A"], c["B"]
    same = np.round(a) == np.round(b)
    return {"Y": np.mean(same.astype(float)), "Z": np.mean((~same & (a < b)).astype(float))}


@reference("activations")
def activations(c: Case) -> dict[str, Array]:
    x = c["X"]
    return {
        "Y": x / (1 + np.exp(-x)) + np.tanh(x / 2),
        "Z": np.round(np.clip(4 * x, -7, 7)) / 4,
        "W": np.trunc(x),
    }


@reference("minimax_value")
def minimax(c: Case) -> dict[str, Array]:
    return {"Y": c["X"].max(axis=1).min(), "Z": c["X"].sum(axis=1).prod()}


@reference("row_norm")
def row_norm(c: Case) -> dict[str, Array]:
    return {"Y": np.float64(np.linalg.norm(c["X"], np.inf)) * np.ones(())}


# ----------------------------------------------------------------------------------- normalisation layers


def layernorm(c: Case) -> Array:
    x = c["X"]
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    normed: Array = (x - mean) / np.sqrt(var + c.parameters["EPS"])
    return normed * c["G"] + c["B"]


def rmsnorm(c: Case) -> Array:
    x = c["X"]
    size: Array = np.sqrt((x**2).mean(axis=1, keepdims=True) + c.parameters["EPS"])
    return x / size * c["G"]


@reference("layernorm_3pass")
def layernorm_output(c: Case) -> dict[str, Array]:
    return {"Y": layernorm(c)}


@reference("layernorm_matmul", "layernorm_matmul_1pass")
def layernorm_product(c: Case) -> dict[str, Array]:
    return {"Z": layernorm(c) @ c["W"]}


@reference("layernorm_bwd")
def layernorm_backward(c: Case) -> dict[str, Array]:
    """By the Jacobian of one row: d y_a / d x_b = rstd * (delta_ab - 1/D - xhat_a xhat_b / D)."""
    size = c.sizes["D"]
    out = np.empty_like(c["X"])
    for n in range(c.sizes["N"]):
        xhat = (c["X"][n] - c["MU"][n]) * c["RSTD"][n]
        jacobian = c["RSTD"][n] * (np.eye(size) - (1 + np.outer(xhat, xhat)) / size)
        out[n] = jacobian.T @ (c["DY"][n] * c["G"])
    return {"DX": out}


@reference("rmsnorm_2pass")
def rmsnorm_output(c: Case) -> dict[str, Array]:
    return {"Y": rmsnorm(c)}


@reference("rmsnorm_matmul", "rmsnorm_matmul_1pass")
def rmsnorm_product(c: Case) -> dict[str, Array]:
    return {"Z": rmsnorm(c) @ c["W"]}


@reference("batch_norm")
def batch_norm(c: Case) -> dict[str, Array]:
    x = c["X"]
    mean, var = x.mean(axis=(0, 2), keepdims=True), x.var(axis=(0, 2), keepdims=True)
    normed = (x - mean) / np.sqrt(var + c.parameters["EPS"])
    return {"Y": normed * c["G"][:, None] + c["H"][:, None]}


@reference("group_norm")
def group_norm(c: Case) -> dict[str, Array]:
    x = c["X"].reshape(c.sizes["N"], c.sizes["C1"], -1)
    normed = (x - x.mean(axis=2, keepdims=True)) / np.sqrt(x.var(axis=2, keepdims=True) + c.parameters["EPS"])
    return {"Y": normed.reshape(c["X"].shape) * c["A"][:, None] + c["B"][:, None]}


@reference("cosine_similarity", "cosine_similarity_1pass")
def cosine_similarity(c: Case) -> dict[str, Array]:
    x, y = (c[name] / np.linalg.norm(c[name], axis=0) for name in "XY")
    return {"C": y.T @ x}
