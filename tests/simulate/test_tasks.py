"""Tiles of a phase of one step: together they are all the work, and they wait for what they use."""

from __future__ import annotations

import pytest

from fusemax.simulate.machine import TICKS
from fusemax.simulate.tasks import tasks_of
from tests.simulate.points import machine

POINTS = [(d, m) for d in ("flat", "fusemax-cascade", "unfused") for m in ("none", "causal")]


@pytest.mark.parametrize(("design", "mask"), POINTS)
def test_tiles_last_as_long_as_their_einsum(design: str, mask: str) -> None:
    small = machine(design, mask=mask)
    for phase in small.measured.design.schedule.phases:
        tasks, _ = tasks_of(small, phase, small.bus())
        for task in tasks:
            total = sum(task.duration(index) for index in task.space.tiles())
            assert total / TICKS == pytest.approx(float(small.measured.cycles(task.name)))


@pytest.mark.parametrize("design", ["flat", "fusemax-cascade"])
def test_readers_wait_for_writers(design: str) -> None:
    small = machine(design)
    (phase,) = small.measured.design.schedule.phases
    tasks, places = tasks_of(small, phase, small.bus())
    assert places or design == "flat"  # whose scores go through memory here
    for task in tasks:
        for need in task.needs:
            writer = tasks[need.writer]
            codes = [code for index in task.space.tiles() if (code := need.code(index)) is not None]
            assert all(0 <= code < writer.end_code for code in codes)
            assert need.running or codes == sorted(codes)
