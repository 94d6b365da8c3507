"""Every picture of a report by the name of its file: the paper's figures, each design's, each section's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusemax.report.charts import stacked
from fusemax.report.contents import LEAKAGE, DesignCard, Report
from fusemax.report.figures import figures
from fusemax.report.gantt import gantt_svg
from fusemax.report.grid import Row
from fusemax.report.palette import NEUTRAL, ramp

__all__ = ["design_charts", "epoch_picture", "epoch_words", "file_name", "pictures", "section_names"]


def pictures(report: Report) -> dict[str, Any]:
    """Name -> chart, or SVG as text. The paper's figures are those of the first accounting."""
    found = _figures(report)
    for card in report.designs:
        name = file_name(card.name)
        if card.epoch:
            found[f"{name}-epoch"] = epoch_picture(card, background="white")
        found |= {f"{name}-{quantity}": chart for quantity, chart in design_charts(card, titles=True).items()}
    for name, section in zip(section_names(report), report.sections, strict=True):
        several = len(section.charts) > 1
        for i, chart in enumerate(section.charts.values(), start=1):
            found[f"{name}-{i}" if several else name] = chart
    return found


def _figures(report: Report) -> dict[str, Any]:
    """Figures 6 to 12; an area sweep that was made in another accounting says so itself."""
    first = next(iter(report.results), "")
    found = figures(report.results.get(first, ()), area_sweep=report.area_sweep.get(first, ()), accounting=first)
    for accounting, rows in report.area_sweep.items():
        found = figures((), area_sweep=rows, accounting=accounting) | found
    return found


def section_names(report: Report) -> list[str]:
    """A file name per section, no two alike."""
    found: list[str] = []
    for section in report.sections:
        name = file_name(section.title).lower()
        found.append(name if name not in found else f"{name}-{len(found)}")
    return found


def file_name(title: str) -> str:
    """A title as part of a file name."""
    words = "".join(c if c.isascii() and (c.isalnum() or c in "-+") else " " for c in title).split()
    return "-".join(words)[:60] or "other"


def epoch_words(card: DesignCard) -> str:
    """What the picture of an epoch shows."""
    return f"What each array runs, in cycles: one turn of the loops that all Einsums of {card.name} share."


def epoch_picture(card: DesignCard, background: str = "") -> str:
    """What each array runs during a tile, as SVG."""
    return gantt_svg(card.epoch, title=epoch_words(card), colours=_colours(card), background=background)


def design_charts(card: DesignCard, titles: bool = False) -> dict[str, Any]:
    """Time and energy of a design by component and Einsum."""
    found = {}
    for quantity, unit in (("time", "s"), ("energy", "J")):
        rows = [row for row in card.parts if row["quantity"] == quantity]
        if rows:
            title = f"{quantity.capitalize()} of {card.name}" if titles else ""
            found[quantity] = _stack(rows, quantity, unit, _colours(card), title)
    return found


def _colours(card: DesignCard) -> dict[str, str]:
    """One colour per Einsum in all pictures of a design."""
    names = list(dict.fromkeys([str(row["einsum"]) for row in card.parts] + [span[1] for span in card.epoch]))
    return dict(zip(names, ramp(len(names)), strict=True)) | {LEAKAGE: NEUTRAL}


def _stack(rows: Sequence[Row], quantity: str, unit: str, fill: Mapping[str, str], title: str) -> Any:
    shown = [{"component": r["component"], "Einsum": r["einsum"], quantity: r["value"]} for r in rows]
    return stacked(shown, by="component", part="Einsum", value=quantity, unit=unit, title=title, colours=fill)
