"""Area against attention latency over the array's edge: the rows of the paper's Figure 12."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusemax.base.errors import UsageError
from fusemax.base.units import parse_length
from fusemax.design.load import load_design
from fusemax.design.sizes import Override, Sizes, workload_sizes
from fusemax.design.workload import Workload, load_workload
from fusemax.model.area import total_area
from fusemax.model.compare import default_plan
from fusemax.model.figures import measure_points
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting, accounting_of
from fusemax.model.tiling import attention_sizes

__all__ = ["area_sweep"]

_MOST_DOUBLINGS = 20


def area_sweep(
    workloads: Sequence[str | Workload] | None = None, accounting: str | Accounting = "published"
) -> list[dict[str, object]]:
    """One row per workload and edge: ``design, workload, seq_len, edge``, ``area_um2``, ``latency_s`` and more.

    The buffer holds 16 x edge x head size bytes, doubled until memory does not bound the time. Source: the FuseMax
    artifact's area sweep (Fig. 12).
    """
    plan, rules = default_plan(), accounting_of(accounting)
    loads = [w if isinstance(w, Workload) else load_workload(w) for w in workloads or plan.workloads]
    return [row for load in loads for row in _of_workload(load, rules)]


def _of_workload(workload: Workload, rules: Accounting) -> list[dict[str, object]]:
    sweep = default_plan().area_sweep
    design, length = load_design(sweep.design), parse_length(sweep.seq_len)
    edges = np.array(sweep.edge, dtype=np.int64)
    multiple = np.ones(edges.size, dtype=np.int64)
    for _ in range(_MOST_DOUBLINGS):
        given = workload_sizes(workload, length) | {sweep.double: multiple}
        overrides: dict[str, Override] = {"edge": edges, **sweep.set}
        sizes = attention_sizes(Sizes(design.accelerator, given, overrides), rules)
        ((_, measured),) = measure_points(design, sizes, rules, edges.size)
        waits = measured.phases[0].memory > _lanes(measured)
        if not np.any(waits):
            return _rows(workload, length, measured, edges, multiple)
        multiple = np.where(waits, multiple * 2, multiple)
    raise UsageError(f"{workload.name}: memory bounds the time whatever the buffer")


def _by_array(measured: Measured) -> dict[str, np.ndarray]:
    clock = measured.sizes("clock")
    found: dict[str, np.ndarray] = {}
    for name in measured.design.schedule.einsums:
        on = measured.nest(name).on
        found[on] = found.get(on, 0) + measured.cycles(name) / clock
    return found


def _lanes(measured: Measured) -> np.ndarray:
    arrays = measured.design.accelerator.arrays
    return next(time for name, time in _by_array(measured).items() if arrays[name].rows == 1)


def _rows(
    workload: Workload, length: int, measured: Measured, edges: np.ndarray, multiple: np.ndarray
) -> list[dict[str, object]]:
    design, sizes, rules = measured.design, measured.sizes, measured.rules
    area = total_area(design, sizes, rules)
    wide = next(name for name, array in design.accelerator.arrays.items() if array.rows != 1)
    columns: dict[str, np.ndarray] = {
        "area_um2": area,
        "array2d_area_um2": total_area(design, sizes, rules, wide),
        "latency_s": measured.latency,
        "memory_s": measured.phases[0].memory,
        **{f"{name}_s": time for name, time in _by_array(measured).items()},
        "traffic_bytes": measured.traffic(design.schedule.einsums),
        "buffer_bytes": sizes(f"{measured.next}.capacity"),
    }
    point = {"design": design.name, "workload": workload.name, "seq_len": length}
    return [
        {**point, "edge": int(edge), **{name: float(np.broadcast_to(v, edges.shape)[i]) for name, v in columns.items()}}
        for i, edge in enumerate(edges)
    ]
