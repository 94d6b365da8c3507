import json
from pathlib import Path

import pytest

import fusemax
from fusemax.cascade.document import from_document
from fusemax.cli.main import run


def out(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["show", *arguments]) == 0
    return capfd.readouterr().out


def test_a_cascade_with_its_passes(capfd: pytest.CaptureFixture[str]) -> None:
    assert out(capfd, "attn_3pass").startswith("attn_3pass: 3 passes over M\n")
    assert "pass 1 over M ends: GM (max over m)" in out(capfd, "attn_3pass", "--format", "svg")
    assert out(capfd, "attn_3pass", "--rank", "P", "--format", "mermaid").startswith("flowchart TD\n")
    assert out(capfd, "power_iteration").startswith("power_iteration: (I+1)//2 passes over K")
    assert out(capfd, "linattn_bwd").startswith("linattn_bwd: 1 pass over I, in no common order\n")


def test_json_reads_back(capfd: pytest.CaptureFixture[str]) -> None:
    document = json.loads(out(capfd, "attn_3pass", "--json"))
    assert document["schema"] == "fusemax/show/1"
    assert from_document(document["cascade"]) == fusemax.load("attn_3pass")
    assert document["passes"]["barriers"] == {"GM": "max over m", "SD": "sum over m"}
    assert len(document["graph"]["nodes"]) == 9


def test_tables(capfd: pytest.CaptureFixture[str]) -> None:
    assert "outermost factor of M" in out(capfd, "attn_1pass_fusemax", "--ranks")
    assert "M * P * E" in out(capfd, "attn_3pass", "--iteration-space")
    assert json.loads(out(capfd, "attn_3pass", "--ranks", "--json"))["ranks"][0]["rank"] == "E"


def test_other_things(capfd: pytest.CaptureFixture[str]) -> None:
    assert "loop" in out(capfd, "fusemax") or "for " in out(capfd, "fusemax")
    assert out(capfd, "fusemax-cloud").startswith("fusemax-cloud")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attn_3pass", "--rank", "X"], "unknown rank 'X' (expected one of: E, F, M, P)"),
        (["fusemax-cloud", "--format", "svg"], "fusemax-cloud is an accelerator: it can be shown as text, not as svg"),
        (["bert"], "bert is a workload: show draws cascades, designs and accelerators"),
        (["fusemax", "--rank", "M"], "fusemax is a design: --rank, --ranks and --iteration-space are for cascades"),
        (["attn_3pass", "--ranks", "--format", "svg"], "a table of a cascade is text or json, not svg"),
    ],
)
def test_refusals(arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["show", *arguments]) == 2
    assert capfd.readouterr().err == f"{message}\n"


def test_output_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.svg"
    assert out(capfd, "attn_3pass", "--format", "svg", "-o", str(target)) == ""
    assert target.read_text().startswith("<svg ")


def test_from_python() -> None:
    picture = fusemax.show("attn_3pass")
    assert str(picture).startswith("attn_3pass: 3 passes over M\n")
    assert picture._repr_svg_() == picture.svg()
