from __future__ import annotations

import pytest

from fusemax.analysis.fuse import Fusion, fuse
from fusemax.base.errors import UnknownName, UsageError
from fusemax.cascade import load, parse


def loops(name: str, rank: str) -> list[tuple[str, ...]]:
    return [loop.einsums for loop in fuse(load(name), rank).loops]


def of(name: str, rank: str) -> Fusion:
    return fuse(load(name), rank)


def test_einsums_of_one_pass_share_a_loop_and_barriers_stand_between() -> None:
    found = of("attn_3pass", "M")
    assert [loop.einsums for loop in found.loops] == [("QK", "GM"), ("SN", "SD"), ("A", "AV")]
    assert [(wall.after, wall.einsums, wall.reason) for wall in found.walls] == [
        (1, ("GM",), "max over m"),
        (2, ("SD",), "sum over m"),
    ]
    assert found.outside == ()
    assert found.together(("QK", "GM"))
    assert not found.together(("QK", "AV"))


def test_the_first_cascade_of_the_paper_cannot_be_fused_on_k() -> None:
    assert loops("c1_pedagogical", "K") == [("Y",), ("Z",)]
    assert loops("c2_deferred", "K") == [("Y", "X")]


def test_more_sweeps_than_passes() -> None:
    assert loops("two_sweeps", "K") == [("Y",), ("Z",)]


def test_opposite_orders_are_two_loops() -> None:
    found = of("linattn_bwd", "I")
    assert [(loop.einsums, loop.order) for loop in found.loops] == [
        (("S", "DQ"), "ascending"),
        (("R", "DK", "DV"), "descending"),
    ]
    assert found.walls[0].reason == "needs descending order, loop 1 ascending"


def test_a_window_that_wraps_around_has_no_order() -> None:
    found = of("stencil", "K")
    assert [loop.einsums for loop in found.loops] == [("B",), ("Z",)]
    assert found.walls[0].reason == "no order of K serves it and B"


def test_a_factor() -> None:
    assert loops("attn_1pass_fusemax", "M0") == [("BK", "BV", "BQK", "LM"), ("SLN", "SLD", "SLNV")]
    assert of("attn_1pass_fusemax", "M").outside == ("RM", "RD", "RNV", "PRM", "SPD", "SPNV", "AV")


def test_loops_that_repeat_in_every_step() -> None:
    found = of("recurrent_decoder", "M")
    assert found.every_step
    assert [loop.einsums for loop in found.loops] == [("QK", "SN", "SD"), ("A", "C")]
    assert not of("attn_1pass_fusemax", "M").every_step


def test_ranks_without_anything_to_walk() -> None:
    with pytest.raises(UnknownName):
        of("attn_3pass", "Z")
    with pytest.raises(UsageError, match="nothing to walk over"):
        of("power_iteration", "I")


def test_a_loop_of_no_order_in_words() -> None:
    text = str(fuse(parse("cascade one\ninput A[k]\noutput B[k]\nsizes K = 4\nB[k] = A[k] + 1\n"), "K"))
    assert text.startswith("one: 1 loop over K.")
    assert fuse(load("attn_3pass"), "M").to_json_document()["schema"] == "fusemax/fuse/1"
