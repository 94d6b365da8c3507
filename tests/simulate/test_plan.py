"""FuseMax's epoch as the tile level plans it."""

from __future__ import annotations

from fusemax.design.design import Design
from fusemax.model.evaluate import evaluate
from fusemax.simulate.machine import TICKS, Machine
from fusemax.simulate.plan import lockstep_plan


def planned(design: str) -> tuple[Design, Machine]:
    found = evaluate(design, "bert", "4K")
    return found.design, Machine(found.measured)


def test_lags_of_the_epoch() -> None:
    design, machine = planned("fusemax")
    plan = lockstep_plan(machine, design.schedule.phases[0])
    lags = {design.label(name): lag for name, lag in plan.lags.items()}
    assert {name for name, lag in lags.items() if lag == 0} == {"QK", "LM"}
    assert {name for name, lag in lags.items() if lag == 2} == {"RM", "SLN", "SLD", "SLNV", "PRM", "SPD"}
    assert lags["SPNV"] == 4
    assert {name for name, lag in lags.items() if lag == 5} == {"RD", "RNV", "AV"}
    assert plan.epoch.flight == 3
    assert plan.epoch.template.length == 138 * TICKS


def test_one_tile_at_a_time_takes_458_cycles() -> None:
    design, machine = planned("fusemax-architecture")
    plan = lockstep_plan(machine, design.schedule.phases[0])
    assert plan.epoch.template.length == 458 * TICKS
