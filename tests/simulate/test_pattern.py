"""Einsums that run at a share of their tiles: which tiles, and whole runs of such designs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import UsageError
from fusemax.design.design import Design
from fusemax.design.load import load_design
from fusemax.design.schedule import Schedule
from fusemax.design.sizes import Override
from fusemax.model.evaluate import evaluate
from fusemax.search.rewrite import checked
from fusemax.simulate import lockstep, steady
from fusemax.simulate.array.simulate import simulate_cycles
from fusemax.simulate.pattern import num_running, period_of, runs_at
from fusemax.simulate.tile import simulate
from tests.simulate.points import workload

SHARES = st.fractions(min_value=Fraction(1, 500), max_value=1, max_denominator=500)
WIDE = ["BQK", "LM", "SLN", "SLD", "SLNV"]
LANES = ["RM", "PRM", "SPD", "RD", "SPNV", "RNV", "AV"]
STEPS: dict[str, list[dict[str, list[str]]]] = {
    "free": [{"array2d": WIDE, "array1d": LANES}],
    "figure 4": [{"array2d": ["BQK", "LM"], "array1d": ["RD", "RNV", "AV"]}, {"array1d": ["RM"]},
                 {"array2d": ["SLN", "SLD"], "array1d": ["PRM", "SPD"]}, {"array2d": ["SLNV"], "array1d": ["SPNV"]}],
    "two": [{"array2d": ["BQK", "LM"], "array1d": ["RD", "RNV", "RM"]},
            {"array2d": ["SLN", "SLD", "SLNV"], "array1d": ["PRM", "SPD", "SPNV", "AV"]}],
    "lanes": [{"array2d": ["BQK"], "array1d": LANES}, {"array2d": ["LM", "SLN", "SLD", "SLNV"]}],
}  # fmt: skip


def design(steps: str, share: str, joined: bool = False) -> Design:
    made: dict[str, Any] = {"phases": [{"steps": STEPS[steps]}], "runs": dict.fromkeys(("PRM", "SPD", "SPNV"), share)}
    if joined:
        made["as_one"] = [["SPD", "RD"], ["SPNV", "RNV"]]
    return checked(replace(load_design("fusemax-lazy"), schedule=Schedule.model_validate(made)))


@given(SHARES, st.integers(0, 3000), st.integers(0, 600))
def test_tiles_that_run_are_spread_evenly_and_make_the_share(share: Fraction, first: int, number: int) -> None:
    running = [runs_at(share, tile) for tile in range(first, first + number)]
    assert sum(running) == num_running(share, first, number)
    assert abs(sum(running) - share * number) < 1
    assert num_running(share, first, share.denominator) == share.numerator
    assert runs_at(share, first) == runs_at(share, first + period_of([share]))


@pytest.mark.parametrize("share", ["1/16", "0.3"])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("steps", STEPS)
def test_model_and_simulator_agree(steps: str, joined: bool, share: str) -> None:
    own = design(steps, share, joined)
    load = workload(heads=16, head_size=32)
    settings: dict[str, Override] = {"edge": 32, "buffer.capacity": "256KiB"}
    found = simulate(own, load, 512, settings)
    assert abs(found.difference) < 0.01
    measured = evaluate(own, load, 512, "corrected", settings).measured
    busy = {row["what"]: float(str(row["value"])) for row in found.rows() if row["quantity"] == "busy"}
    for name in ("PRM", "SPD", "SPNV", "RNV"):
        assert abs(busy.get(name, 0) - float(measured.cycles(name))) <= 32, name  # 0.3 of all tiles is not whole


@pytest.mark.parametrize("share", ["1/16", pytest.param("3/7", marks=pytest.mark.proof)])
@pytest.mark.parametrize("mask", ["none", pytest.param("causal", marks=pytest.mark.proof)])
@pytest.mark.parametrize("joined", [False, pytest.param(True, marks=pytest.mark.proof)])
@pytest.mark.parametrize("steps", STEPS)
def test_passing_over_equals_the_full_run(
    steps: str, joined: bool, mask: str, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = workload(heads=6, mask=mask)
    settings: dict[str, Override] = {"edge": 16, "buffer.capacity": "256KiB"}
    quick = simulate(design(steps, share, joined), load, 192, settings)
    monkeypatch.setattr(steady, "worth_a_look", lambda number: False)
    monkeypatch.setattr(lockstep, "worth_a_look", lambda number: False)
    whole = simulate(design(steps, share, joined), load, 192, settings)
    one, two = dict(quick.document()), dict(whole.document())
    assert {k: v for k, v in one.items() if k != "remarks"} == {k: v for k, v in two.items() if k != "remarks"}


def test_a_share_of_one_is_every_tile() -> None:
    load = workload()
    settings: dict[str, Override] = {"edge": 16, "buffer.capacity": "256KiB"}
    one, all_of_them = (simulate(design("two", share), load, 256, settings) for share in ("1", "4/4"))
    assert one.document() == all_of_them.document()
    assert one.cycles > simulate(design("two", "1/8"), load, 256, settings).cycles


def test_the_cycle_level_refuses() -> None:
    with pytest.raises(UsageError, match="the cycle level runs no skipped Einsums: fusemax-lazy skips PRM, SPD, SPNV"):
        simulate_cycles("fusemax-lazy", binding="fusemax-pipelined", array=4, head_size=4)
