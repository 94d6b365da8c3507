"""What memory is kept: windows of iterations, views, results in place of dead tensors, peak allocations."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from fusemax.cascade import load
from fusemax.cascade.ir import Cascade
from fusemax.cascade.sizes import resolve_sizes
from fusemax.execute import run
from fusemax.execute.layout import extents_of, statements
from fusemax.execute.lifetimes import windows
from tests.execute.cases import agree, cascade, normal, oracle_outputs, shapes


def windows_of(c: Cascade, **given: int) -> dict[str, tuple[int, int]]:
    sizes = resolve_sizes(c, None, given)
    parts = statements(c, sizes)
    return windows(c, sizes, parts, shapes(c, given) | extents_of(c, sizes, parts))


def test_running_tensors_keep_two_slabs_and_tiles_one() -> None:
    found = windows_of(load("attn_1pass_fusemax"))
    assert found == {
        "BQK": (0, 1), "LM": (0, 1), "RM": (0, 2), "SLN": (0, 1), "SLD": (0, 1), "SLNV": (1, 1), "PRM": (0, 1),
        "SPD": (0, 1), "RD": (0, 2), "SPNV": (1, 1), "RNV": (1, 2),
    }  # fmt: skip


HEAD = "input     X[i]\noutput    Z\nsizes     I = 9\n"


FIBONACCI = "init:\n  F[0] = 1\n  F[1] = 1\niterate i until I:\n  F[i+2] = F[i+1] + F[i] + X[i]\n"


@pytest.mark.parametrize(
    ("body", "window"),
    [
        (FIBONACCI + "then:\n  Z = F[I+1]\n", (0, 3)),
        (FIBONACCI + "then:\n  Z = F[I-1]\n", (0, 3)),
        (FIBONACCI + "then:\n  Z = F[I-3]\n", (0, 5)),
        (FIBONACCI.replace("F[i]", "F[0]") + "then:\n  Z = F[I+1]\n", None),
        ("init:\n  F[m2//1] = m2\niterate i until I:\n  F[i+2] = F[i+1] + F[i] + X[i]\nthen:\n  Z = F[I+1]\n", None),
        ("init:\n  F[I] = 1\niterate i downto 0:\n  F[i] = F[i+1] + X[i]\nthen:\n  Z = F[0]\n", (0, 2)),
        ("init:\n  F[I+1] = 1\n  F[I] = 2\niterate i downto 0:\n  F[i] = F[i+1] + F[i+2]\nthen:\n  Z = F[2] + X[i]\n",
         (0, 3)),
        ("init:\n  F[I] = 1\niterate i downto 0:\n  F[i] = F[i+1] + X[i]\nthen:\n  Z = F[i]\n", None),
        ("iterate i until I:\n  F[i] = X[i]\n  G[i] = F[i] * 2\nthen:\n  Z = G[I-1]\n", (0, 1)),
        ("iterate i until I:\n  F[i] = X[i]\n  G[i] = F[i//2] * 2\nthen:\n  Z = G[I-1]\n", None),
        ("iterate i until I:\n  F[i] = X[i]\niterate i downto 0:\n  G[i] = F[i] * 2\nthen:\n  Z = G[0]\n", None),
    ],
)  # fmt: skip
def test_windows_and_their_results(body: str, window: tuple[int, int] | None) -> None:
    c = cascade(HEAD.replace("I = 9", "I = 9, M2 = 2") + body)
    assert windows_of(c).get("F") == window
    inputs = normal(c)
    agree(run(c, inputs), oracle_outputs(c, inputs))


def test_a_dead_tensor_gives_its_memory_only_where_nothing_reads_it_later() -> None:
    c = cascade(
        "input X[m, p]\noutput Z[p], W[m, p]\nsizes M = 6, P = 4\n"
        "A[m, p] = X[m, p] + 1\nB[m, p] = exp(A[m, p] - A[m, p] * A[m, p]) + max(A[m, p], 0, A[m, p] - 1)\n"
        "C[m, p] = sigmoid(B[m, p])\nD[m, p] = expsub(C[m, p], B[m, p])\nE_[p, m] = C[m, p] / D[m, p]\n"
        "V[m, p] = where(D[m, p] > 1, C[m, p], D[m, p])\nW[m, p] = V[m, p] - V[m, p] * 2\nZ[p] = E_[p, m] * D[m, p]\n"
    )
    inputs = normal(c)
    agree(run(c, inputs), oracle_outputs(c, inputs))
    agree(run(c, inputs, budget_bytes=1), oracle_outputs(c, inputs))


def test_views_of_views_read_the_right_cells() -> None:
    c = cascade(
        "input X[m], Y[n, m]\noutput Z[m0, m1], W[m]\npartition M = M1 * M0\nsizes M = 12, M0 = 4, N = 2\n"
        "B[m1, m0] = X[m1*M0+m0]\nT[m0, m1] = B[m1, m0]\nR[m] = X[M-1-m]\nD[n, m] = Y[N-1-n, m]\n"
        "Z[m0, m1] = T[m0, m1] * 2\nW[m] = R[m] * D[n, m]\n"
    )
    inputs = normal(c)
    agree(run(c, inputs), oracle_outputs(c, inputs))


def peak(job: Any) -> int:
    tracemalloc.start()
    try:
        job()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "whole_tensors"), [("attn_3pass", 1), ("attn_1pass_fusemax", 0.5), ("attn_3pass_deferred", 1)]
)
def test_peak_memory_is_that_of_one_score_tensor(name: str, whole_tensors: float) -> None:
    c = load(name)
    sizes = {"E": 16, "F": 16, "M": 1024, "P": 1024} | ({"M0": 128} if "1pass" in name else {})
    inputs = normal(c, sizes=sizes)
    given = {"M0": 128} if "1pass" in name else None
    run(c, inputs, sizes=given)
    small = sum(array.nbytes for array in inputs.values())
    assert peak(lambda: run(c, inputs, sizes=given)) < whole_tensors * 1024 * 1024 * 8 + 4 * small + (4 << 20)


def test_the_budget_bounds_temporaries_of_a_statement_that_never_has_its_space() -> None:
    c = cascade("input A[i], B[j], C[k]\noutput Z\nZ = max(A[i] * B[j], C[k]) :: +(i, j, k)\n")
    inputs = {name: np.ones(200) for name in "ABC"}  # 64 MB as an array
    assert peak(lambda: run(c, inputs, budget_bytes=1 << 20)) < 4 << 20
    assert run(c, inputs)["Z"] == 200**3
