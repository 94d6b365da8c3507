"""The report command: a comparison's JSON becomes a page; what is no result is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusemax.base.result import to_json
from fusemax.cli.main import run
from tests.report.synthetic import comparison


def test_a_page_from_a_comparisons_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [dict(row) for row in comparison(workloads=("bert",)) if row["part"] == "linear"]
    stored = {"schema": "fusemax/compare/1", "accounting": "corrected", "rows": rows}
    (tmp_path / "run.json").write_text(to_json(stored))
    out = tmp_path / "out"
    assert run(["report", str(tmp_path / "run.json"), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"page: {out / 'index.html'}\n"
    assert "linear, corrected accounting" in (out / "index.html").read_text()


def test_what_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text('{"schema": "other"}')
    assert run(["report", str(tmp_path / "x.json"), "-o", str(tmp_path / "out")]) == 2
    assert "schema is 'other'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(["report", "x"]) == 2
