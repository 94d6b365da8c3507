"""What the page says of each design of a comparison: its loop nest, one epoch, where time and energy go."""

from __future__ import annotations

from fusemax.base.units import format_length
from fusemax.model.compare import Comparison
from fusemax.model.evaluate import Evaluation, evaluate
from fusemax.model.show import epoch_spans, loop_nest
from fusemax.report.contents import DesignCard

__all__ = ["design_cards"]


def design_cards(comparison: Comparison) -> list[DesignCard]:
    """One card per design, at the first workload and the middle length of the comparison."""
    workload = comparison.workloads[0]
    length = sorted(comparison.seq_lens)[(len(comparison.seq_lens) - 1) // 2]
    return [_card(evaluate(design, workload, length, comparison.accounting)) for design in comparison.designs]


def _card(evaluation: Evaluation) -> DesignCard:
    measured = evaluation.measured
    where = (
        f"{evaluation.workload.name} at {format_length(evaluation.seq_len)}, {evaluation.accounting.name} accounting"
    )
    return DesignCard(
        name=evaluation.design.name,
        summary=f"{evaluation.design.title}. {where}: {evaluation.explanation}",
        loop_nest=loop_nest(measured),
        epoch=epoch_spans(measured),
        parts=[*_times(evaluation), *_energies(evaluation)],
    )


def _times(evaluation: Evaluation) -> list[dict[str, object]]:
    clock = float(evaluation.measured.sizes("clock"))
    return [
        {
            "einsum": r["einsum"],
            "component": r["component"],
            "quantity": "time",
            "value": float(str(r["value"])) / clock,
        }
        for r in evaluation.rows()
        if r["quantity"] == "cycles"
    ]


def _energies(evaluation: Evaluation) -> list[dict[str, object]]:
    found: dict[tuple[str, str], float] = {}
    for row in evaluation.rows():
        if row["quantity"] == "energy" and row["value"] is not None:
            key = (str(row["einsum"]) or str(row["action"]), str(row["component"]))
            found[key] = found.get(key, 0.0) + float(str(row["value"])) * 1e-12
    return [
        {"einsum": einsum, "component": component, "quantity": "energy", "value": value}
        for (einsum, component), value in found.items()
    ]
