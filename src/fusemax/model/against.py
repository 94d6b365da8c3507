"""A comparison against an earlier one: which figures changed, and by how much."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fusemax.base.errors import FileError, UsageError
from fusemax.base.files import read_bytes
from fusemax.base.result import Result
from fusemax.model.compare import is_tidy

__all__ = ["Changes", "changes", "earlier_rows"]

_LARGEST = 64 << 20
_SAME = 1e-12
_KEY = ("part", "design", "workload", "seq_len", "quantity")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Changes(Result):
    """Rows of which the value changed; how many figures are new, and how many are gone."""

    command: ClassVar[str] = "compare-against"
    compared: int
    new: int
    gone: int
    changed: tuple[dict[str, object], ...]

    def rows(self) -> list[dict[str, object]]:
        """``part, design, workload, seq_len, quantity``, then ``before``, ``after``, ``change`` (relative)."""
        return [dict(row) for row in self.changed]

    def document(self) -> Mapping[str, object]:
        """``compared`` and ``changed``."""
        return {"compared": self.compared, "new": self.new, "gone": self.gone, "changed": self.rows()}

    def headline(self) -> str:
        """How many changed."""
        apart = f"; {self.new} are new and {self.gone} gone" if self.new or self.gone else ""
        return f"{len(self.changed)} of {self.compared} figures changed{apart}"


def changes(now: Sequence[Row], path: str | os.PathLike[str], accounting: str) -> Changes:
    """What changed in ``now`` since the run written to ``path``. FileError, UsageError for another kind of file."""
    before = {_key(row): row["value"] for row in earlier_rows(path, accounting) if is_tidy(str(row["quantity"]))}
    after = {_key(row): row["value"] for row in now}
    found: list[dict[str, object]] = []
    for key in [k for k in after if k in before]:
        old: Any = before[key]
        new: Any = after[key]
        if _differ(old, new):
            numbers = isinstance(old, int | float) and isinstance(new, int | float) and old
            change = new / old - 1 if numbers else None
            found.append({**dict(zip(_KEY, key, strict=True)), "before": old, "after": new, "change": change})
    compared = sum(key in before for key in after)
    return Changes(compared, len(after) - compared, len(before) - compared, tuple(found))


def earlier_rows(path: str | os.PathLike[str], accounting: str) -> list[Row]:
    """The rows of a run in JSON (``compare --json``, or ``results.json`` of a report; a folder is looked into)."""
    name = os.path.join(path, "results.json") if os.path.isdir(path) else os.fspath(path)
    data = read_bytes(name, _LARGEST)
    if len(data) > _LARGEST:
        raise FileError(name, f"larger than {_LARGEST} bytes")
    try:
        document = json.loads(data)
    except ValueError as error:
        raise FileError(name, f"not JSON: {error}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    rows: object = None
    if schema == "fusemax/compare/1":
        if document.get("accounting") != accounting:
            raise UsageError(f"{name} was made in {document.get('accounting')} accounting, this run in {accounting}")
        rows = document.get("rows")
    elif schema == "fusemax/report/1":
        results = document.get("results")
        rows = results.get(accounting) if isinstance(results, dict) else None
        if rows is None:
            raise UsageError(f"{name} has no rows in {accounting} accounting")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {*_KEY, "value"} <= row.keys() for row in rows):
        raise FileError(name, "not the JSON of a comparison (schema fusemax/compare/1)")
    return rows


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in _KEY)


def _differ(old: object, new: object) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return not math.isclose(old, new, rel_tol=_SAME, abs_tol=0.0)
    return old != new
