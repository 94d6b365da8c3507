"""A point of the paper's area sweep: a shipped design and the sizes that follow from its edge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fusemax.design.design import Design
from fusemax.design.load import load_design
from fusemax.design.sizes import Sizes, workload_sizes
from fusemax.design.workload import Workload
from fusemax.model.compare import AreaSweep
from fusemax.search.rewrite import design_digest, design_text
from fusemax.search.study import Study

__all__ = ["area_point"]

_MOST_DOUBLINGS = 40


def area_point(study: Study, row: Mapping[str, Any], workload: Workload) -> dict[str, object] | None:
    """``text`` and ``set`` with which the model gives the point's figures again.

    None where the study is no area sweep, or its design has changed since.
    """
    by = json.loads(study.text)["by"]
    if not isinstance(by, dict) or not isinstance(by.get("sweep"), dict):
        return None
    sweep = AreaSweep.model_validate(by["sweep"])
    design = load_design(sweep.design)
    if design_digest(design) != by.get("design"):
        return None
    found = _settings(sweep, design, row, workload)
    return None if found is None else {"text": design_text(design), "set": found}


def _settings(
    sweep: AreaSweep, design: Design, row: Mapping[str, Any], workload: Workload
) -> dict[str, int | float] | None:
    """The doubling that was stopped at is the one with the buffer that was measured."""
    given = workload_sizes(workload, int(row["seq_len"]))
    buffer = f"{list(design.accelerator.memories)[1]}.capacity"
    for power in range(_MOST_DOUBLINGS):
        sizes = Sizes(design.accelerator, given | {sweep.double: 2**power}, {"edge": row["edge"], **sweep.set})
        if float(sizes(buffer)) == row["buffer_bytes"]:
            numbers = {name: float(sizes(name)) for name in ("edge", *sweep.set)}
            return {name: int(value) if value.is_integer() else value for name, value in numbers.items()}
    return None
