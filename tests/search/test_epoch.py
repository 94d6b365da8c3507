"""Epochs of least cycles, against every way to cut them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.search.epoch import least_epoch

LOAD = st.integers(1, 9).map(float)


@st.composite
def loads(draw: st.DrawFn) -> dict[str, list[tuple[str, float]]]:
    sizes = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    return {
        on: [(f"{on}{i}", draw(LOAD)) for i in range(size)] for on, size in zip(("wide", "lanes"), sizes, strict=True)
    }


def every_epoch(given_loads: dict[str, list[tuple[str, float]]], num_steps: int) -> list[float]:
    found = []
    wide, lanes = given_loads.values()
    for turn in range(len(lanes)):
        orders = (wide, lanes[turn:] + lanes[:turn])
        ways = [itertools.combinations_with_replacement(range(len(o) + 1), num_steps - 1) for o in orders]
        for cuts in itertools.product(*ways):
            parts = [
                [o[a:b] for a, b in itertools.pairwise((0, *cut, len(o)))] for o, cut in zip(orders, cuts, strict=True)
            ]
            if all(any(side[k] for side in parts) for k in range(num_steps)):
                found.append(sum(max(sum(c for _, c in side[k]) for side in parts) for k in range(num_steps)))
    return found


@given(loads(), st.integers(1, 4))
def test_no_epoch_is_shorter(given_loads: dict[str, list[tuple[str, float]]], num_steps: int) -> None:
    if sum(map(len, given_loads.values())) < num_steps:
        with pytest.raises(ValueError, match="as many Einsums"):
            least_epoch(given_loads, num_steps)
        return
    found = least_epoch(given_loads, num_steps)
    assert found.cycles == min(every_epoch(given_loads, num_steps))
    assert found.cycles >= found.bound
    assert len(found.steps) == num_steps and all(found.steps)
    for on, each in given_loads.items():
        ran = [name for step in found.steps for name in step.get(on, ())]
        assert sorted(ran) == sorted(name for name, _ in each)
    length = {name: cycles for each in given_loads.values() for name, cycles in each}
    assert found.cycles == sum(max(sum(length[n] for n in names) for names in step.values()) for step in found.steps)


def test_balanced_arrays_meet_the_bound() -> None:
    found = least_epoch({"wide": [("A", 64.0), ("B", 1.0), ("C", 8.0)], "lanes": [("X", 65.0), ("Y", 8.0)]}, 2)
    assert found.cycles == found.bound == 73.0
    assert found.steps == ({"wide": ("A", "B"), "lanes": ("X",)}, {"wide": ("C",), "lanes": ("Y",)})
