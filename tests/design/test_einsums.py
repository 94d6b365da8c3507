"""What a mapping sees of a cascade."""

from __future__ import annotations

import pytest

from fusemax.cascade import catalogue, load
from fusemax.design.einsums import batched, einsums_of, views_of


def test_the_one_pass_cascade() -> None:
    specs = {spec.name: spec for spec in einsums_of(load("attn_1pass_fusemax"))}
    assert list(specs) == ["BQK", "LM", "RM", "SLN", "SLD", "SLNV", "PRM", "SPD", "RD", "SPNV", "RNV", "AV"]
    assert dict(specs["BQK"].operations) == {"mac": 1}
    assert dict(specs["SLN"].operations) == {"exp": 1, "add": 1}
    assert dict(specs["SPNV"].operations) == {"mul": 1}
    assert [operand.label for operand in specs["PRM"].inputs] == ["RMold", "RM"]
    assert specs["AV"].inputs[0].ranks == {"F", "P"}  # the terminal coordinate, no M1
    assert specs["RNV"].output.ranks == {"F", "M1", "P"}


def test_views_stand_for_what_they_view() -> None:
    assert views_of(load("attn_1pass_fusemax")) == {"BK": "K", "BV": "V"}
    assert views_of(load("attn_flat")) == {"BQ": "Q", "AV": "BAV"}
    assert views_of(load("attn_1pass_fa1")) == {"BK": "K", "BV": "V"}  # AV copies one slice, which is work


def test_batch_ranks_are_in_every_operand() -> None:
    (spec,) = [s for s in einsums_of(load("attn_3pass")) if s.name == "QK"]
    more = batched(spec, ("B", "H"))
    assert more.ranks == ("B", "H", "M", "P", "E")
    assert all({"B", "H"} <= operand.ranks for operand in more.operands)


@pytest.mark.parametrize("name", catalogue())
def test_every_cascade_of_the_catalogue_can_be_seen(name: str) -> None:
    for spec in einsums_of(load(name)):
        assert all(times >= 1 for _, times in spec.operations)
