"""A point of a result store as the text of its design, where the design is still the one that was measured."""

from __future__ import annotations

import json
from collections.abc import Callable

from fusemax.base.errors import FusemaxError
from fusemax.base.units import format_bytes, format_si
from fusemax.design.design import Design
from fusemax.design.document import read_document
from fusemax.design.load import catalogue_names, load_design, read_design
from fusemax.report.gather import Point
from fusemax.search.rewrite import checked, design_digest, design_text, with_field
from fusemax.search.study import Study

__all__ = ["PointTexts"]

MOST_TEXT = 400_000
"""Characters of design texts a page carries."""
_ABOUT = ("design", "workload", "accounting", "version", "code", "seq_len")
_DETERMINED = frozenset(("design", "workload", "accounting", "version", "code", "text"))


def read_text(text: str) -> Design:
    """The design of a text that a store holds."""
    return read_design(read_document(text, file="<design>"))


class PointTexts:
    """Texts of points, up to a limit in all; designs are loaded once."""

    def __init__(self, limit: int = MOST_TEXT, read: Callable[[str], Design] = read_text) -> None:
        """``read`` makes a design of a text that the store holds."""
        self._left = limit
        self._read = read
        self._designs: dict[bytes, Design | str] = {}

    def text(self, point: Point) -> str | None:
        """A design file for the point; None where the store's design is not at hand, has changed, or the limit is met.

        Its first lines say what was measured and how to measure it again.
        """
        if self._left <= 0:
            return None
        found = self._text(point)
        if isinstance(found, _Reason):
            return None
        self._left -= len(found)
        return found

    def why_not(self, point: Point) -> str:
        """Why there is no text of a point; empty where there is one."""
        found = self._text(point)
        return str(found) if isinstance(found, _Reason) else ""

    def _text(self, point: Point) -> str | _Reason:
        study = point.study
        if study.digest not in self._designs:
            self._designs[study.digest] = _design(study, self._read)
        design = self._designs[study.digest]
        if isinstance(design, str):
            return _Reason(design)
        try:
            for name, value in zip(study.axes, point.inputs, strict=True):
                if name not in _ABOUT and not name.startswith("workload."):
                    design = with_field(design, name, value)
            return _head(point) + design_text(checked(design))
        except FusemaxError as error:
            return _Reason(str(error))


class _Reason(str):
    """Why there is no text."""


def _design(study: Study, read: Callable[[str], Design]) -> Design | str:
    """The design of a study, before its axes; why not unless it is the very one its points were measured with."""
    by = json.loads(study.text)["by"]
    name = str(study.about.get("design"))
    if not isinstance(by, dict) or not set(by) <= _DETERMINED:
        return f"the store does not say how the points of {name!r} follow from a design"
    try:
        found = read(by["text"]) if "text" in by else _shipped(study, name)
    except FusemaxError as error:
        return f"the design {name!r} of the store cannot be read here: {error}"
    if found is None:
        return (
            f"the store holds figures of {name!r} and not its text, for it is older: sweep it again to open its points"
        )
    if design_digest(found) != by.get("design"):
        return f"the design {name!r} or its cost tables are no longer those that were measured"
    return found


def _shipped(study: Study, name: str) -> Design | None:
    """A design by name with the fields that the study changed; None where there is none of that name."""
    if name not in catalogue_names("designs"):
        return None
    found, changed = load_design(name), False
    for field, value in study.about.items():
        if field not in _ABOUT and not field.startswith("workload."):
            found, changed = with_field(found, field, value), True
    return checked(found) if changed else found


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
