"""Charts as files: SVG, PNG and PDF through vl-convert, without a browser."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusemax.base.errors import MissingExtra, UsageError
from fusemax.base.files import write_atomically

__all__ = ["FORMATS", "picture", "specification", "write_pictures"]

FORMATS = ("svg", "png", "pdf")
SCALE = 2.0  # pixels of a PNG per chart unit


def picture(chart: Any, form: str) -> bytes:
    """A chart (altair, a Vega-Lite specification, or SVG text) as the bytes of a file: `svg`, `png` or `pdf`.

    Raises MissingExtra without vl-convert, UsageError for another form.
    """
    if form not in FORMATS:
        raise UsageError(f"unknown picture format {form!r} (expected one of: {', '.join(FORMATS)})")
    svg = chart if isinstance(chart, str) else _drawn(chart)
    if form == "svg":
        return svg.encode()
    converter, _ = _converter()
    return bytes(converter.svg_to_png(svg, scale=SCALE) if form == "png" else converter.svg_to_pdf(svg))


def _drawn(chart: Any) -> str:
    """A chart as SVG: laying it out is the slow part, so the other forms are made from this one."""
    converter, version = _converter()
    return str(converter.vegalite_to_svg(json.dumps(specification(chart)), vl_version=version))


def specification(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite; tests have altair check the charts against its schema, which takes longer than drawing."""
    return chart if isinstance(chart, dict) else dict(chart.to_dict(validate=False))


def write_pictures(
    directory: str | os.PathLike[str], charts: Mapping[str, Any], formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Write `NAME.FORMAT` for every chart (altair, specification, or SVG text); the paths, in order."""
    folder = Path(directory)
    paths = []
    for name, chart in charts.items():
        svg = chart if isinstance(chart, str) else _drawn(chart)
        for form in formats:
            path = folder / f"{name}.{form}"
            write_atomically(path, picture(svg, form))
            paths.append(path)
    return paths


def vegalite_version() -> str:
    """The Vega-Lite version charts are written for, as vl-convert names it (`6.4`)."""
    from fusemax.report.style import altair

    return str(altair().SCHEMA_VERSION).lstrip("v").rsplit(".", 1)[0]


def _converter() -> tuple[Any, str]:
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtra("vl-convert-python", "charts") from error
    return vl_convert, vegalite_version()
