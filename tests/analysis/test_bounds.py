from __future__ import annotations

import pytest

from fusemax.analysis.bounds import CascadeBounds, bounds, input_traffic
from fusemax.cascade import catalogue, load, parse
from fusemax.cascade.sizes import known_sizes, resolve_sizes
from tests.analysis.pebbles import least_traffic, problem

TINY = {
    "re-read": "input A[k]\noutput Z\nsizes K = {n}\nY = A[k]\nZ = Y * A[k]\n",
    "re-read one of two": "input A[k], B[k]\noutput Z\nsizes K = {n}\nY = A[k] * B[k]\nZ = Y * A[k]\n",
    "one pass": "input A[k], B[k]\noutput Z\nsizes K = {n}\nY = A[k] * B[k]\nX = A[k]\nZ = Y * X\n",
    "softmax summed": (
        "input X[m]\noutput A\nsizes M = {n}\nGM = X[m] :: max(m)\nSN[m] = exp(X[m] - GM)\nSD = SN[m]\nA = SN[m] / SD\n"
    ),
    "a product kept or two inputs read again": (
        "input K[m], V[m]\noutput Z\nsizes M = {n}\nX[m] = K[m] * V[m]\nS = X[m]\nZ = X[m] * S\n"
    ),
    "rows": "input X[n, d]\noutput Y[n]\nsizes N = 2, D = {n}\nS[n] = X[n, d]\nY[n] = X[n, d] * S[n]\n",
    "scores": (
        "input Q[e], K[e, m]\noutput SD\nsizes E = 2, M = {n}\nQK[m] = Q[e] * K[e, m]\nGM = QK[m] :: max(m)\n"
        "SD = exp(QK[m] - GM)\n"
    ),
}

WORKING = 2
"""Elements that a schedule needs beside the fiber: a sum in the making and what is added to it."""


def of(name: str) -> CascadeBounds:
    cascade = load(name)
    return bounds(cascade, resolve_sizes(cascade))


def tiny(name: str, n: int) -> str:
    return "cascade tiny\n" + TINY[name].format(n=n)


def test_three_passes_of_the_worked_example() -> None:
    found = of("attn_3pass")
    rank = found.strongest(0)
    assert (rank.rank, rank.formula) == ("M", "119 + 8*max(0, 12-C)")
    assert rank.symbolic == "E*P + E*M + F*M + F*P + 2*E*max(0, M-C)"
    assert [gap.tensors for gap in rank.gaps] == [("K",), ("K",)]
    assert [found.traffic(c) for c in (0, 4, 12, 1000)] == [215, 183, 119, 119]
    assert (rank.footprint, rank.footprint_elements) == ("M", 12)
    assert found.enough == 12


def test_one_pass_never_asks_for_more_than_the_compulsory_traffic() -> None:
    found = of("attn_1pass_fusemax")
    assert {found.traffic(c) for c in (0, 1, 12)} == {119}
    by_rank = {rank.rank: rank.footprint for rank in found.ranks}
    assert by_rank["M"] == "M0"


def test_what_is_written_once_is_only_read_again_later() -> None:
    gaps = of("attn_et").strongest(0).gaps
    assert [(gap.tensors, gap.spilled, gap.symbolic) for gap in gaps] == [
        (("MQK",), ("MQK",), "2*P"),
        (("MQK",), (), "P"),
    ]


def test_a_gap_that_needs_two_inputs() -> None:
    last = of("attn_bwd_scratch").strongest(0).gaps[-1]
    assert (last.barrier, last.tensors, last.symbolic) == (("D",), ("K", "V"), "E + F")


def test_an_input_fetched_in_every_pass() -> None:
    assert input_traffic(3, {}, elements=48, size=12, capacity=4) == 48 // 12 * (12 + 2 * 8)
    assert input_traffic("2*I", {"I": 5}, elements=12, size=12, capacity=12) == 12
    assert input_traffic(0, {}, elements=12, size=12, capacity=0) == 12


@pytest.mark.parametrize("name", catalogue())
def test_every_bound_falls_to_the_compulsory_traffic(name: str) -> None:
    cascade = load(name)
    sizes, missing = known_sizes(cascade)
    assert not missing
    found = bounds(cascade, sizes)
    curve = [traffic for _, traffic in found.curve(range(found.enough + 2))]
    assert curve == sorted(curve, reverse=True)
    assert curve[-1] == found.ranks[0].compulsory
    assert all(rank.factor == 0 for rank in found.ranks if rank.passes in (0, 1))


@pytest.mark.parametrize("name", [name for name in TINY if name != "scores"])
@pytest.mark.parametrize("n", [2, 3])
def test_no_schedule_moves_less(name: str, n: int) -> None:
    """Exhaustive search over all schedules; the bound is reached with two elements of working space."""
    cascade = parse(tiny(name, n))
    bound = bounds(cascade, resolve_sizes(cascade))
    game = problem(cascade)
    for buffer in (3, 4) if n == 3 else (3, 4, 5):
        best = least_traffic(game, buffer)
        if best is not None:
            working = WORKING + (name == "one pass")  # two sums at a time
            assert bound.traffic(buffer) <= best
            assert best <= bound.traffic(buffer - working) or buffer <= working


def test_no_schedule_of_scores_moves_less() -> None:
    cascade = parse(tiny("scores", 2))
    bound = bounds(cascade, resolve_sizes(cascade))
    assert bound.strongest(0).formula == "7 + 2*max(0, 2-C)"
    best = least_traffic(problem(cascade), 4)
    assert best is not None
    assert bound.traffic(4) <= best
