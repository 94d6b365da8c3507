"""Stages, empty epochs and what filling costs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.model.evaluate import evaluate
from fusemax.model.masks import empty_epochs
from fusemax.model.pipeline import stages


def test_the_published_lags_are_found() -> None:
    measured = evaluate("fusemax", "bert", "4K").measured
    found = stages(measured, measured.design.schedule.phases[0])
    # Fig. 4: QK on tile d, softmax on c, RNV on a; about two epochs of 138 cycles for a column of 256
    assert found.epoch == 138
    assert (found.stage["BQK"], found.stage["SLN"], found.stage["RNV"]) == (0, 2, 5)
    assert found.reuse == 3


def test_smaller_arrays_lag_less() -> None:
    measured = evaluate("fusemax", "bert", "4K", overrides={"edge": 64}).measured
    assert stages(measured, measured.design.schedule.phases[0]).lag == 2


def test_heads_taking_turns_fill_what_one_query_leaves_empty() -> None:
    from dataclasses import replace

    from fusemax.design.load import load_design
    from fusemax.design.workload import Workload

    load = Workload(name="decode", batch=64, model_width=64, heads=12, head_size=64, ffn_width=64, query_len=1)
    alone = load_design("fusemax")
    turns = replace(alone, schedule=alone.schedule.model_copy(update={"streams": 3}))
    first, second = (evaluate(d, load, "64K") for d in (alone, turns))
    assert first.measured.phases[0].fill > first.measured.phases[0].compute
    assert second.measured.phases[0].fill < 0.01 * second.measured.phases[0].compute


def test_a_multiply_add_for_two_einsums_takes_the_lanes_out_of_the_way() -> None:
    from dataclasses import replace

    from fusemax.design.load import load_design

    alone = load_design("fusemax")
    joined = replace(alone, schedule=alone.schedule.model_copy(update={"as_one": (("SPNV", "RNV"),)}))
    before, after = (evaluate(d, "bert", "4K", "published") for d in (alone, joined))
    assert after.bound == "array2d"
    assert after.latency_s / before.latency_s == pytest.approx(138 / 142)  # RM still waits for its turn
    assert (after.energy_pj or 0) < (before.energy_pj or 0)


@given(
    st.integers(1, 12), st.integers(0, 8), st.integers(0, 6), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)
)
def test_empty_epochs_are_those_of_a_walk(p: int, extra: int, w: int, tile: int, flight: int, needed: int) -> None:
    m, key = p + extra, tile
    total = 0
    tiles = [range(t, min(t + tile, p)) for t in range(0, p, tile)]
    for g in range(0, len(tiles), flight):
        granule = tiles[g : g + flight]
        seen = []
        for k in range(0, m, key):
            inside = [
                i
                for i, rows in enumerate(granule)
                if any(c <= (q := m - p + r) and (w == 0 or c > q - w) for r in rows for c in range(k, min(k + key, m)))
            ]
            seen.append(set(inside))
        for before, after in pairwise(seen):
            both = len(before & after)
            total += max(0, needed - both) if both else 0
    assert empty_epochs(p, m, 1, w, tile, flight, key, needed) == total
    assert empty_epochs(np.array([p, p]), m, 1, w, tile, flight, key, needed).tolist() == [total, total]
