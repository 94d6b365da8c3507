"""Batches and programs against the engine point by point."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.workload import Window, Workload
from fusemax.model.batch import Batch, evaluate_batch
from fusemax.model.evaluate import Evaluation, evaluate

Mask = Literal["none", "causal"] | Window
MASKS: tuple[Mask, ...] = ("none", "causal", Window(window=100))
DESIGNS = ("fusemax", "fusemax-architecture", "fusemax-cascade")


def assert_same(batch: Batch, point: int, evaluation: Evaluation) -> None:
    for name in ("latency_s", "traffic_bytes", "energy_pj", "area_um2", "useful_utilization_2d", "roofline_fraction"):
        expected = getattr(evaluation, name)
        found = getattr(batch, name)[point]
        assert np.isnan(found) if expected is None else found == pytest.approx(expected, rel=1e-13), name
    assert batch.busy_utilization_2d[point] == pytest.approx(evaluation.busy("2d"), rel=1e-13)


@pytest.mark.parametrize("accounting", ["published", "corrected"])
@pytest.mark.parametrize("design", DESIGNS)
def test_a_batch_is_its_points(design: str, accounting: str) -> None:
    random = np.random.default_rng(7)
    number = 12
    edges = 2 ** random.integers(4, 10, number)
    points = {
        "edge": edges,
        "seq_len": edges * 2 ** random.integers(1, 9, number),
        "buffer.capacity": 2 ** random.integers(23, 27, number),
        "E": 2 ** random.integers(5, 8, number),
        "F": 2 ** random.integers(5, 8, number),
    }
    batch = evaluate_batch(design, "bert", points, accounting, threads=1)
    assert batch.legal.all()
    for i in range(number):
        own = {name: int(column[i]) for name, column in points.items()}
        assert_same(batch, i, evaluate(design, "bert", own.pop("seq_len"), accounting, own))


@pytest.mark.parametrize("accounting", ["published", "corrected"])
@pytest.mark.parametrize("design", DESIGNS)
def test_totals_are_the_sums_of_rows(design: str, accounting: str) -> None:
    evaluation = evaluate(design, "xlm", "64K", accounting)
    assert evaluation.total("latency") == pytest.approx(evaluation.latency_s, rel=1e-12)
    assert evaluation.total("traffic") == pytest.approx(evaluation.traffic_bytes, rel=1e-12)
    assert evaluation.total("energy") == pytest.approx(evaluation.energy_pj, rel=1e-12)
    assert evaluation.total("area") == pytest.approx(evaluation.area_um2, rel=1e-12)


@given(st.integers(1, 3000), st.integers(1, 300), st.integers(1, 70), st.sampled_from(MASKS))
def test_ragged_and_masked_points_agree_with_the_engine_too(keys: int, queries: int, size: int, mask: Mask) -> None:
    queries = min(queries, keys)
    load = Workload(
        name="w", batch=2, model_width=64, heads=4, kv_heads=2, head_size=size, value_head_size=2 * size,
        ffn_width=64, mask=mask, query_len=queries,
    )  # fmt: skip
    batch = evaluate_batch("fusemax", load, {"seq_len": [keys], "P": [queries]}, threads=1)
    evaluation = evaluate("fusemax", load, keys)
    assert_same(batch, 0, evaluation)
    assert evaluation.total("latency") == pytest.approx(evaluation.latency_s, rel=1e-12)


def test_points_that_do_not_fit_are_marked() -> None:
    batch = evaluate_batch("fusemax", "bert", {"seq_len": [4096, 4096], "buffer.capacity": [1 << 24, 1 << 15]})
    assert list(batch.legal) == [True, False]
    with pytest.raises(UsageError, match=r"does not fit buffer: .* bytes of 32768"):
        evaluate("fusemax", "bert", 4096, overrides={"buffer.capacity": 1 << 15})


def test_figures_not_asked_for_stay_unknown() -> None:
    batch = evaluate_batch("fusemax", "bert", {"seq_len": [4096]}, figures=["latency_s"])
    assert np.isnan(batch.energy_pj[0])
    assert batch.latency_s[0] == evaluate("fusemax", "bert", 4096).latency_s


def test_counts_past_an_int64_are_exact_or_doubles() -> None:
    huge = {"seq_len": [1 << 24], "B": [1 << 20], "H": [64], "KV": [64]}
    for accounting in ("published", "corrected"):
        batch = evaluate_batch("fusemax", "bert", huge, accounting)
        one = evaluate("fusemax", "bert", 1 << 24, accounting, {"B": 1 << 20, "H": 64, "KV": 64})
        assert_same(batch, 0, one)


@pytest.mark.parametrize("accounting", ["published", "corrected"])
def test_many_points_are_those_of_small_batches(accounting: str) -> None:
    """Where points share memories and divisors, those are looked up together: that must show nowhere."""
    random = np.random.default_rng(3)
    number = 3000
    edges = 2 ** random.integers(4, 10, number)
    points = {
        "edge": edges,
        "seq_len": edges * random.integers(1, 4096, number),
        "buffer.capacity": random.choice([*(2 ** np.arange(20, 27)), 9_000_000], number),
    }
    whole = evaluate_batch("fusemax", "bert", points, accounting)
    for i in range(0, number, 150):
        part = {name: column[i : i + 2] for name, column in points.items()}
        few = evaluate_batch("fusemax", "bert", part, accounting)
        for name in ("latency_s", "energy_pj", "area_um2", "legal"):
            np.testing.assert_array_equal(getattr(few, name), getattr(whole, name)[i : i + 2])


def test_wrong_columns_are_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'edge'"):
        evaluate_batch("fusemax", "bert", {"seq_len": [4096], "egde": [16]})
    with pytest.raises(UsageError, match="different lengths"):
        evaluate_batch("fusemax", "bert", {"seq_len": [4096, 8192, 16384], "edge": [16, 32]})
    with pytest.raises(UsageError, match="searches rows"):
        evaluate_batch("flat", "bert", {"seq_len": [4096]})
    with pytest.raises(UsageError, match="must be at least 1"):
        evaluate_batch("fusemax", "bert", {"seq_len": [0]})
