from __future__ import annotations

import pytest

from fusemax.simulate.array.expstudy import exp_study
from fusemax.simulate.array.load import binding_names, load_binding
from fusemax.simulate.array.result import CycleResult
from fusemax.simulate.array.simulate import simulate_cycles
from fusemax.simulate.array.stream import Mask

KEYS = {
    "level", "cycles", "utilization_2d", "utilization_1d", "useful_utilization_2d", "stalls", "peak_words", "array",
    "epochs", "cycles_per_epoch", "registers_pe", "registers_lane", "max_error", "words",
}  # fmt: skip


def simulated(binding: str, **options: object) -> CycleResult:
    sizes: dict[str, object] = {"array": 4, "head_size": 4, "key_tiles": 6, "queries": 2, "exp": "poly2"}
    return simulate_cycles("fusemax", binding=binding, **(sizes | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", binding_names())
def test_busy_and_idle_cycles_add_up(name: str) -> None:
    found = simulated(name).to_json_document()
    assert set(found) >= KEYS
    for busy, idle in (("utilization_2d", "stalls"), ("utilization_1d", "stalls_1d")):
        share, causes = found[busy], found[idle]
        assert isinstance(share, float)
        assert isinstance(causes, dict)
        assert share * float(str(found["cycles"])) + sum(causes.values()) == pytest.approx(float(str(found["cycles"])))


def test_the_steady_epoch_is_the_papers_and_both_arrays_are_as_busy_as_its_formula_says() -> None:
    found = simulated("fusemax-pipelined", head_size=64, key_tiles=16).to_json_document()
    assert found["cycles_per_epoch"] == 138
    assert found["steady_utilization_2d"] == 137 / 138
    assert found["steady_utilization_1d"] == 1.0
    assert found["registers_pe"] == 8


def test_one_multiply_add_for_spnv_and_rnv_lets_the_2d_array_bound_the_epoch() -> None:
    found = simulated("fusemax-one-mac", head_size=64, key_tiles=16).to_json_document()
    assert found["cycles_per_epoch"] == 137
    assert found["steady_utilization_2d"] == 1.0
    assert found["steady_utilization_1d"] == 74 / 137


def test_too_few_query_tiles_in_flight_leave_bubbles_and_heads_that_take_turns_fill_them() -> None:
    alone, turns = (simulated("fusemax-figure-4", queries=1, heads=h, key_tiles=12) for h in (1, 2))
    assert dict(alone.document())["queries_in_flight"] == 2
    assert dict(alone.document())["stalls"]["waiting for returns"] > 0  # type: ignore[index]
    assert "waiting for returns" not in dict(turns.document())["stalls"]  # type: ignore[operator]
    assert turns.execution.counts.cycles < 2 * alone.execution.counts.cycles * 0.6
    ours = simulated("fusemax-pipelined", queries=1, key_tiles=12)
    assert "waiting for returns" not in dict(ours.document())["stalls"]  # type: ignore[operator]


def test_what_the_buffer_holds_grows_with_the_length_only_where_softmax_needs_the_whole_row() -> None:
    def held(binding: str, tensor: str, tiles: int) -> int:
        found = simulated(binding, key_tiles=tiles).document()["peak_words"]
        return int(found["buffer"][tensor])  # type: ignore[index]

    assert held("fusemax-pipelined", "RNV", 24) == held("fusemax-pipelined", "RNV", 6) == 2 * 4 * 4
    assert held("flat-lanes", "S", 12) > 1.8 * held("flat-lanes", "S", 6)


def test_a_mask_costs_the_2d_arrays_free_slot_and_nothing_else() -> None:
    plain, causal = (simulated("fusemax-pipelined", head_size=8, mask=m) for m in (Mask(), Mask(causal=True)))
    assert plain.cycles_per_epoch == causal.cycles_per_epoch == 26
    assert causal.execution.stream.tiles < plain.execution.stream.tiles


def test_the_exp_study_picks_the_fewest_operations_whose_error_does_not_show() -> None:
    study = exp_study(load_binding("fusemax-pipelined"), array=4, head_size=8, key_tiles=4)
    rows = {str(row["exp"]): row for row in study.rows()}
    assert rows["poly2"]["speed"] == 1.0
    assert rows["unit"]["cycles_per_epoch"] == rows["poly2"]["cycles_per_epoch"] - 5  # type: ignore[operator]
    best = study.recommended("float32", table=False)
    assert best is not None
    assert best.name in ("poly4", "poly5")
    assert study.recommended("float32", table=True) is None
    assert "for bfloat16: poly" in str(study)
    assert f"for float32: {best.name} (speed 0." in str(study)


def test_the_exp_moves_both_arrays_alike_unless_lanes_take_all_of_them() -> None:
    ours, theirs = (
        exp_study(load_binding(n), array=4, head_size=8, key_tiles=2) for n in ("fusemax-pipelined", "flat-lanes")
    )
    assert {row["cycles_1d"] - row["cycles_2d"] for row in ours.rows()} == {1}  # type: ignore[operator]
    slot = {row["operations"]: row["cycles_per_epoch"] for row in theirs.rows()}
    assert slot[7] - slot[6] == 4  # type: ignore[operator]


def test_values_that_are_not_attention_are_said_and_end_with_status_1() -> None:
    found = simulated("fusemax-pipelined", words="float32", exp="poly2")
    assert found.status == 1
    assert "is NOT attention" in str(found)
    assert simulated("fusemax-pipelined", words="float32", exp="poly5").status == 0
