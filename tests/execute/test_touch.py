"""Points touched, against the definition of the merge operators walked point by point."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from fusemax.cascade import load
from fusemax.cascade.edge import map_actions
from fusemax.cascade.functions import UserFunction
from fusemax.cascade.ir import Cascade
from fusemax.cascade.parse import parse
from fusemax.execute import run
from fusemax.execute.touch import Tally
from fusemax.execute.trial import random_inputs
from tests.cascade.strategies import cascades
from tests.execute.cases import agree, cascade, oracle_outputs


def counted(c: Cascade, inputs: dict[str, Any], **options: Any) -> dict[tuple[str, str, str], tuple[int, int]]:
    tally = Tally()
    outputs = run(c, inputs, tally=tally, **options)
    if not options:
        agree(outputs, run(c, inputs), 1e-12)
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in tally.rows:
        found[row.einsum, row.action.kind, row.action.compute] = (row.points, row.touched)
    return found


def sparse(c: Cascade) -> dict[str, Any]:
    inputs = random_inputs(c)
    for array in inputs.values():
        flat = array.reshape(-1)
        flat[::3] = 0
        flat[1::5] = -1
    return inputs


def definition(c: Cascade, inputs: dict[str, Any]) -> Counter[int]:
    """Touched points of every map action, by the identity of its expression."""
    merges = {id(e): action.merge for einsum in c.einsums for e, action in map_actions(einsum)}
    found: Counter[int] = Counter()

    def observe(event: Any, operands: list[float]) -> None:
        merge = merges.get(id(event), "")
        there = {
            "intersection": all(v != 0 for v in operands),
            "union": any(v != 0 for v in operands),
            "left": bool(operands) and operands[-1] != 0,
            "all": True,
        }
        found[id(event)] += there.get(merge, False)

    oracle_outputs(c, inputs, observe)
    return found


def check(c: Cascade, **options: Any) -> None:
    inputs = sparse(c)
    tally = Tally()
    run(c, inputs, tally=tally, **options)
    expected = definition(c, inputs)
    ids = [id(e) for einsum in c.einsums for e, _ in map_actions(einsum)]
    maps = [row.touched for row in tally.rows if row.action.kind == "map"]
    assert maps == [expected[i] for i in ids]
    assert all(0 <= row.touched <= row.points for row in tally.rows)


@pytest.mark.parametrize(
    "name",
    ["attn_3pass", "attn_1pass_fusemax", "attn_causal_filter", "linattn_causal_chunked", "c3_iterative", "moe_gate"],
)
def test_catalogue(name: str) -> None:
    check(load(name))
    check(load(name), budget_bytes=64)


@given(cascades())
def test_random_cascades(c: Cascade) -> None:
    check(c)


def test_each_merge_operator() -> None:
    c = cascade(
        "input A[m], B[m]\noutput P[m], S[m], D[m], X[m], Z\n"
        "P[m] = A[m] * B[m]\nS[m] = max(A[m], B[m])\nD[m] = A[m] / B[m]\nX[m] = exp(A[m] - B[m])\nZ = A[m] * B[m]\n"
    )
    found = counted(c, {"A": np.array([1.0, 0.0, 2.0, 0.0, 3.0]), "B": np.array([1.0, 1.0, 0.0, 0.0, 2.0])})
    assert found["P", "map", "*"] == (5, 2)
    assert found["S", "map", "max"] == (5, 4)
    assert found["D", "map", "/"] == (5, 3)
    assert found["X", "map", "sub-then-exp"] == (5, 5)
    assert found["Z", "map", "*"] == (5, 2)
    assert found["Z", "reduce", "+"] == (5, 2)


def test_filters_take_points_away() -> None:
    c = cascade("input A[m]\noutput Y\nY = A[m : m < 3] :: max(m)\n")
    assert counted(c, {"A": np.array([1.0, 0.0, 2.0, 5.0, 6.0])})["Y", "reduce", "max"] == (3, 2)


def test_a_registered_function_merges_as_it_says() -> None:
    table = {"hypot": UserFunction(np.hypot, 2, merge="intersection")}
    c = parse("cascade t\ninput A[m], B[m]\noutput Z[m]\nZ[m] = hypot(A[m], B[m])\n", functions=table)
    found = counted(c, {"A": np.array([1.0, 0.0]), "B": np.array([1.0, 1.0])}, functions=table)
    assert found["Z", "map", "hypot"] == (2, 1)
