"""A point of a result store as the text of its design, where the design is still the one that was measured."""

from __future__ import annotations

import json

from fusemax.base.errors import FusemaxError
from fusemax.base.units import format_bytes, format_si
from fusemax.design.design import Design
from fusemax.design.load import load_design
from fusemax.report.gather import Point
from fusemax.search.rewrite import checked, design_digest, design_text, with_field
from fusemax.search.study import Study

__all__ = ["PointTexts"]

MOST_TEXT = 400_000
"""Characters of design texts a page carries."""
_ABOUT = ("design", "workload", "accounting", "version", "code", "seq_len")
_DETERMINED = frozenset(("design", "workload", "accounting", "version", "code"))


class PointTexts:
    """Texts of points, up to a limit in all; designs are loaded once."""

    def __init__(self, limit: int = MOST_TEXT) -> None:
        self._left = limit
        self._designs: dict[bytes, Design | None] = {}

    def text(self, point: Point) -> str | None:
        """A design file for the point; None where the store's design is not at hand, has changed, or the limit is met.

        Its first lines say what was measured and how to measure it again.
        """
        study = point.study
        if study.digest not in self._designs:
            self._designs[study.digest] = _design(study)
        design = self._designs[study.digest]
        if design is None or self._left <= 0:
            return None
        try:
            for name, value in zip(study.axes, point.inputs, strict=True):
                if name not in _ABOUT and not name.startswith("workload."):
                    design = with_field(design, name, value)
            found = _head(point) + design_text(checked(design))
        except FusemaxError:
            return None
        self._left -= len(found)
        return found


def _design(study: Study) -> Design | None:
    """The design of a study, before its axes; None unless it is the very one its points were measured with."""
    by = json.loads(study.text)["by"]
    if not isinstance(by, dict) or not set(by) <= _DETERMINED:
        return None
    try:
        found = load_design(str(study.about["design"]))
        changed = False
        for name, value in study.about.items():
            if name not in _ABOUT and not name.startswith("workload."):
                found, changed = with_field(found, name, value), True
        found = checked(found) if changed else found
    except (FusemaxError, KeyError):
        return None
    return found if design_digest(found) == by.get("design") else None


def _head(point: Point) -> str:
    row = point.row()
    inputs = dict(zip(point.study.axes, point.inputs, strict=True))
    values = [f"{name} = {value}" for name, value in inputs.items()]
    figures = []
    for name, unit, scale in (("latency_s", "s", 1.0), ("energy_pj", "J", 1e-12)):
        if row.get(name) is not None:
            figures.append(f"{name.partition('_')[0]} {format_si(float(str(row[name])) * scale, unit)}")
    if row.get("traffic_bytes") is not None:
        figures.append(f"traffic {format_bytes(float(str(row['traffic_bytes'])))}")
    lines = [f"{row.get('workload')}, {row.get('accounting')} accounting: {', '.join(values)}", ", ".join(figures)]
    options = f"--workload {row.get('workload')} --seq-len {row.get('seq_len')} --accounting {row.get('accounting')}"
    lines.append(f"fusemax model FILE {options}")
    return "".join(f"# {line}\n" for line in lines)
