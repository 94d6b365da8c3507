import json
from pathlib import Path

import pytest

from fusemax.cli.main import run
from tests.cascade.texts import THREE_PASS


def test_statuses_and_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("false.cascade").write_text(THREE_PASS.replace("expect    M = 3", "expect    M = 2"))
    Path("broken.cascade").write_text(THREE_PASS.replace("max(m)", "max(p)"))
    assert run(["check", "attn_3pass"]) == 0
    assert "legal" in capfd.readouterr().out
    assert run(["check", "false.cascade"]) == 1
    assert "false.cascade:7:11: claimed M = 2, counted 3\n" in capfd.readouterr().out
    assert run(["check", "broken.cascade"]) == 2
    streams = capfd.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("broken.cascade:10:21: max reduces 'p', which is on the left\n")
    assert run(["check", "broken.cascade", "false.cascade"]) == 2


def test_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.cascade").write_text(THREE_PASS.replace("max(m)", "max(p)"))
    assert run(["check", "broken.cascade", "attn_3pass", "--json"]) == 2
    document = json.loads(capfd.readouterr().out)
    assert document["schema"] == "fusemax/check/1"
    assert [(f["verdict"], len(f["errors"])) for f in document["files"]] == [("illegal", 1), ("legal", 0)]
    assert document["files"][0]["errors"][0]["line"] == 10
