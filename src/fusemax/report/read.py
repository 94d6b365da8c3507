"""A report from what was stored: a result store, a report, the JSON or CSV of a comparison, the JSON of a search."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusemax.base.errors import SourceError, UsageError
from fusemax.base.files import read_text
from fusemax.base.progress import Observer, ignore
from fusemax.report.contents import SCHEMA, Provenance, Report
from fusemax.report.grid import Row, rows_from_csv

__all__ = ["read_report"]

LARGEST = 1 << 26
DATABASE = b"SQLite format 3\x00"
SEARCH = "fusemax/search/1"
COMPARISON = "fusemax/compare/1"


def read_report(path: str | os.PathLike[str], command: str = "", observe: Observer = ignore) -> Report:
    """Read results; a folder stands for the `results.json` in it. `command` is what the page says it was made by
    where the results do not.

    Raises FileError, SourceError for text that is not JSON, or UsageError for a document that holds no results.
    """
    found = Path(path)
    if found.is_dir():
        found = found / "results.json"
    if _is_store(found):
        from fusemax.report.stored import stored_report

        return stored_report(found, command, observe)
    text = read_text(found, LARGEST)
    if not text.lstrip().startswith("{"):
        rows = rows_from_csv(text)
        return _again(rows, {}, command) or Report(
            f"Comparison from {found.name}", {"": rows}, Provenance(inputs={"rows": str(path)})
        )
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        raise SourceError(f"not JSON: {error.msg}", str(found), error.lineno, error.colno, 1, line) from None
    except RecursionError:
        raise SourceError("not JSON: nested too deep", str(found), 1, 1, 1, text[:80]) from None
    return _report(document, found, command)


def _again(rows: Sequence[Row], document: Mapping[str, Any], command: str) -> Report | None:
    from fusemax.report.again import report_again

    return report_again(rows, document, command)


def _is_store(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(DATABASE)) == DATABASE
    except OSError:
        return False  # reading it as text says why


def _report(document: Mapping[str, Any], path: Path, command: str) -> Report:
    schema = document.get("schema")
    if schema == SEARCH:
        from fusemax.report.found import found_report

        return found_report(document, path.name, command)
    if schema == SCHEMA:
        return Report.from_document(document)
    if schema != COMPARISON:
        raise UsageError(f"{path}: schema is {schema!r}, expected {SCHEMA!r}, {COMPARISON!r} or {SEARCH!r}")
    rows, accounting = document.get("rows"), document.get("accounting")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: a comparison without rows")
    found = _again(rows, document, command)
    if found is not None:
        return found
    inputs = {name: json.dumps(document[name]) for name in ("designs", "workloads", "seq_lens") if name in document}
    versions = {"fusemax": str(document["version"])} if "version" in document else {}
    return Report(f"Comparison from {path.name}", {str(accounting or ""): rows}, Provenance("", versions, inputs))
