"""Figures as axes of a chart."""

from __future__ import annotations

__all__ = ["axis"]


def axis(figure: str) -> dict[str, str]:
    """Name and unit of a figure for an axis."""
    for suffix, unit in (("_pj_s", "pJ s"), ("_s", "s"), ("_pj", "pJ"), ("_bytes", "B"), ("_um2", "um^2")):
        if figure.endswith(suffix):
            return {"name": figure.removesuffix(suffix).replace("_", " "), "unit": unit, "figure": figure}
    return {"name": figure.replace("_", " "), "unit": "", "figure": figure}
