"""``fusemax derive``, ``merge`` and ``equal`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fusemax.cascade import load
from fusemax.cli.main import run
from fusemax.derive.canonical import same_form

Out = pytest.CaptureFixture[str]


def test_o_writes_the_best_form_and_every_other_command_reads_it(tmp_path: Path, capsys: Out) -> None:
    best = tmp_path / "best.cascade"
    assert run(["derive", "attn_3pass", "--rank", "M", "-o", str(best)]) == 0
    assert "3 passes over M -> 1" in capsys.readouterr().out
    for command in ("check", "passes", "print"):
        assert run([command, str(best)]) == 0


def test_without_a_better_form_nothing_is_written(tmp_path: Path, capsys: Out) -> None:
    best = tmp_path / "best.cascade"
    assert run(["derive", "mad", "-o", str(best)]) == 1
    assert not best.exists()
    assert "proof:" in capsys.readouterr().out


def test_json_is_one_document(capsys: Out) -> None:
    assert run(["derive", "softmax_3pass", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["passes_before"], document["passes_after"]) == (3, 2)
    assert document["certificate"]["kind"] == "proof"


def test_chain_writes_every_step(tmp_path: Path, capsys: Out) -> None:
    assert run(["derive", "attn_3pass", "--rank", "M", "--tile", "M0=4", "--chain", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1_defer.cascade", "2_tile.cascade"]
    assert same_form(load(str(tmp_path / "2_tile.cascade")), load("attn_1pass_fusemax"))
    assert "AV[f, p] = " in capsys.readouterr().out


def test_a_tile_larger_than_the_default_size_makes_it_grow(tmp_path: Path) -> None:
    path = tmp_path / "tiled.cascade"
    assert run(["derive", "attn_3pass", "--rank", "M", "--tile", "M0=256", "-o", str(path)]) == 0
    assert {s.rank: s.value for s in load(str(path)).sizes}["M"] == 256


def test_law_iterate_prints_its_counterexample(capsys: Out) -> None:
    assert run(["derive", "c1_pedagogical", "--law", "iterate"]) == 0
    out = capsys.readouterr().out
    assert "counterexample" in out
    assert "div0(RY[i+1], RY[i])" in out


def test_explain_gives_a_counterexample_that_runs(tmp_path: Path, capsys: Out) -> None:
    assert run(["derive", "mad", "--explain", "--chain", str(tmp_path)]) == 1
    assert "rank 6 at 6 points, 12 at 12 points, 18 at 18 points" in capsys.readouterr().out
    forced, inputs, output = (str(tmp_path / n) for n in ("forced.cascade", "counterexample.npz", "out.npz"))
    assert run(["run", forced, "--inputs", inputs, "--output", output]) == 0
    wrong = float(np.load(output)["Y"])
    assert run(["run", "mad", "--inputs", inputs, "--output", output]) == 0
    assert abs(wrong - float(np.load(output)["Y"])) > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["derive", "attn_3pass", "--rank", "Q"], "unknown rank 'Q'"),
        (["derive", "attn_3pass", "--law", "deffer"], "did you mean 'defer'"),
        (["derive", "attn_3pass", "--tile", "M0"], "is not a tile"),
        (["derive", "attn_3pas"], "did you mean"),
        (["equal", "attn_3pass", "mad"], "input"),
    ],
)
def test_bad_usage_is_status_2(arguments: list[str], message: str, capsys: Out) -> None:
    assert run(arguments) == 2
    assert message in capsys.readouterr().err


def test_equal_writes_its_counterexample(tmp_path: Path, capsys: Out) -> None:
    inputs = tmp_path / "in.npz"
    assert run(["equal", "c1_pedagogical", "c3_iterative", "--inputs", str(inputs)]) == 1
    assert set(np.load(inputs)) == {"A", "B"}
    assert run(["equal", "attn_3pass", "attn_1pass_fusemax"]) == 0
    assert "same function" in capsys.readouterr().out


def test_merge_writes_the_form_asked_for(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "split.cascade"
    assert run(["merge", "attn_3pass", "--tile", "M0=4", "--form", "split", "-o", str(path)]) == 0
    assert same_form(load(str(path)), load("attn_splitk"))
    assert run(["merge", "mad"]) == 1
    assert "has no merge operator" in capsys.readouterr().err


def test_explain_says_what_a_million_terms_cost_in_narrow_accumulators(capsys: Out) -> None:
    assert run(["derive", "variance_2pass", "--rank", "M", "--explain"]) == 0
    lines = capsys.readouterr().out.split("\n")
    million = [line for line in lines if line.startswith("in tiles of 1024: ") and "1048576 terms" in line]
    assert [line.split()[4].rstrip(",") for line in million] == ["float32", "float16", "bfloat16"]
    assert "error infinite" in million[1]  # a sum of a million squares passes 65504
