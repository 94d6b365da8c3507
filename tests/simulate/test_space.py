"""Tiles in order, against a list of all of them."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.simulate.space import Axis, Mask, TileSpace


def spaces(rows: int, keys: int, group: int, window: int, unit: int) -> TileSpace:
    axes = (
        Axis("h", "heads", 1, 2),
        Axis("p", "P", unit, -(-rows // unit)),
        Axis("m", "M", unit, -(-keys // unit)),
    )
    return TileSpace(axes, {"heads": 2, "P": rows, "M": keys}, Mask(rows, keys, group, window))


@given(st.integers(1, 12), st.integers(0, 20), st.integers(1, 3), st.integers(0, 9), st.integers(1, 5))
def test_tiles_are_those_with_a_seen_pair(queries: int, more: int, group: int, window: int, unit: int) -> None:
    rows, keys = queries * group, queries + more
    space = spaces(rows, keys, group, window, unit)

    def is_seen(row: int, key: int) -> bool:
        at = keys - queries + row // group
        return key <= at and (not window or key > at - window)

    wanted = [
        (h, p, m)
        for h, p, m in product(range(2), range(-(-rows // unit)), range(-(-keys // unit)))
        if any(
            is_seen(r, k)
            for r in range(p * unit, min(rows, (p + 1) * unit))
            for k in range(m * unit, min(keys, (m + 1) * unit))
        )
    ]
    assert list(space.tiles()) == wanted
    assert space.num_tiles == len(wanted)
    for index in wanted:
        same = [m for h, p, m in wanted if (h, p) == index[:2]]
        assert space.ends(index) == (index[2] == min(same), index[2] == max(same))


@pytest.mark.parametrize("size", [7, 8])
def test_the_last_tile_is_partial(size: int) -> None:
    space = TileSpace((Axis("p", "P", 4, 2),), {"P": size})
    assert space.interval((1,), "P") == (4, size)
