"""Einsums that are skipped at some tiles: what they do and take is a share of what they would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fusemax.cascade.print import print_cascade
from fusemax.design.design import Design
from fusemax.design.load import load_design
from fusemax.design.schedule import Phase, Schedule
from fusemax.model.batch import evaluate_batch
from fusemax.model.evaluate import Evaluation, evaluate
from fusemax.search.rewrite import checked

STEPS = {
    "free": [{"array2d": ["BQK", "LM", "SLN", "SLD", "SLNV"],
              "array1d": ["RM", "PRM", "SPD", "RD", "SPNV", "RNV", "AV"]}],
    "two": [{"array2d": ["BQK", "LM"], "array1d": ["RD", "RNV", "RM"]},
            {"array2d": ["SLN", "SLD", "SLNV"], "array1d": ["PRM", "SPD", "SPNV", "AV"]}],
    "lanes": [{"array2d": ["BQK"], "array1d": ["RM", "PRM", "SPD", "RD", "SPNV", "RNV", "AV"]},
              {"array2d": ["LM", "SLN", "SLD", "SLNV"]}],
}  # fmt: skip
PAIRS = [["SPD", "RD"], ["SPNV", "RNV"]]


def design(steps: str, share: str | float | None, joined: bool = False) -> Design:
    lazy = load_design("fusemax-lazy")
    made = {
        "phases": (Phase.model_validate({"steps": STEPS[steps]}),),
        "as_one": PAIRS if joined else [],
        "runs": {} if share is None else dict.fromkeys(("PRM", "SPD", "SPNV"), share),
    }
    return checked(replace(lazy, schedule=Schedule.model_validate(made)))


def work(found: Evaluation, quantity: str) -> dict[tuple[object, object], object]:
    return {(r["einsum"], r["action"]): r["value"] for r in found.rows() if r["quantity"] == quantity}


def test_operations_and_cycles_are_a_share() -> None:
    whole = evaluate(design("free", None), "bert", 4096)
    some = evaluate(design("free", "1/16"), "bert", 4096)
    for quantity in ("operations", "cycles"):
        before, after = work(whole, quantity), work(some, quantity)
        assert before.keys() == after.keys()
        for (einsum, action), value in before.items():
            assert isinstance(value, int)
            skipped = einsum in ("PRM", "SPD", "SPNV")
            assert after[einsum, action] == (value / 16 if skipped else value)
            assert skipped or isinstance(after[einsum, action], int)
    assert work(whole, "words") == work(some, "words")  # what is skipped still passes its operand on


@pytest.mark.parametrize("share", [None, 1, "1", 1.0, "3/3"])
def test_a_share_of_one_is_the_whole(share: str | float | None) -> None:
    found, plain = evaluate(design("two", share, True), "bert", 4096), evaluate(design("two", None, True), "bert", 4096)
    assert found.rows() == plain.rows()


def test_a_joined_pair_adds_alone_where_the_multiplication_is_skipped() -> None:
    whole, some = (evaluate(design("free", share, True), "bert", 4096) for share in (None, "1/4"))
    assert whole.measured.cycles("SPNV") == some.measured.cycles("SPNV") + some.measured.cycles("RNV")
    assert some.measured.cycles("RNV") == 3 * some.measured.cycles("SPNV")
    saved = sum(whole.measured.operation_energy("SPNV").values()) - sum(
        energy for name in ("SPNV", "RNV") for energy in some.measured.operation_energy(name).values()
    )
    table = load_design("fusemax-lazy").costs.components
    mac, add = (table.get("mac", action, "energy") for action in ("mac", "add"))
    assert mac is not None and add is not None
    assert saved == pytest.approx(0.75 * (mac - add) * whole.measured.points("SPNV"))


def test_a_step_lasts_as_its_slowest_array_tile_by_tile() -> None:
    """Not the larger of the means: where rescaling runs the lanes are slower, elsewhere the 2D array."""
    always, never, some = (
        float(evaluate(design("lanes", share), "bert", 4096).measured.phases[0].compute) for share in (1, 2**-20, "1/4")
    )
    assert always > never * 1.1
    assert some == pytest.approx(always / 4 + never * 3 / 4, rel=1e-5)


@pytest.mark.parametrize("steps", list(STEPS))
@pytest.mark.parametrize("joined", [False, True])
def test_many_points_at_once_are_the_same(steps: str, joined: bool) -> None:
    own = design(steps, "5/16", joined)
    lengths = [1024, 4096, 65536]
    batch = evaluate_batch(own, "bert", {"seq_len": lengths})
    for i, length in enumerate(lengths):
        one = evaluate(own, "bert", length)
        assert batch.latency_s[i] == pytest.approx(one.measured.latency, rel=1e-12)
        assert batch.energy_pj[i] == pytest.approx(one.measured.energy, rel=1e-12)
        assert one.total("energy") == pytest.approx(one.energy_pj, rel=1e-9)


def test_a_copy_of_a_schedule_has_its_own_shares() -> None:
    plain = design("free", None)
    assert plain.schedule.shares == {}
    copy = plain.schedule.model_copy(update={"runs": {"SPNV": "1/8"}})
    assert evaluate(replace(plain, schedule=copy), "bert", 4096).measured.share("SPNV") == 1 / 8


def test_the_shipped_design_has_the_derived_cascade() -> None:
    import fusemax
    from fusemax.cascade import load

    derived = fusemax.derive(load("attn_1pass_fusemax"), rank="M", law="lazy")
    assert print_cascade(load_design("fusemax-lazy").cascade) == print_cascade(derived.cascade)
