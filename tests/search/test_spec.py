"""Specifications: ranges long and short, and texts as one types them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fusemax.base.errors import FusemaxError, UsageError
from fusemax.search.spec import read_spec, spec_text, whole_numbers
from fusemax.search.sweep import SweepPlan

HEAD = "designs: [fusemax]\nworkloads: [bert]\n"


def test_a_long_range_costs_nothing() -> None:
    begun = time.process_time()
    plan = SweepPlan("s", HEAD + "seq_lens: {from: 1, to: 9000000}\nvary:\n  workload.batch: {from: 1, to: 1000000}\n")
    assert plan.num_points == 9 * 10**12
    assert plan.parts[0].inputs(10**12, 10**12 + 2).tolist() == [[10**6 + 1, 1], [10**6 + 1, 2]]
    assert time.process_time() - begun < 5


def test_ranges_and_lists_are_whole_numbers_where_all_are() -> None:
    spec, _ = read_spec(
        "s", HEAD + "seq_lens: {from: 1K, to: 4K, step: 1K}\nvary: {edge: [4, 8], x: [a, 1], y: [0, 1]}\n"
    )
    assert list(spec.seq_lens) == [1024, 2048, 3072, 4096]
    found = {name: whole_numbers(values) for name, values in spec.vary.items()}
    assert found["x"] is None and found["y"] is None
    np.testing.assert_array_equal(found["edge"], [4, 8])


@pytest.mark.parametrize(
    "values", ["{from: 0, to: 4}", "{from: 4, to: 1}", "{from: 1, to: 100000000}", "{from: a, to: 2}"]
)
def test_ranges_that_cannot_be(values: str) -> None:
    with pytest.raises(FusemaxError, match="s:3:"):
        read_spec("s", f"{HEAD}seq_lens: {values}\n")


def test_texts_become_a_specification() -> None:
    text = spec_text(
        "fusemax,flat", "bert", "1K..64Kx4", {"buffer.capacity": "8MiB..16MiB+4MiB", "schedule.streams": "1, 2"}
    )
    spec, _ = read_spec("s", text)
    assert spec.designs == ("fusemax", "flat") and list(spec.seq_lens) == [1024, 4096, 16384, 65536]
    assert [list(values) for values in spec.vary.values()] == [[8 << 20, 12 << 20, 16 << 20], [1, 2]]
    with pytest.raises(UsageError, match="is no range"):
        spec_text("a", "b", "1K....2K", {})
