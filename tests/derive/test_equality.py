"""Are two cascades the same function: proofs, counterexamples, and honest doubt."""

from __future__ import annotations

import pytest

from fusemax.base.errors import UsageError
from fusemax.cascade import load, parse
from fusemax.derive import equal
from fusemax.execute import run

SAME = [
    ("attn_3pass", "attn_1pass_fusemax"),
    ("attn_3pass", "attn_1pass_fa1"),
    ("attn_3pass", "attn_splitk"),
    ("attn_naive", "attn_3pass"),
    ("attn_2pass_choi", "attn_hier_splitk"),
    ("attn_causal_3pass", "attn_causal_filter"),
    ("attn_mla_explicit_3pass", "attn_mla_1pass"),
    ("attn_sinks_3pass", "attn_sinks_1pass"),
    ("c1_pedagogical", "c2_deferred"),
    ("c1_pedagogical", "c3_prefix"),
    ("cosine_similarity", "cosine_similarity_1pass"),
    ("layernorm_matmul", "layernorm_matmul_1pass"),
    ("softmax_entropy", "softmax_entropy_1pass"),
    ("variance_2pass", "variance_moments"),
    ("variance_2pass", "variance_split"),
    ("variance_2pass", "variance_welford"),
    ("attn_3pass", "attn_3pass"),
]
DIFFERENT = [("c1_pedagogical", "c3_iterative"), ("attn_3pass", "attn_sigmoid"), ("attn_3pass", "attn_causal_3pass")]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_equal_cascades_are_proved_so(first: str, second: str) -> None:
    found = equal(load(first), load(second))
    assert found.verdict == "proof"
    assert found.proof


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_different_cascades_have_a_counterexample_that_runs(first: str, second: str) -> None:
    one, other = load(first), load(second)
    found = equal(one, other)
    assert found.verdict == "counterexample"
    assert found.difference is not None
    assert found.sample is not None
    d = found.difference
    assert run(one, found.sample.inputs)[d.output][d.cell] == d.expected
    assert run(other, found.sample.inputs)[d.output][d.cell] == d.found


def test_without_proof_or_counterexample_the_samples_are_counted() -> None:
    found = equal(load("cross_entropy_linear"), load("cross_entropy_linear_1pass"))
    assert found.verdict == "no difference"
    assert found.samples > 0
    assert str(found.samples) in found.headline()


def test_other_inputs_are_bad_usage() -> None:
    with pytest.raises(UsageError, match="has the input 'B'"):
        equal(load("c1_pedagogical"), parse("cascade c\ninput A[k]\noutput Z\nsizes K = 3\nZ = A[k]\n"))
