"""Each rule: one broken binding, and where the error stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusemax.base.errors import SourceErrors, UsageError
from fusemax.simulate.array.checker import RULES, Hardware, check_binding, check_everywhere, violations
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.load import binding_names, load_binding

SIZES = Sizes(4, 8, 8, method("poly2"))
TEXT = (Path(__file__).parents[3] / "src/fusemax/catalogue/bindings/fusemax-pipelined.yaml").read_text(encoding="utf-8")

BROKEN = [
    ("expressions", "at: L + 1, tile: c", "at: L + Y, tile: c", "unknown quantity 'Y'"),
    ("expressions", "at: L + 1, tile: c", "at: L / 2, tile: c", "no whole number"),
    ("stages", "{at: L, tile: d, einsum: LM", "{at: L, tile: e, einsum: LM", "unknown stage 'e'"),
    ("stages", "stages: [d, c, b]", "lags: {d: 0, x: 1}\nstages: [d, c, b]", "unknown stage 'x'"),
    ("ports", "of: [SP, top], write", "of: [SP, left], write", "no left link"),
    ("ports", "einsum: LM, do: max,", 'einsum: LM, write: {"RNV[0]": result}, do: max,', "no port to the buffer"),
    ("units", "einsum: RNV, do: add", "einsum: RNV, do: div", "'divider' unit"),
    ("slots", "{at: L + 1, tile: c, einsum: SLN", "{at: L, tile: c, einsum: SLN", "taken by LM (row 5) and SLN"),
    ("slots", "{at: L, tile: d, einsum: LM", "{at: 0 - 1, tile: d, einsum: LM", "before the epoch"),
    ("links", "top], down: result, right: left", "top], down: result", "'right' is missing"),
    ("links", "down: result, feed: {top: -.inf}", "down: result", "nothing enters 'top' of the first row"),
    ("lane words", "{at: L, tile: d, einsum: RM", "{at: Z + 1, tile: c, einsum: RM", "of stage d, not of c"),
    ("lane words", "{at: L + 2 + X, tile: c, einsum: SLD, do: add, of: [SLN, top], down: result,",
     "{at: L + 2 + X, tile: c, einsum: SLD, do: add, of: [SLN, top], to: D,", "no PE sends"),
    ("registers written", "of: [D], to: SLN", "of: [T], to: SLN", "register T is read in slot 19"),
    ("memory", 'read: "RNV[f]", write: {"AV[f]"', 'read: "RNW[f]", write: {"AV[f]"', "unknown tensor 'RNW'"),
    ("memory", 'left: "BK[e]"', 'left: "BK[e + 1]"', "BK[8] is outside its 8 words"),
    ("memory", '{"AV[f]": result}', '{"RNV[f]": result}', "nothing writes AV[0]"),
    ("lags", "stages: [d, c, b]", "lags: {d: 0, c: 0, b: 1}\nstages: [d, c, b]", "takes 1"),
    ("requires", "stages: [d, c, b]", "requires: {E: N}\nstages: [d, c, b]", "E = N is required, found 8 and 4"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "old", "new", "message"), BROKEN)
def test_a_broken_rule_is_named_where_it_stands(rule: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    assert TEXT.count(old) >= 1
    path = tmp_path / "broken.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    hardware = Hardware(lane_units=("mac", "max"), pe_units=("mac", "max")) if rule == "units" else None
    with pytest.raises(SourceErrors) as caught:
        check_binding(load_binding(path), SIZES, hardware)
    line = TEXT[: TEXT.index(old)].count("\n") + 1
    found = [e for e in caught.value.errors if e.message.startswith(f"{rule}:") and message in e.message]
    assert found, str(caught.value)
    if rule not in ("memory", "lane words", "requires", "lags"):  # those blame what misses the row
        assert any(e.line == line for e in found), str(caught.value)


def test_every_rule_is_tried_here() -> None:
    here = {rule for rule, *_ in BROKEN}
    assert set(RULES) - here == {"register file", "masks", "registers kept"}


def test_the_page_on_bindings_lists_the_rules() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/bindings.md").read_text(encoding="utf-8")
    assert all(f"* **{rule}**: {what}.\n" in page for rule, what in RULES.items())


def test_registers_beyond_the_file_and_masks_without_rows_are_refused() -> None:
    pipelined = load_binding("fusemax-pipelined")
    (short,) = violations(pipelined, SIZES, Hardware(pe_registers=7))
    assert (short.rule, short.where) == ("register file", ("pe",))
    assert "8 registers of a pe (S x 2, D, exp.t, exp.n, exp.g, exp.p, SLN), the file has 7" in short.message
    masked = Sizes(4, 8, 8, method("poly2"), conditions=frozenset({"above"}))
    assert [v.rule for v in violations(load_binding("fusemax-figure-4"), masked)] == ["masks"]
    with pytest.raises(UsageError, match="breaks its rules"):
        check_binding(pipelined.model_copy(update={"lags": {"d": 0, "c": 0, "b": 0}, "_positions": None}), SIZES)


def test_a_register_that_two_stages_write_must_hold_the_readers_word() -> None:
    binding = load_binding("fusemax-pipelined")
    changes: dict[str, dict[str, object]] = {"SPD": {"to": "D"}, "RD": {"of": ("D", "top")}}
    lane = [row.model_copy(update=changes.get(row.einsum, {})) for row in binding.lane]
    shared = binding.model_copy(update={"lane": tuple(lane)})
    assert violations(shared, SIZES) == ()  # a stage later, in a copy of its own
    together = shared.model_copy(update={"lags": {"d": 0, "c": 0, "b": 1}})
    assert ("lane", 6, "of") in [v.where for v in violations(together, SIZES) if v.rule == "registers kept"]


@pytest.mark.parametrize("name", binding_names())
def test_shipped_bindings_keep_every_rule_large_and_small(name: str) -> None:
    assert check_everywhere(load_binding(name)).binding == name
