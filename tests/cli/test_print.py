import io
import json
from pathlib import Path

import pytest

from fusemax.cascade import load, print_cascade
from fusemax.cli.main import run
from tests.cascade.texts import THREE_PASS


def out(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["print", *arguments]) == 0
    return capfd.readouterr().out


def test_canonical_text_of_a_file_of_the_catalogue_and_of_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.cascade").write_text(THREE_PASS.replace("\n", "  # c\n").replace(" = ", "="))
    assert out(capfd, "x.cascade") == THREE_PASS
    assert out(capfd, "attn_3pass") == print_cascade(load("attn_3pass"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(THREE_PASS.encode())))
    assert out(capfd, "-") == THREE_PASS


def test_forms(capfd: pytest.CaptureFixture[str]) -> None:
    assert "GM[p] = QK[m, p] :: ⋁m max\n" in out(capfd, "attn_3pass", "--format", "unicode")
    assert "\\begin{align*}" in out(capfd, "attn_3pass", "--format", "latex")
    line = "AV[f, p] = A[m, p] . V[f, m]   :: map m (x, intersection)   reduce m (+, union)\n"
    assert line in out(capfd, "attn_3pass", "--format", "edge")


def test_a_bare_einsum(capfd: pytest.CaptureFixture[str]) -> None:
    einsum = "Z[m,n] = A[k,m]*B[k,n]"
    assert out(capfd, einsum) == "Z[m, n] = A[k, m] * B[k, n]\n"
    assert out(capfd, einsum, "--format", "edge") == (
        "Z[m, n] = A[k, m] . B[k, n]   :: map k (x, intersection)   reduce k (+, union)\n"
    )
    assert run(["print", "Z[m,n] = A[k,m]*"]) == 2
    assert capfd.readouterr().err.startswith("<einsum>:1:17: expected an expression, found the end of the")


def test_json_holds_all_forms(capfd: pytest.CaptureFixture[str]) -> None:
    document = json.loads(out(capfd, "attn_3pass", "--json"))
    assert list(document) == ["schema", "cascade", "text", "unicode", "latex", "edge"]
    assert document["text"] == print_cascade(load("attn_3pass"))
    assert json.loads(out(capfd, "Z = A[k]", "--json"))["unicode"] == "Z = A[k] :: ⋁k +"


def test_output_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "y.cascade"
    assert out(capfd, "attn_3pass", "-o", str(target)) == ""
    assert target.read_text() == print_cascade(load("attn_3pass"))


def test_an_illegal_cascade_is_not_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "b.cascade"
    path.write_text(THREE_PASS.replace("max(m)", "max(p)"))
    assert run(["print", str(path)]) == 2
    assert capfd.readouterr().out == ""
