"""The whole report of a comparison of which only the rows are left: made again where that gives the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from fusemax.base.errors import FusemaxError
from fusemax.design.load import catalogue_names
from fusemax.design.workload import Workload, load_workload
from fusemax.model.compare import compare
from fusemax.report.comparison import whole_report
from fusemax.report.contents import Report
from fusemax.report.grid import COLUMNS, Grid, Row

__all__ = ["report_again"]

ACCOUNTINGS = ("corrected", "published")


def report_again(rows: Sequence[Row], document: Mapping[str, Any], command: str = "") -> Report | None:
    """The report that comparing again would write; None unless every row comes out as it is here, to the bit.

    `document` may name `designs`, `workloads` (whole), `seq_lens`, `parts` and `accounting`, as the JSON of a
    comparison does; rows say the rest. Designs and workloads that do not ship, or that are given other numbers (equal
    area), are not looked for.
    """
    grid = Grid.of(rows)
    designs = list(document.get("designs") or grid.designs)
    if not designs or not set(designs) <= set(catalogue_names("designs")):
        return None
    try:
        workloads = [_workload(given) for given in document.get("workloads") or grid.workloads]
        lengths, parts = document.get("seq_lens") or grid.seq_lens, document.get("parts") or grid.parts
        for accounting in [document["accounting"]] if "accounting" in document else ACCOUNTINGS:
            found = compare(designs, workloads, lengths, parts, accounting)
            if _values(found.rows()) == _values(rows):
                return whole_report(found, command=command)
    except (FusemaxError, ValidationError, TypeError):
        return None
    return None


def _workload(given: object) -> Workload:
    return load_workload(given) if isinstance(given, str) else Workload.model_validate(given)


def _values(rows: Sequence[Row]) -> dict[tuple[object, ...], object]:
    return {tuple(row.get(name) for name in COLUMNS if name != "value"): row.get("value") for row in rows}
