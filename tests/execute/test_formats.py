"""Number formats: every Einsum's result is rounded, accumulation can be wider or narrower."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from fusemax.base.errors import UnknownName
from fusemax.cascade import load
from fusemax.execute import run
from tests.execute.cases import agree, cascade, normal

NARROW: dict[str, Any] = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


@pytest.mark.parametrize("name", NARROW)
def test_results_are_numbers_of_the_format(name: str) -> None:
    for reference in ("attn_3pass", "attn_1pass_fusemax", "layernorm_3pass", "moe_gate"):
        c = load(reference)
        for array in run(c, normal(c), dtype=name).values():
            assert array.dtype == np.float64
            np.testing.assert_array_equal(array, array.astype(NARROW[name]).astype(np.float64))


@pytest.mark.parametrize(("name", "tolerance"), [("float32", 1e-5), ("float16", 2e-2), ("bfloat16", 1e-1)])
def test_narrow_formats_stay_near(name: str, tolerance: float) -> None:
    for reference in ("attn_3pass", "attn_1pass_fusemax", "attn_window_1pass", "linattn_causal_chunked"):
        c = load(reference)
        inputs = normal(c)
        agree(run(c, inputs, dtype=name), run(c, inputs), tolerance)


@pytest.mark.parametrize("name", NARROW)
def test_every_einsum_rounds_once(name: str) -> None:
    c = cascade("input X[m]\noutput Y[m], Z[m]\nY[m] = X[m] / 3 + 1\nZ[m] = Y[m] * Y[m]\n")
    x = np.linspace(-1, 1, 41).astype(NARROW[name])
    wide = x.astype(np.float32)
    y = (wide / np.float32(3) + np.float32(1)).astype(NARROW[name]).astype(np.float32)
    z = (y * y).astype(NARROW[name])
    found = run(c, {"X": x.astype(np.float64)}, dtype=name)
    np.testing.assert_array_equal(found["Y"], y.astype(np.float64))
    np.testing.assert_array_equal(found["Z"], z.astype(np.float64))


def test_naive_attention_overflows_in_float16_and_the_stable_form_does_not() -> None:
    """Sec. IV-C: subtracting the maximum keeps the numerators in (0, 1]."""
    naive, stable = load("attn_naive"), load("attn_3pass")
    inputs = {"Q": np.full((4, 5), 2.0), "K": np.full((4, 12), 2.0), "V": np.ones((3, 12))}
    assert np.isnan(run(naive, inputs, dtype="float16")["AV"]).all()
    np.testing.assert_allclose(run(stable, inputs, dtype="float16")["AV"], 1, atol=1e-3)


@pytest.mark.parametrize(("name", "stuck"), [("float16", 2048), ("bfloat16", 256)])
def test_a_narrow_accumulator_stops_counting(name: str, stuck: int) -> None:
    c = cascade("input X[m], Y[n]\noutput S, P[n]\nS = X[m]\nP[n] = X[m] * Y[n]\n")
    inputs = {"X": np.ones(5000), "Y": np.ones(2)}
    narrow = run(c, inputs, accumulate=name)
    assert narrow["S"] == stuck
    assert narrow["P"].tolist() == [stuck] * 2
    assert run(c, inputs, dtype="float32")["S"] == 5000


def test_a_wide_accumulator_keeps_what_float32_loses() -> None:
    c = cascade("input A[m, k], B[k, n]\noutput Z[m, n]\nZ[m, n] = A[m, k] * B[k, n]\n")
    a, b = np.array([[1e8, 1.0, -1e8]]), np.ones((3, 1))
    assert run(c, {"A": a, "B": b}, dtype="float32", accumulate="float64")["Z"] == 1
    tiled = run(c, {"A": a, "B": b}, dtype="float32", accumulate="float64", budget_bytes=8)
    assert tiled["Z"] == 1


def test_coordinates_that_argtopk_gives_are_not_rounded() -> None:
    c = cascade("input X[m]\noutput I[j], T[j]\nsizes J = 2\nI[j] = X[m] :: argtopk(m, j)\nT[j] = X[I[j]]\n")
    x = np.zeros(4099)
    x[4097], x[4095] = 2, 1
    found = run(c, {"X": x}, dtype="bfloat16")
    assert found["I"].tolist() == [4097, 4095]
    assert found["T"].tolist() == [2, 1]


def test_unknown_formats_are_named() -> None:
    with pytest.raises(UnknownName, match=r"unknown number format 'float61' \(did you mean 'float64'\?\)"):
        run(load("attn_3pass"), {}, dtype="float61")
