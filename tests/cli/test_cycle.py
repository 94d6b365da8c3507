from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from fusemax.cli.main import run

SMALL = ["simulate", "fusemax", "--array", "4", "--head-size", "4", "--tiles", "3"]


def test_one_json_document_with_the_schema_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--cycle", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert next(iter(document)) == "schema"
    assert document["schema"] == "fusemax/simulate/1"
    assert document["level"] == "cycle"
    assert document["array"] == 4
    assert 0 < document["max_error"] < 1e-2


def test_values_that_are_not_attention_end_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--cycle", "--words", "float32", "--exp", "poly2"]) == 1
    assert "is NOT attention" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "fusemax", "--array", "4"], "--array is for the cycle level: give --cycle"),
        (["simulate", "unfused", "--cycle"], "design 'unfused' has no binding"),
        ([*SMALL, "--cycle", "--words", "float8"], "unknown number format 'float8'"),
        ([*SMALL, "--cycle", "--exp", "poly7"], "did you mean 'poly"),
        (
            [*SMALL, "--cycle", "--binding", "fusemax-pipeline"],
            "did you mean the catalogue's binding 'fusemax-pipelined'",
        ),
        (
            [*SMALL, "--cycle", "--binding", "single-array", "--array", "8"],
            "requires: E = N is required, found 4 and 8",
        ),
        ([*SMALL, "--cycle", "--binding", "fusemax-figure-4", "--causal"], "no row masks keys above a query's limit"),
        ([*SMALL, "--exp-study", "--words", "float16"], "--words does not go with --exp-study"),
        (["simulate", "fusemax", "--print-cycles", "--array", "64"], "smaller --array"),
        (["simulate", "fusemax", "--cycle", "--array", "64", "--tiles", "60000"], "give fewer tiles"),
    ],
)
def test_bad_usage_ends_with_status_2_and_says_what_would_be_right(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_the_table_of_cycles_as_rows(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["simulate", "fusemax", "--print-cycles", "--array", "2", "--head-size", "2", "--tiles", "6"]
    assert run([*command, "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "t,unit,tile,einsum,operation,right,down,store"
    assert any("BQK" in line and "BK[1] * Q[1]" in line for line in lines)


def test_the_epoch_as_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "epoch.svg"
    assert run([*SMALL, "--cycle", "--gantt", "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("<svg")
    assert run([*SMALL, "--cycle", "--gantt"]) == 0
    assert "every lane  SPNV of b" in capsys.readouterr().out


@pytest.mark.parametrize("level", [["--cycle", *SMALL[2:]], ["--workload", "bert", "--seq-len", "1K"]])
def test_the_same_command_says_the_same(level: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for _ in range(2):
        assert run(["simulate", "fusemax", *level, "--json"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_an_interrupted_trace_leaves_no_half_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_trace: object, file: BinaryIO) -> None:
        file.write(b'{"traceEvents": [')
        raise KeyboardInterrupt

    monkeypatch.setattr("fusemax.report.trace.write_trace", half)
    path = tmp_path / "trace.json"
    path.write_text("what was there")
    command = ["simulate", "fusemax", "--seq-len", "1K", "--trace", str(path)]
    with suppress(KeyboardInterrupt):
        assert run(command) != 0
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("trace.json", "what was there")]
