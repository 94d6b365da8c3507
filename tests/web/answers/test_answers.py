"""Every answer is the library's own result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import fusemax
from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.result import plain, to_json
from fusemax.cascade import parse
from fusemax.report.catalogue import catalogue_text
from fusemax.search.sweep import SweepPlan, run_sweep
from fusemax.web.answers import ANSWERS, catalogue, derive, design, learn, store, taxonomy
from fusemax.web.answers import cascade as page

NAIVE = catalogue_text("cascades", "attn_3pass")


def _same(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """``expected`` is in ``found``, as JSON."""
    whole = json.loads(to_json(dict(found)))
    assert {key: whole[key] for key in expected} == json.loads(to_json(dict(expected)))


def test_every_call_has_its_function() -> None:
    for path in ANSWERS.values():
        module, _, name = path.partition(":")
        assert callable(getattr(import_module(module), name))


def test_passes_and_cascade() -> None:
    expected = dict(fusemax.passes("attn_3pass").to_json_document()) | {"file": "<text>"}
    _same(page.passes(NAIVE), expected)
    found = page.cascade(NAIVE, {"M": 64, "NOT": 3})
    _same(found["passes"], expected)  # type: ignore[arg-type]
    assert found["ok"] and not found["errors"] and not found["claims"]
    work = fusemax.work("attn_3pass", {"M": 64}).to_json_document()
    _same(found["work"], work)  # type: ignore[arg-type]
    assert {"rank": "M", "elements": "M"} in found["footprint"]  # type: ignore[operator]
    assert str(found["svg"]).startswith("<svg")
    assert parse(str(found["text"]), "x").name == "attn_3pass"


def test_a_mistake_stands_where_it_is() -> None:
    found = page.cascade(NAIVE.replace("exp(QK[", "exp(QKK["))
    assert not found["ok"]
    errors: Any = found["errors"]
    (place,) = errors
    assert (place["suggestion"], place["length"]) == ("QK", 3)
    line = NAIVE.replace("exp(QK[", "exp(QKK[").split("\n")[place["line"] - 1]
    assert line[place["column"] - 1 :].startswith("QKK[")
    assert "<text>:" in str(found["error_text"]) and "^~~" in str(found["error_text"])
    claims: Any = page.cascade(NAIVE.replace("expect    M = 3", "expect    M = 2"))["claims"]
    (claim,) = claims
    assert "counted 3" in claim["message"]


def test_derive() -> None:
    found = derive.derive(NAIVE, "M", {"M0": 4})
    expected = fusemax.derive("attn_3pass", "M", tile=("M0", 4))
    _same(found, {key: expected.document()[key] for key in ("passes_before", "passes_after", "steps", "text")})
    chain: Any = found["chain"]
    assert [one["law"] for one in chain] == [None, *(step.law for step in expected.steps)]
    assert chain[-1]["text"] == expected.document()["text"] and chain[0]["passes"] == 3
    assert all(one["svg"].startswith("<svg") and one["unicode"] for one in chain)
    with pytest.raises(UsageError, match="one rank"):
        derive.derive(NAIVE, "M", {"M0": 4, "P0": 4})


@pytest.mark.parametrize("accounting", ["corrected", "published"])
def test_model_and_design(accounting: str) -> None:
    expected = fusemax.model("fusemax", "bert", "4K", accounting, {"edge": 128}).to_json_document()
    _same(design.model("fusemax", "bert", "4K", accounting, {"edge": 128.0}), expected)
    text = catalogue_text("designs", "fusemax")
    found = design.design(text, catalogue_text("workloads", "bert"), 4096, accounting, {"edge": 128})
    _same(found, {key: expected[key] for key in ("latency_s", "energy_pj", "traffic_bytes", "bound", "rows")})
    knobs: Any = found["knobs"]
    assert {knob["name"]: knob["value"] for knob in knobs} | {"edge": 128} == {
        "edge": 128, "buffer.capacity": 16 << 20, "dram.bandwidth": 400 << 30, "clock": 940_000_000, "B": 64,
    }  # fmt: skip
    # What the knobs say may be set, and changes nothing.
    again = design.model("fusemax", "bert", "4K", accounting, {knob["name"]: knob["value"] for knob in knobs})
    _same(again, {key: expected[key] for key in ("latency_s", "energy_pj", "traffic_bytes")})


def test_beside() -> None:
    rows: Any = design.beside("bert", 4096, "corrected", {"edge": 128, "array9.rows": 3})["rows"]
    for row in rows:
        expected = fusemax.model(row["design"], "bert", "4K", "corrected", {"edge": 128})
        assert (row["latency_s"], row["bound"], row["set"]) == (expected.latency_s, expected.bound, {"edge": 128})
    rows = design.beside("bert", 4097, "published")["rows"]
    assert [row["latency_s"] for row in rows if row["error"]] == [None] * sum(bool(row["error"]) for row in rows)


def test_what_ships() -> None:
    found: Any = catalogue.catalogue()
    names = {kind: [entry["name"] for entry in entries] for kind, entries in found.items()}
    expected = [entry for entry in fusemax.catalogue().entries if entry.kind in names]
    assert sum(map(len, names.values())) == len(expected)
    assert catalogue.text_of("cascades", "attn_3pass")["text"] == NAIVE
    whole: Any = catalogue.design_text("fusemax")
    assert "\n  components:" in whole["whole"] and whole["text"] == catalogue_text("designs", "fusemax")
    for name in ("../designs/fusemax", "/etc/passwd", ""):
        with pytest.raises(UnknownName):
            catalogue.text_of("cascades", name)


def test_taxonomy() -> None:
    found: Any = taxonomy.taxonomy("attention: backward")
    expected = fusemax.taxonomy((), "attention: backward")
    for row, form in zip(found["rows"], expected.forms, strict=True):
        _same(row, form.to_json_document())
        for end in row["passes_why"]:  # the evidence is in the text, where it says
            assert end["einsum"].split(", ")[0] in row["text"].split("\n")[end["line"] - 1]


def test_the_tour() -> None:
    steps: Any = learn.learn()["steps"]
    assert [step["passes"] for step in steps] == [2, 1, 1, 3, 1]
    assert all(fusemax.passes(step["name"]).ranks[step["rank"]].passes == step["passes"] for step in steps)
    assert all(len(step["prose"]) > 200 and step["look"] and step["svg"].startswith("<svg") for step in steps)


def test_a_store_and_its_points(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.db")
    nothing: Any = store.studies(path)
    assert nothing == {"studies": []} and not Path(path).exists()
    spec = "designs: [fusemax]\nworkloads: [bert]\nseq_lens: [4K, 8K]\n"
    spec += "vary: {edge: [64, 128, 256], schedule.streams: [1, 2]}\n"
    run_sweep(SweepPlan("<sweep>", spec), path)
    studies: Any = store.studies(path)["studies"]
    assert sum(study["points"] for study in studies) == 12
    found: Any = store.front(path, [study["id"] for study in studies])
    assert found["num_points"] == 12 and found["is_whole"] and found["axes"]["y"] == {
        "name": "latency", "unit": "s", "figure": "latency_s"
    }  # fmt: skip
    for one in found["points"]:
        better = [
            other
            for other in found["points"]
            if other["inputs"]["seq_len"] == one["inputs"]["seq_len"]
            and (other["x"], other["y"]) != (one["x"], one["y"])
            and other["x"] <= one["x"]
            and other["y"] <= one["y"]
        ]
        assert one["front"] == (not better) or one["front"] is False
        point: Any = store.point(path, one["key"])
        again = design.model(point["text"], point["workload"], point["seq_len"], point["accounting"])
        assert again["latency_s"] == pytest.approx(one["y"], rel=1e-9)
    with pytest.raises(UnknownName):
        store.front(path, [study["id"] for study in studies], x="beauty")
    with pytest.raises(UnknownName):
        store.point(path, "00")
    assert plain(store.front(path, [])) == plain({**store.front(path, []), "points": []})
