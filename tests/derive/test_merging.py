"""Merge operators: associative by proof, exact on masked rows, empty parts and ties; the forms made of them agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from fusemax.cascade import check_rules, load, parse, print_cascade
from fusemax.derive import Merge, merge
from fusemax.derive.canonical import same_form
from fusemax.derive.merging import NoMerge
from fusemax.execute import run

Array = NDArray[np.float64]
MERGED = {
    "attn_3pass": "M",
    "attn_1pass_fusemax": "M",
    "attn_sinks_3pass": "M",
    "attn_window_3pass": "M",
    "cross_entropy_linear": "V",
    "geometric_mean": "M",
    "kl_divergence": "M",
    "layernorm_matmul": "D",
    "logsumexp_online": "M",
    "rmsnorm_matmul": "D",
    "softmax_entropy": "M",
    "variance_2pass": "M",
}


@pytest.fixture(scope="module")
def attention() -> Merge:
    return merge(load("attn_3pass"), "M", tile=("M0", 4))


@pytest.mark.parametrize("name", sorted(MERGED))
def test_operators_are_associative_and_their_forms_agree(name: str) -> None:
    found = merge(load(name), MERGED[name], prove=name in ("softmax_entropy", "variance_2pass"))
    assert found.is_associative is not False
    assert check_rules(parse(print_cascade(found.operator))) == found.operator
    for form, check in found.checks.items():
        assert check.difference is None, (form, check.difference)
        assert check_rules(parse(print_cascade(found.forms[form]))) == found.forms[form]


def test_split_attention_is_flash_decoding(attention: Merge) -> None:
    assert same_form(attention.forms["split"], load("attn_splitk"))
    assert [row["passes"] for row in attention.rows()] == [1, 1, 1]


def test_associativity_is_proved(attention: Merge) -> None:
    assert attention.is_associative is True


def states(found: Merge, parts: list[Mapping[str, Array]]) -> dict[str, Array]:
    """Several states as the operator's inputs."""
    inputs = {}
    for declaration in found.operator.inputs:
        axis = declaration.variables.index("s")
        inputs[declaration.tensor] = np.stack([part[declaration.tensor] for part in parts], axis)
    return inputs


def merged(found: Merge, parts: list[Mapping[str, Array]]) -> dict[str, Array]:
    """The merged state, under the names of the operator's inputs."""
    outputs = run(found.operator, states(found, parts))
    names = {d.tensor: o.tensor for d, o in zip(found.operator.inputs, found.operator.outputs, strict=True)}
    return {state: outputs[whole] for state, whole in names.items()}


def part(generator: np.random.Generator, kind: str) -> dict[str, Array]:
    """The state of some elements for P = 5 queries and F = 3 features."""
    scores = generator.integers(-2, 3, size=(4, 5)).astype(float)
    if kind == "masked rows":
        scores[:, :2] = -np.inf
    if kind == "empty":
        scores = np.full((4, 5), -np.inf)
    if kind == "ties":
        scores = np.ones((4, 5))
    values = generator.normal(size=(3, 4))
    largest = scores.max(axis=0)
    weights = np.where(np.isinf(scores), 0.0, np.exp(scores - np.where(np.isinf(largest), 0.0, largest)))
    return {"LGM": largest, "LSD": weights.sum(axis=0), "LSAV": values @ weights}


@pytest.mark.parametrize("kind", ["plain", "masked rows", "empty", "ties"])
def test_merging_is_exact_at_the_edges(attention: Merge, kind: str) -> None:
    generator = np.random.default_rng(3)
    a, b, c = part(generator, "plain"), part(generator, kind), part(generator, kind)
    left = merged(attention, [merged(attention, [a, b]), c])
    right = merged(attention, [a, merged(attention, [b, c])])
    together = merged(attention, [a, b, c])
    for name, array in left.items():
        np.testing.assert_allclose(array, right[name], rtol=1e-12)
        np.testing.assert_allclose(array, together[name], rtol=1e-12)
        assert np.isfinite(array).all()
    if kind == "empty":
        for name, array in merged(attention, [a, b]).items():
            np.testing.assert_array_equal(array, a[name])


@pytest.mark.parametrize("name", ["mad", "softmax_3pass"])
def test_what_has_no_finite_state_has_no_operator(name: str) -> None:
    with pytest.raises(NoMerge, match="2 passes"):
        merge(load(name))
