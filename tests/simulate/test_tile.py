"""Whole runs of all designs: time is accounted for, the buffer is never too full, every tile is executed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fusemax.design.load import load_design
from fusemax.simulate.tile import simulate
from tests.simulate.points import DESIGNS, machine, run

POINTS = [(d, m) for d in DESIGNS for m in ("none", "causal")]


@pytest.mark.parametrize(("design", "mask"), POINTS)
def test_what_an_array_did_and_waited_for_is_the_whole_time(design: str, mask: str) -> None:
    found = run(design, mask=mask)
    for array in found.arrays:
        total = sum(array.busy.values()) + sum(array.stalls.values())
        phases = len({s.label for s in found.trace.spans}) if found.trace is not None else 0
        assert phases
        if array.busy and design != "unfused":  # of the unfused machine an array is idle in the others' phases
            assert total == pytest.approx(found.cycles)
        assert total <= found.cycles * (1 + 1e-9)
        assert all(cycles >= 0 for cycles in array.busy.values())


@pytest.mark.parametrize(("design", "mask"), POINTS)
def test_the_buffer_never_holds_more_than_it_has_room_for(design: str, mask: str) -> None:
    found, measured = run(design, mask=mask), machine(design, mask=mask).measured
    word = float(measured.sizes("word")) / 8
    held = found.peak_words[measured.next]
    assert sum(held.values()) * word <= float(measured.sizes(f"{measured.next}.capacity"))
    assert found.trace is not None
    assert all(level.words >= 0 for level in found.trace.levels)


@pytest.mark.parametrize(("design", "mask"), POINTS)
def test_every_einsum_keeps_its_array_as_long_as_the_model_counts(design: str, mask: str) -> None:
    found, measured = run(design, mask=mask), machine(design, mask=mask).measured
    busy = {name: cycles for array in found.arrays for name, cycles in array.busy.items()}
    for name in measured.design.schedule.einsums:
        assert busy[measured.design.label(name)] == pytest.approx(float(measured.cycles(name)))


@pytest.mark.parametrize(("design", "mask"), POINTS)
def test_memory_moves_what_the_model_counts(design: str, mask: str) -> None:
    found, measured = run(design, mask=mask), machine(design, mask=mask).measured
    words = float(measured.words(measured.design.schedule.einsums))
    assert found.memory["read words"] + found.memory["written words"] == pytest.approx(words, rel=0.02)


def test_two_query_tiles_leave_epochs_empty_and_two_heads_in_turn_do_not() -> None:
    few = simulate("fusemax", "bert", 512)
    assert (few.flight, few.in_flight) == (3, 2)
    assert few.stalls["running tensor"] > 0.1 * few.cycles
    assert any("interleaving 2 heads" in remark for remark in few.remarks)
    design = load_design("fusemax")
    turns = replace(design, schedule=design.schedule.model_copy(update={"streams": 2}))
    found = simulate(turns, "bert", 512)
    assert found.in_flight == 4 and "running tensor" not in found.stalls
    assert found.cycles < 0.9 * few.cycles


def test_the_four_query_tiles_of_1k_are_enough() -> None:
    found = simulate("fusemax", "bert", "1K")
    assert (found.flight, found.in_flight) == (3, 4)
    assert "running tensor" not in found.stalls


def test_later_correction_needs_one_query_tile() -> None:
    assert run("fusemax").flight_best == 1


def test_a_million_tokens_are_not_executed_one_by_one() -> None:
    found = simulate("fusemax", "bert", "1M")
    assert abs(found.difference) < 1e-6
    assert found.tiles["QK"] == 768 * 4096**2
