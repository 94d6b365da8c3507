"""`fusemax run` and `fusemax work`: arrays in and out, exit status, one line of error, nothing half written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusemax.cascade import load
from fusemax.cli.main import run as fusemax
from fusemax.execute import run
from tests.execute.cases import normal


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    arrays: dict[str, Any] = normal(load("attn_3pass"))
    np.savez(tmp_path / "in.npz", **arrays)
    return tmp_path / "in.npz"


def test_outputs_are_float64_members(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.npz"
    assert fusemax(["run", "attn_3pass", "--inputs", str(inputs), "--output", str(target)]) == 0
    with np.load(target, allow_pickle=False) as found:
        assert list(found) == ["AV"]
        assert found["AV"].dtype == np.float64
        np.testing.assert_array_equal(found["AV"], run(load("attn_3pass"), normal(load("attn_3pass")))["AV"])
    assert "AV" in capsys.readouterr().out


def test_scalars_sizes_and_parameters(tmp_path: Path) -> None:
    text = "cascade t\ninput X[m]\noutput S, R[k]\nparameter EPS = 1\nsizes K = 2\nS = X[m] * EPS\nR[k] = S * k\n"
    (tmp_path / "t.cascade").write_text(text)
    np.savez(tmp_path / "in.npz", X=np.array([1, 2, 3], dtype=np.int8))
    options = ["--inputs", str(tmp_path / "in.npz"), "--output", str(tmp_path / "out.npz")]
    assert fusemax(["run", str(tmp_path / "t.cascade"), *options, "--size", "K=3", "--param", "EPS=-0.5"]) == 0
    with np.load(tmp_path / "out.npz") as found:
        assert found["S"].shape == ()
        assert found["S"] == -3
        assert found["R"].tolist() == [0, -3, -6]


def test_json_says_what_came_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert fusemax(["run", "attn_3pass", "--random", "0", "--dtype", "bfloat16", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "fusemax/run/1"
    assert document["dtype"] == "bfloat16"
    assert document["outputs"][0]["shape"] == [3, 5]


def test_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert fusemax(["run", "c3_iterative", "--random", "0", "--count", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["merge"]["left"] == {"points": 8, "touched": 7}  # RY[0] is 0: the left merge skips it
    assert {row["action"] for row in document["touched"]} == {"map"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Q": None}, "attn_3pass.cascade:6:11: no array for input 'Q'"),
        ({"QQ": np.zeros(3)}, "in.npz: member 'QQ' is no input of attn_3pass (did you mean 'Q'?)"),
        ({"Q": np.zeros(3)}, "attn_3pass.cascade:6:11: input 'Q' has 2 ranks, its array has 1"),
        ({"V": np.zeros((3, 11))}, "attn_3pass.cascade:6:29: input 'V' has size 11 along M, but M is 12 in input 'K'"),
        ({"V": np.array([["a"]])}, "in.npz: member 'V' holds <U1, expected real numbers"),
        ({"Q": np.zeros((0, 5)), "K": np.zeros((0, 12))}, "attn_3pass.cascade:6:11: input 'Q' has size 0 along E"),
    ],
)
def test_wrong_members(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], message: str
) -> None:
    arrays: dict[str, Any] = {
        name: array for name, array in (normal(load("attn_3pass")) | change).items() if array is not None
    }
    np.savez(inputs, **arrays)
    target = tmp_path / "out.npz"
    assert fusemax(["run", "attn_3pass", "--inputs", str(inputs), "--output", str(target)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--inputs", "{in}", "--size", "M=13"], "size M=13: M is 12 in input 'K'"),
        (["--inputs", "{in}", "--size", "Z=13"], "unknown rank 'Z'"),
        (["--inputs", "{in}", "--size", "M=0"], "expected a length of at least 1"),
        (["--inputs", "{in}", "--param", "SCALE=1"], "unknown parameter 'SCALE'"),
        (["--inputs", "{in}", "--dtype", "float61"], "float61"),
        (["--inputs", "{in}", "--random", "1"], "one of --inputs NPZ and --random SEED"),
        ([], "one of --inputs NPZ and --random SEED"),
        (["--inputs", "missing.npz"], "missing.npz: No such file or directory"),
        (["--inputs", "{in}", "--output", "no/such/folder/out.npz"], "no/such/folder/out.npz: No such file"),
        (["--random", "0", "--size", "M=1G", "--size", "P=1G", "--size", "E=1G"], "at most 1073741824"),
    ],
)
def test_wrong_options(inputs: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert fusemax(["run", "attn_3pass", *(o.replace("{in}", str(inputs)) for o in options)]) == 2
    assert message in capsys.readouterr().err


def test_a_failed_run_leaves_an_older_output_alone(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "out.npz").write_bytes(b"older")
    np.savez(inputs, Q=np.zeros(3))
    assert fusemax(["run", "attn_3pass", "--inputs", str(inputs), "-o", str(tmp_path / "out.npz")]) == 2
    assert (tmp_path / "out.npz").read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "out.npz"]


def test_broken_cells_are_reported_before_the_arrays_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.cascade").write_text("cascade t\ninput X[m]\noutput Z[m]\nsizes M = 3\nZ[m] = X[m+1]\n")
    assert fusemax(["run", str(tmp_path / "t.cascade"), "--inputs", "missing.npz"]) == 2
    assert "t.cascade:5:8: index 3 is out of range" in capsys.readouterr().err


def test_infinite_and_nan_inputs_run_without_a_warning(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays: dict[str, Any] = normal(load("attn_3pass"))
    arrays["Q"][0, 0], arrays["K"][0, 0], arrays["V"][0, 0] = np.nan, np.inf, 1e308
    np.savez(inputs, **arrays)
    assert fusemax(["run", "attn_3pass", "--inputs", str(inputs), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["outputs"][0]["nan"] > 0
    assert captured.err == ""


def test_work_tells_divisions_of_several_cascades(capsys: pytest.CaptureFixture[str]) -> None:
    assert fusemax(["work", "attn_3pass", "attn_1pass_fusemax", "--op", "div", "--size", "M0=6"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:]] == [
        ["attn_3pass", "M*P", "60"],
        ["attn_1pass_fusemax", "F*P", "15"],
    ]


def test_work_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert fusemax(["work", "c1_pedagogical", "c2_deferred", "--json", "--size", "K=1K"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["schema"] == second["schema"] == "fusemax/work/1"
    assert first["total"]["mac"]["formula"] == "2*K"
    assert first["total"]["mac"]["operations"] == 2048
    assert second["total"]["mul"]["operations"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--op", "divs"], "unknown operation 'divs' (did you mean 'div'?)"),
        (["--size", "MM=3"], "unknown rank 'MM' (did you mean 'M'?)"),
        (["--param", "X=3"], "unknown parameter 'X'"),
    ],
)
def test_work_with_wrong_options(capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert fusemax(["work", "attn_3pass", *options]) == 2
    assert message in capsys.readouterr().err
