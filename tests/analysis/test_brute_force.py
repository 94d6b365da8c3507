"""The oracle against the worked examples of the docs page "What a pass is", and against small cascades by hand."""

from __future__ import annotations

import pytest

from fusemax.cascade import load, parse
from tests.analysis.brute_force import Barrier, RankAnswer, count_passes
from tests.analysis.unrolled import unrolling_sizes

HEADER = "cascade demo\nsizes K = 8\n"


def answer(name: str, rank: str) -> RankAnswer:
    cascade = load(name)
    return count_passes(cascade, unrolling_sizes(cascade), [rank])[rank]


def of_text(text: str, rank: str = "K") -> RankAnswer:
    cascade = parse(HEADER + text, "demo.cascade")
    return count_passes(cascade, unrolling_sizes(cascade), [rank])[rank]


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("attn_naive", {"M": 2}),
        ("attn_naive_deferred", {"M": 1}),
        ("attn_3pass", {"M": 3}),
        ("attn_3pass_deferred", {"M": 2}),
        ("attn_2pass_tileflow", {"M": 2, "M1": 2, "M0": 3}),
        ("attn_1pass_fusemax", {"M": 1, "M1": 1, "M0": 2}),
        ("attn_splitk", {"M": 1, "M1": 1, "M0": 2}),
        ("softmax_3pass", {"M": 3}),
        ("softmax_2pass_online", {"M": 2}),
        ("stencil", {"K": 1}),
        ("prefix_sum_normalised", {"K": 2}),
        ("attn_bwd_scratch", {"M": 4}),
        ("attn_bwd_lse", {"M": 2}),
        ("attn_bwd_fa", {"M": 1}),
        ("linattn_bwd", {"I": 1}),
    ],
)
def test_worked_examples(name: str, passes: dict[str, int]) -> None:
    cascade = load(name)
    found = count_passes(cascade, unrolling_sizes(cascade), list(passes))
    assert {rank: found[rank].passes for rank in passes} == passes


@pytest.mark.parametrize("steps", [2, 3, 4, 5])
def test_counts_that_grow_with_an_iterative_rank(steps: int) -> None:
    power, decoder = load("power_iteration"), load("recurrent_decoder")
    k = count_passes(power, unrolling_sizes(power) | {"I": steps}, ["K"])["K"]
    m = count_passes(decoder, unrolling_sizes(decoder) | {"I": steps}, ["M"])["M"]
    assert (k.passes, k.sweeps, m.passes) == ((steps + 1) // 2, steps, 2 * steps)


def test_attn_3pass_in_full() -> None:
    assert answer("attn_3pass", "M") == RankAnswer(
        passes=3, tensors={"K": 3, "V": 1}, derived={}, sweeps=3, conflict=False, leading="K",
        barriers=[Barrier(1, ["GM"], 12), Barrier(2, ["SD"], 14)],
    )  # fmt: skip
    assert answer("attn_3pass", "E") == RankAnswer(1, {"Q": 1, "K": 1}, {}, 1, False, "Q", [])


def test_tile_maxima_are_walked_again() -> None:
    assert answer("attn_splitk", "M1").derived["LM"] == 2
    assert answer("attn_2pass_tileflow", "M1").derived["LM"] == 3


def test_a_state_walked_again_counts_for_the_rank() -> None:
    found = answer("prefix_sum_normalised", "K")
    assert (found.tensors, found.derived, found.leading) == ({"A": 1}, {"S": 2, "Y": 0}, "S")


def test_barriers_stop_at_the_first_complete_operand() -> None:
    # RD[M] depends on RM[M], which is complete already: the barrier is RM alone
    assert answer("softmax_2pass_online", "M").barriers == [Barrier(1, ["RM"], 17)]


def test_conflicts() -> None:
    assert answer("linattn_bwd", "I").conflict
    assert answer("attn_ring", "M").conflict
    assert not answer("attn_1pass_fusemax", "M").conflict
    assert answer("stencil", "K").conflict  # B[k] * A[k] after the wrap-around
    lone = "input A[k]\noutput B[k]\nB[k] = A[k] + A[(k+1)%K] + A[(k+2)%K]"
    assert not of_text(lone).conflict


def test_sweeps_exceed_passes() -> None:
    found = answer("two_sweeps", "K")
    assert (found.passes, found.sweeps) == (1, 2)
    found = answer("crossed_sweeps", "K")
    assert (found.tensors, found.passes, found.sweeps) == ({"A": 2, "C": 1}, 2, 3)


def test_a_prefix_is_no_barrier_but_its_last_slice_read_again_is() -> None:
    text = "input A[k]\noutput Y[i]\nalias I = K\nS[i] = A[k : k <= i]\nY[i] = S[i] * A[i]"
    assert of_text(text).passes == 1
    assert answer("c3_prefix", "K").passes == 2


def test_an_empty_rank_counts_nothing() -> None:
    found = of_text("input A[k], B\noutput Z\nZ = B + K")
    assert (found.passes, found.tensors, found.leading, found.barriers) == (0, {"A": 0}, None, [])


def test_a_scale_with_the_factor_alone_is_no_root_of_the_whole() -> None:
    text = "input A[k], U[k1]\noutput Z\npartition K = K1 * K0\nsizes K0 = 2\n"
    body = "B[k1, k0] = A[k1*K0+k0]\nS = U[k1]\nY = B[k1, k0] / S\nZ = Y * U[k1]"
    assert of_text(text + body).tensors == {"A": 1}
    assert of_text(text + body, "K1").tensors == {"A": 1, "U": 2}
