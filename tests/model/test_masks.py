"""Active tiles of masks against a walk over every pair."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fusemax.model.masks import active_units, floor_sum, seen_pairs


def walked(p: int, m: int, g: int, w: int, ru: int, rb: int, ku: int, kb: int) -> int:
    rb, kb = max(ru, rb), max(ku, kb)
    rows, total = p * g, 0
    for r0 in range(0, rows, rb):
        r1 = min(r0 + rb, rows)
        units = -(-(r1 - r0) // ru)
        for k0 in range(0, m, kb):
            k1 = min(k0 + kb, m)
            seen = any(
                k <= (q := m - p + r // g) and (w == 0 or k > q - w) for r in range(r0, r1) for k in range(k0, k1)
            )
            total += seen * units * -(-(k1 - k0) // ku)
    return total


sizes = st.integers(1, 13)
units = st.tuples(st.integers(1, 3), st.integers(1, 4))


@given(sizes, sizes, st.integers(1, 3), st.integers(0, 15), units, units)
def test_active_units_are_those_of_a_walk(
    p: int, extra: int, g: int, w: int, row: tuple[int, int], key: tuple[int, int]
) -> None:
    m = p + extra - 1
    ru, ku = row[0], key[0]
    rb, kb = row[0] * row[1], key[0] * key[1]
    expected = walked(p, m, g, w, ru, rb, ku, kb)
    assert active_units(p * g, m, g, w, ru, rb, ku, kb) == expected
    arrays = [np.array([v, v]) for v in (p * g, m, g, w, ru, rb, ku, kb)]
    assert list(active_units(*arrays)) == [expected, expected]


def test_seen_pairs_of_a_causal_mask_are_a_triangle() -> None:
    assert seen_pairs(4, 4, 1, 0) == 10
    assert seen_pairs(1, 4096, 1, 0) == 4096
    assert seen_pairs(4096, 4096, 1, 1) == 4096


@given(st.integers(0, 40), st.integers(1, 30), st.integers(0, 60), st.integers(0, 60))
def test_floor_sum_is_the_sum(n: int, m: int, a: int, b: int) -> None:
    expected = sum((b + a * i) // m for i in range(n))
    assert floor_sum(n, m, a, b) == expected
    assert floor_sum(np.array([n]), m, a, b)[0] == expected
