"""The page's part about buffers: what any schedule of a cascade must move, by capacity, and what the designs move."""

from __future__ import annotations

from collections.abc import Sequence

from fusemax.base.errors import FusemaxError
from fusemax.base.units import format_bytes, format_length
from fusemax.design.accelerator import Accelerator
from fusemax.model.evaluate import Evaluation
from fusemax.report.bounds import Bounds, compare_bounds, workload_bounds
from fusemax.report.charts import capacity_traffic
from fusemax.report.contents import Section
from fusemax.report.grid import Row

__all__ = ["capacity_section"]


def capacity_section(evaluations: Sequence[Evaluation], designs: Sequence[str]) -> Section | None:
    """Least traffic by buffer capacity, a line per cascade and a dot per design, all at one point.

    A cascade that nothing bounds (its counts depend on data) has no line; None where none has one.
    """
    found: dict[str, Bounds] = {}
    for one in evaluations:
        name = one.design.cascade.name
        if name not in found:
            try:
                found[name] = workload_bounds(
                    one.design.cascade, one.workload, one.seq_len, word_bits=one.design.accelerator.word
                )
            except FusemaxError:
                continue
    if not found:
        return None
    first = evaluations[0]
    dots = [dot for dot in map(_dot, evaluations) if dot is not None]
    marks = _marks(evaluations)
    rows = compare_bounds(list(found.values()), with_curve=True).rows()
    last = max([*(int(str(row["capacity"])) for row in rows), *(int(float(str(m["capacity"]))) for m in marks)])
    rows += [row for bound in found.values() for row in bound.curve([last])]  # lines go on to the largest machine
    chart = capacity_traffic(rows, marks=marks, dots=dots, designs=designs)
    point = f"{first.workload.name} at {format_length(first.seq_len)}"
    words = [f"Lines: below them no schedule of a cascade comes, for {point}. Points: what the designs move."]
    if first.workload.mask != "none":
        words.append("The lines are of attention without its mask.")
    return Section(
        "Traffic by capacity", words, {f"Traffic to memory by buffer capacity, {point}.": chart}, _table(found)
    )


def _table(found: dict[str, Bounds]) -> list[Row]:
    return [
        {
            "cascade": name,
            "passes": bound.strongest.passes,
            "compulsory traffic": format_bytes(bound.compulsory_bytes),
            "buffer from which no more moves": format_bytes(bound.enough_bytes),
        }
        for name, bound in found.items()
    ]


def _capacity(machine: Accelerator, evaluation: Evaluation) -> float | None:
    """Bytes of the memory inside the outermost one."""
    inner = list(machine.memories)[1:]
    if not inner or machine.memories[inner[0]].capacity is None:
        return None
    return float(evaluation.measured.sizes(f"{inner[0]}.capacity"))


def _marks(evaluations: Sequence[Evaluation]) -> list[Row]:
    """Machines by the capacity of their buffer."""
    names: dict[float, list[str]] = {}
    for one in evaluations:
        machine = one.design.accelerator
        capacity = _capacity(machine, one)
        if capacity is not None and machine.name not in names.setdefault(capacity, []):
            names[capacity].append(machine.name)
    return [{"label": ", ".join(machines), "capacity": capacity} for capacity, machines in names.items()]


def _dot(evaluation: Evaluation) -> Row | None:
    capacity = _capacity(evaluation.design.accelerator, evaluation)
    if capacity is None or not evaluation.traffic_bytes:
        return None
    return {"design": evaluation.design.name, "capacity": capacity, "traffic": evaluation.traffic_bytes}
