"""What of a stream can be there before an Einsum's turn."""

from __future__ import annotations

from fusemax.design.workload import Workload
from fusemax.model.evaluate import evaluate
from fusemax.model.measure import Measured
from fusemax.model.pieces import PARTS, ahead, tile_loops
from tests.simulate.points import workload


def flat(one: Workload, length: int) -> Measured:
    return evaluate("flat", one, length, "corrected", {"edge": 16}).measured


def shares(measured: Measured) -> dict[str, float]:
    phase = measured.design.schedule.phases[0]
    return {name: float(ahead(measured, phase, name)) for name in phase.einsums}


def test_of_a_head_with_many_blocks_a_whole_one_can_be_there() -> None:
    assert set(shares(flat(workload(), 4096)).values()) == {1.0}


def test_at_decode_two_pieces_of_many_can_be_there_and_lanes_take_whole_rows() -> None:
    found = shares(flat(workload(query_len=16), 4096))
    assert found["QK"] == found["AV"] == 2 / PARTS
    assert found["GM"] == found["A"] == 1


def test_tiles_are_not_cut_along_what_the_array_sums_over() -> None:
    measured = flat(workload(), 1024)
    phase = measured.design.schedule.phases[0]
    assert {loop.root for loop in tile_loops(measured, phase, "AV")}.isdisjoint({"M", "F"})
