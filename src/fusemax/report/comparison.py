"""A comparison as a report: its rows in both accountings, what it was made from, and how to make it again."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from fusemax.base.errors import UsageError
from fusemax.model.accounting import explanations
from fusemax.model.areasweep import area_sweep
from fusemax.model.compare import Comparison, compare_designs, default_plan
from fusemax.model.profile import CORRECTED, PUBLISHED
from fusemax.report.cards import comparison_evaluations, design_card, roofline_section
from fusemax.report.contents import Provenance, Report, Section
from fusemax.report.curves import capacity_section
from fusemax.report.evidence import compared_taxonomy
from fusemax.report.grid import Row

__all__ = ["comparison_report", "versions", "whole_report"]

LIBRARIES = ("fusemax", "numpy", "pydantic", "altair", "vl-convert-python")


def comparison_report(
    comparison: Comparison,
    *,
    command: str = "",
    effects: Mapping[str, Mapping[str, float | None]] | None = None,
    areas: Mapping[str, Sequence[Row]] | None = None,
    sections: Sequence[Section] = (),
) -> Report:
    """The report of a comparison; the accounting it was made in comes first, published and corrected follow.

    An accounting in which a point cannot be modelled (the published model knows no masks) is left out. `command` is the
    command line that made the comparison, `effects` the headline ratios with each switch alone. Each design gets a part
    of its own, at the first workload and the middle length; `sections` follow.
    """
    plan = default_plan()
    names = [design.name for design in comparison.designs]
    evaluations = comparison_evaluations(comparison)
    own = [roofline_section(evaluations, names), capacity_section(evaluations, names)]
    return Report(
        title=f"Comparison of {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0],
        results=_results(comparison),
        provenance=Provenance(command, versions(), _inputs(comparison), _switches(comparison, effects or {})),
        area_sweep=areas or {},
        designs=[design_card(evaluation) for evaluation in evaluations],
        sections=[*(section for section in own if section is not None), *sections],
        subject=plan.subject if plan.subject in names else names[-1],
        baselines=comparison.baselines,
    )


def whole_report(comparison: Comparison, command: str = "") -> Report:
    """The report with all that the page has room for: the area sweep and the taxonomy of the cascades as well."""
    return comparison_report(
        comparison,
        command=command,
        areas={PUBLISHED.name: area_sweep()},
        sections=compared_taxonomy(design.cascade for design in comparison.designs),
    )


def _results(comparison: Comparison) -> dict[str, list[dict[str, object]]]:
    found = {comparison.accounting.name: comparison.detail_rows()}
    for rules in (CORRECTED, PUBLISHED):
        if rules.name not in found:
            try:
                other = compare_designs(
                    comparison.designs, comparison.workloads, comparison.seq_lens, comparison.parts, rules
                )
            except UsageError:
                continue
            found[rules.name] = other.detail_rows()
    return found


def versions() -> dict[str, str]:
    """The versions that can change a number or a picture."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _inputs(comparison: Comparison) -> dict[str, str]:
    """Designs, workloads and lengths in words a person can check."""
    found = {f"design {design.name}": f"{design.title} ({design.source})" for design in comparison.designs}
    for workload in comparison.workloads:
        shape = workload.model_dump(mode="json", exclude={"name", "sources"}, exclude_none=True)
        found[f"workload {workload.name}"] = ", ".join(f"{name} {value}" for name, value in shape.items())
    found["sequence lengths"] = ", ".join(str(n) for n in comparison.seq_lens)
    found["accounting"] = comparison.accounting.name
    return found


def _switches(comparison: Comparison, effects: Mapping[str, Mapping[str, float | None]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, text in explanations().items():
        row: dict[str, object] = {
            "switch": name,
            "on": name in comparison.accounting,
            "what": text.what,
            "why": text.why,
        }
        rows.append(row | dict(effects.get(name, {})))
    return rows
