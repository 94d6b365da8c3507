"""``fusemax compare``, ``model`` and ``accounting`` as a user types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from fusemax.cli.main import run

SMALL = ["--designs", "flat,fusemax", "--workloads", "bert", "--seq-lens", "4K", "--accounting", "published"]


def test_csv_is_tidy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", *SMALL, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["part", "design", "workload", "seq_len", "quantity", "value", "unit"]
    (row,) = [r for r in rows if (r["part"], r["design"], r["quantity"]) == ("attention", "fusemax", "latency")]
    assert row == {
        "part": "attention",
        "design": "fusemax",
        "workload": "bert",
        "seq_len": "4096",
        "quantity": "latency",
        "value": "0.02970035744680851",
        "unit": "s",
    }


def test_json_says_how_to_repeat_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", *SMALL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "fusemax/compare/1"
    assert document["switches"] == []
    assert document["workloads"][0]["batch"] == 64
    assert set(document["headlines"]) == {"published", "corrected"}
    assert {row["part"] for row in document["rows"]} == {"attention", "linear", "end-to-end"}


def test_tables_end_with_the_headline(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", *SMALL, "--part", "attention"]) == 0
    out = capsys.readouterr().out
    assert "fusemax against flat, published accounting: attention 7.21 times faster" in out
    assert "fusemax against flat, corrected accounting: attention" in out


def test_what_changed_since_a_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["compare", *SMALL, "--json"]) == 0
    path = tmp_path / "run.json"
    path.write_text(capsys.readouterr().out)
    assert run(["compare", *SMALL, "--against", str(path)]) == 0
    assert capsys.readouterr().out.startswith("0 of 35 figures changed")


def test_model_json_has_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "fusemax", "--workload", "bert", "--seq-len", "4K", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "fusemax/model/1"
    assert set(document["rows"][0]) == {"einsum", "component", "tensor", "action", "quantity", "value", "unit"}
    for key in ("latency_s", "traffic_bytes", "energy_pj", "utilization_2d", "utilization_1d", "roofline_fraction"):
        assert document[key] > 0
    assert document["bound"] == "array1d"
    energy = sum(row["value"] or 0 for row in document["rows"] if row["quantity"] == "energy")
    assert energy == pytest.approx(document["energy_pj"], rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["model", "fusemx"], "did you mean the catalogue's design 'fusemax'?"),
        (["model", "fusemax", "--set", "egde=4"], "unknown quantity 'egde' (did you mean 'edge'?)"),
        (["model", "fusemax", "--set", "edge"], "expected NAME=VALUE"),
        (["model", "fusemax", "--set", "edge=0"], "edge is 0; expected at least 1"),
        (["model", "fusemax", "--set", "dram.bandwidth=400"], "expected a rate like 400GiB/s"),
        (["model", "fusemax", "--set", "buffer.capacity=1KiB"], "does not fit buffer"),
        (["model", "flat", "--seq-len", "1000", "--accounting", "published"], "P = 1000 is not P2"),
        (["compare", "--designs", "fusemax,fusemax"], "design 'fusemax' is given twice"),
        (["compare", "--json", "--format", "csv"], "contradict each other"),
        (["compare", "--open"], "--open needs -o DIR"),
        (["compare", "--against", "/nonexistent"], "/nonexistent: No such file"),
    ],
)
def test_wrong_input_is_named(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    caught = capsys.readouterr()
    assert expected in caught.err
    assert not caught.out
    assert "Traceback" not in caught.err


def test_published_figures_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accounting", "--check"]) == 0
    assert capsys.readouterr().out.startswith("648 of 648 published figures agree")


def test_a_figure_that_differs_is_status_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from fusemax.model import accounting

    wrong = {"part": "attention", "design": "fusemax", "published": 1.0, "ours": 2.0}
    monkeypatch.setattr(accounting, "check", lambda: accounting.Check(2, (wrong,)))
    assert run(["accounting", "--check"]) == 1
    assert "1 of 2 published figures agree" in capsys.readouterr().out


def test_counts_past_64_bits_are_searched_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "flat", "--workload", "bert", "--seq-len", "20492672"]) == 0
    assert capsys.readouterr().out.startswith("flat, bert at 20492672, corrected accounting: ")
