import json
from pathlib import Path

import pytest

from fusemax.cli.main import run
from tests.cascade.texts import THREE_PASS


def out(capfd: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(list(arguments)) == status
    return capfd.readouterr().out


def test_one_file_is_an_object_and_several_are_an_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.cascade").write_text(THREE_PASS)
    one = json.loads(out(capfd, "passes", "x.cascade", "--json"))
    assert list(one) == ["schema", "cascade", "file", "ranks"]
    assert one["file"] == "x.cascade"
    several = json.loads(out(capfd, "passes", "x.cascade", "c1_pedagogical", "--json"))
    assert [document["cascade"] for document in several] == ["attn_3pass", "c1_pedagogical"]
    assert several[0] == one


def test_the_answer_comes_first(capfd: pytest.CaptureFixture[str]) -> None:
    text = out(capfd, "passes", "attn_3pass")
    assert text.startswith("attn_3pass: 3 passes over M: GM (max over m, line 12) ends pass 1")
    assert "pass 2  SN, SD" not in text
    assert "  pass 2  SN, SD\n" in out(capfd, "passes", "attn_3pass", "--explain")
    assert out(capfd, "passes", "attn_3pass", "--rank", "E").startswith("attn_3pass: 1 pass over E.\n")
    assert all(len(line) <= 100 for line in out(capfd, "passes", "attn_1pass_fusemax", "--explain").splitlines())


def test_an_alias_is_its_target(capfd: pytest.CaptureFixture[str]) -> None:
    assert "1 pass over M" in out(capfd, "passes", "attn_1pass_rabe_staats", "--rank", "I")


def test_errors_leave_standard_output_empty(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.cascade"
    broken.write_text(THREE_PASS.replace("QK[m, p] - GM", "QKK[m, p] - GM"))
    assert out(capfd, "passes", "attn_3pass", str(broken), "--json", status=2) == ""
    assert out(capfd, "passes", "attn_3pass", "--rank", "X", status=2) == ""
    assert out(capfd, "passes", str(tmp_path / "none.cascade"), status=2) == ""


def test_fuse(capfd: pytest.CaptureFixture[str]) -> None:
    text = out(capfd, "fuse", "c1_pedagogical", "--rank", "K")
    assert text.startswith("c1_pedagogical: 2 loops over K: Y (sum over k) stands after loop 1")
    out(capfd, "fuse", "c1_pedagogical", "--rank", "K", "--einsums", "Y,Z", status=1)
    out(capfd, "fuse", "attn_3pass", "--rank", "M", "--einsums", "SN,SD")
    out(capfd, "fuse", "attn_3pass", "--rank", "M", "--einsums", "SN,XX", status=2)
    document = json.loads(out(capfd, "fuse", "attn_3pass", "--rank", "M", "--json"))
    assert [loop["einsums"] for loop in document["loops"]] == [["QK", "GM"], ["SN", "SD"], ["A", "AV"]]
