"""The page's part about each design: what bounds it in words, one epoch, where time and energy go, its loop nest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusemax.base.errors import UsageError
from fusemax.base.units import format_length, format_rate, format_si
from fusemax.model.compare import Comparison
from fusemax.model.evaluate import Evaluation, evaluate
from fusemax.model.show import epoch_spans, loop_nest
from fusemax.report.charts import roofline
from fusemax.report.contents import LEAKAGE, DesignCard, Section
from fusemax.report.grid import Row

__all__ = ["comparison_evaluations", "design_card", "roofline_section"]


def comparison_evaluations(comparison: Comparison) -> list[Evaluation]:
    """Every design of a comparison at its first workload and middle length; what cannot be mapped is left out."""
    workload = comparison.workloads[0]
    length = comparison.seq_lens[(len(comparison.seq_lens) - 1) // 2]
    found = []
    for design in comparison.designs:
        try:
            found.append(evaluate(design, workload, length, comparison.accounting))
        except UsageError:
            continue
    return found


def design_card(evaluation: Evaluation) -> DesignCard:
    """One design at one point."""
    point = (
        f"{evaluation.workload.name} at {format_length(evaluation.seq_len)}, {evaluation.accounting.name} accounting"
    )
    return DesignCard(
        name=evaluation.design.name,
        summary=f"{evaluation.design.title}. For {point}: {evaluation.explanation}",
        loop_nest=loop_nest(evaluation.measured),
        epoch=epoch_spans(evaluation.measured),
        parts=[*_energy(evaluation), *_time(evaluation)],
    )


def _energy(evaluation: Evaluation) -> list[Row]:
    """Joules by Einsum and component; energy of no Einsum is leakage."""
    sums: dict[tuple[str, str], float] = {}
    for row in evaluation.rows():
        value = row["value"]
        if row["quantity"] == "energy" and isinstance(value, int | float):
            key = (str(row["einsum"]) or LEAKAGE, str(row["component"]))
            sums[key] = sums.get(key, 0.0) + value * 1e-12
    return _parts(sums, "energy")


def _time(evaluation: Evaluation) -> list[Row]:
    """Seconds each Einsum keeps an array busy, and its transfers the outermost memory."""
    measured = evaluation.measured
    per = {"cycles": 1 / float(measured.sizes("clock")), "traffic": 1 / _bandwidth(evaluation)}
    sums: dict[tuple[str, str], float] = {}
    for row in evaluation.rows():
        value, quantity = row["value"], str(row["quantity"])
        if quantity in per and isinstance(value, int | float):
            key = (str(row["einsum"]), str(row["component"]))
            sums[key] = sums.get(key, 0.0) + value * per[quantity]
    return _parts(sums, "time")


def _bandwidth(evaluation: Evaluation) -> float:
    return float(evaluation.measured.sizes(f"{evaluation.measured.outer}.bandwidth"))


def _parts(sums: Mapping[tuple[str, str], float], quantity: str) -> list[Row]:
    return [
        {"einsum": einsum, "component": component, "quantity": quantity, "value": value}
        for (einsum, component), value in sums.items()
        if value
    ]


def roofline_section(evaluations: Sequence[Evaluation], designs: Sequence[str]) -> Section | None:
    """A roofline per machine: a dot per design and per Einsum with multiply-adds and traffic; None without any.

    Performance is multiply-adds by time: a design's latency, and of an Einsum the longer of its own cycles and
    transfers. Only multiply-adds of the 2D array count, so that its peak is the roof.
    """
    machines: dict[tuple[float, float], list[dict[str, object]]] = {}
    for evaluation in evaluations:
        for peak, dots in _dots(evaluation).items():
            machines.setdefault((peak, _bandwidth(evaluation)), []).extend(dots)
    if not machines:
        return None
    charts = {}
    for (peak, bandwidth), dots in machines.items():
        caption = f"{format_si(peak, '')} multiply-adds/s, {format_rate(bandwidth)}: speed against memory traffic."
        charts[caption] = roofline(dots, peak=peak, bandwidth=bandwidth, designs=designs, unit="multiply-add")
    words = "A dot per design is its whole cascade; the others are its Einsums, each as if it ran alone."
    return Section("Roofline", (words,), charts)


def _dots(evaluation: Evaluation) -> dict[float, list[dict[str, object]]]:
    """Dots by the peak of the evaluation's 2D array; none without such an array."""
    measured, name = evaluation.measured, evaluation.design.name
    clock, bandwidth = float(measured.sizes("clock")), _bandwidth(evaluation)
    wide = next((n for n, array in evaluation.design.accelerator.arrays.items() if array.rows != 1), None)
    if wide is None:
        return {}
    macs, cycles, traffic = _by_einsum(evaluation, wide)
    dots: list[dict[str, object]] = []
    for einsum in macs:
        if macs[einsum] and traffic.get(einsum):
            time = max(cycles[einsum] / clock, traffic[einsum] / bandwidth)
            point = {"intensity": macs[einsum] / traffic[einsum], "performance": macs[einsum] / time}
            same = next((dot for dot in dots if _near(dot, point)), None)
            if same is not None:  # Einsums of one shape share a dot
                same["label"] = f"{same['label']}, {einsum}"
            else:
                dots.append({"label": einsum, "group": name, **point})
    useful = float(measured.useful) * float(measured.sizes("L"))
    if useful and evaluation.traffic_bytes:
        point = {"intensity": useful / evaluation.traffic_bytes, "performance": useful / evaluation.latency_s}
        same = next((dot for dot in dots if _near(dot, point)), None)
        if same is not None:
            same["label"] = f"{name}: {same['label']}"
        else:
            dots.append({"label": name, "group": name, **point})
    peak = clock * float(measured.sizes(f"{wide}.rows")) * float(measured.sizes(f"{wide}.columns"))
    return {peak: dots} if dots else {}


def _near(one: Mapping[str, object], other: Mapping[str, float]) -> bool:
    return all(isinstance(v := one[n], float) and abs(v / other[n] - 1) < 0.02 for n in ("intensity", "performance"))


def _by_einsum(evaluation: Evaluation, array: str) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Multiply-adds and cycles on an array, and bytes of traffic, by Einsum."""
    macs: dict[str, float] = {}
    cycles: dict[str, float] = {}
    traffic: dict[str, float] = {}
    for row in evaluation.rows():
        value, einsum, quantity = row["value"], str(row["einsum"]), row["quantity"]
        if not isinstance(value, int | float):
            continue
        if quantity == "operations" and row["action"] == "mac" and row["component"] == array:
            macs[einsum] = macs.get(einsum, 0.0) + value
        elif quantity == "cycles" and row["component"] == array:
            cycles[einsum] = cycles.get(einsum, 0.0) + value
        elif quantity == "traffic":
            traffic[einsum] = traffic.get(einsum, 0.0) + value
    return macs, cycles, traffic
