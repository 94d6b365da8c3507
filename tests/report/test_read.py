"""Reports from stored results, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusemax.base.errors import FileError, FusemaxError, SourceError, UsageError
from fusemax.base.result import to_csv
from fusemax.report.contents import Report
from fusemax.report.read import read_report
from tests.report.synthetic import comparison
from tests.report.test_page import report as full_report


def test_a_folder_and_its_json_give_the_same_report(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(full_report().document()))
    again = read_report(tmp_path)
    assert json.dumps(again.document()["results"]) == json.dumps(full_report().document()["results"])
    assert again.sections[1].table[0]["passes"] == full_report().sections[1].table[0]["passes"]


def test_comparison_json_and_csv(tmp_path: Path) -> None:
    rows = comparison(workloads=("bert",))
    document = {
        "schema": "fusemax/compare/1",
        "version": "1",
        "accounting": "corrected",
        "rows": [dict(r) for r in rows],
    }
    (tmp_path / "run.json").write_text(json.dumps(document))
    assert list(read_report(tmp_path / "run.json").results) == ["corrected"]
    (tmp_path / "run.csv").write_text(to_csv(rows))
    assert len(read_report(tmp_path / "run.csv").results[""]) == len(rows)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", SourceError, "not JSON"),
        ('{"schema": "other/1"}', UsageError, "schema is 'other/1'"),
        ('{"schema": "fusemax/compare/1"}', UsageError, "without rows"),
        ('{"schema": "fusemax/report/1"}', UsageError, "incomplete"),
        ("a,b\n1,2\n", UsageError, "column 'part' is missing"),
        ("", UsageError, "column 'part' is missing"),
        ('{"a":' * 100_000, SourceError, "not JSON"),
    ],
)
def test_what_is_no_result(tmp_path: Path, text: str, error: type[FusemaxError], message: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(error, match=message):
        read_report(tmp_path / "x")


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        read_report(tmp_path / "none.json")
    with pytest.raises(FileError):
        read_report(tmp_path)


def test_documents_are_plain() -> None:
    document = full_report().document()
    assert Report.from_document(json.loads(json.dumps(document))).document() == document
