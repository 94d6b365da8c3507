"""Many design points of one design at once.

    found = evaluate_batch("fusemax", "bert", {"edge": edges, "seq_len": lengths, "buffer.capacity": sizes})
    found.latency_s, found.energy_pj, found.area_um2, ...    arrays, one entry per point
    found.legal                                              False where the mapping does not divide or fit

Values are whole numbers, arrays or single ones, by name: sizes of the workload (``B H E F D M P``; ``seq_len`` sets
M, and P unless the workload says), parameters and fields of the accelerator. The engine is run once on terms
(`fusemax.model.program`); the program then runs in chunks that stay in the cache, on all cores.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.arithmetic import Number
from fusemax.design.design import Design
from fusemax.design.load import load_design
from fusemax.design.sizes import Sizes, workload_sizes
from fusemax.design.term import Term
from fusemax.design.workload import Workload, load_workload
from fusemax.model.area import total_area
from fusemax.model.costs import sides
from fusemax.model.mapsearch import nests_of
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting, accounting_of
from fusemax.model.program import Program, compile_program
from fusemax.model.tiling import Tiling, attention_sizes

__all__ = ["Batch", "design_program", "evaluate_batch", "point_totals"]

_CHUNK = 1 << 15  # in smaller ones threads wait for one another, larger ones leave the cache
_SAFE = float(1 << 62)  # counts past this do not fit an int64

_SIZES = frozenset({"B", "H", "KV", "D", "E", "F", "S", "M", "P", "L"})

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """Figures of many points; NaN is unknown."""

    latency_s: Reals
    traffic_bytes: Reals
    energy_pj: Reals
    area_um2: Reals
    busy_utilization_2d: Reals
    utilization_1d: Reals
    useful_utilization_2d: Reals
    roofline_fraction: Reals
    legal: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.latency_s.size)


def evaluate_batch(
    design: str | Design,
    workload: str | Workload,
    points: Mapping[str, npt.ArrayLike],
    accounting: str | Accounting = "corrected",
    figures: Sequence[str] | None = None,
    threads: int | None = None,
) -> Batch:
    """Model many points; ``figures`` limits what is found to some fields of a Batch (the others stay NaN).

    Raises UnknownName for a name there is not, UsageError for values that are not whole.
    """
    chosen = design if isinstance(design, Design) else load_design(design)
    load = workload if isinstance(workload, Workload) else load_workload(workload)
    rules = accounting_of(accounting)
    values = _columns(points, load)
    number = max((v.size for v in values.values()), default=1)
    wanted = tuple(f.name for f in fields(Batch) if figures is None or f.name in (*figures, "legal"))
    for name in figures or ():
        if name not in wanted:
            raise UnknownName("figure", name, [f.name for f in fields(Batch)])
    program = design_program(chosen, load, rules, tuple(sorted(values)), wanted)
    columns = {name: np.broadcast_to(v, number) for name, v in values.items() if name in program.inputs}
    columns = _wide_enough(load, columns, number, rules)
    out = {f.name: np.full(number, np.nan) for f in fields(Batch)} | {"legal": np.empty(number, dtype=bool)}

    def run(start: int) -> None:
        part = slice(start, min(start + _CHUNK, number))
        with np.errstate(all="ignore"):
            found = program({name: column[part] for name, column in columns.items()})
        for name, value in found.items():
            out[name][part] = value

    starts = range(0, number, _CHUNK)
    workers = threads if threads is not None else (os.cpu_count() or 1)
    if workers > 1 and len(starts) > 1:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, starts))
    else:
        for start in starts:
            run(start)
    return Batch(**out)


def _columns(points: Mapping[str, npt.ArrayLike], workload: Workload) -> dict[str, npt.NDArray[np.int64]]:
    found: dict[str, npt.NDArray[np.int64]] = {}
    for name, given in points.items():
        column = np.atleast_1d(np.asarray(given))
        if column.ndim != 1 or not np.issubdtype(column.dtype, np.integer):
            raise UsageError(f"values of {name} are not whole numbers in one row")
        if column.size == 0 or column.min() < 1:
            raise UsageError(f"values of {name} must be at least 1")
        found[name] = column.astype(np.int64, copy=False)
    if "seq_len" in found:
        length = found.pop("seq_len")
        found.setdefault("M", length)
        if workload.query_len is None:
            found.setdefault("P", length)
    sizes = {column.size for column in found.values()} - {1}
    if len(sizes) > 1:
        raise UsageError(f"columns have different lengths: {', '.join(map(str, sorted(sizes)))}")
    return found


def _wide_enough(load: Workload, columns: dict[str, Number], number: int, rules: Accounting) -> dict[str, Number]:
    """Columns as doubles where nothing wraps; else as int64 where every count fits, exact Python integers beyond."""
    if "exact-counts" in rules:
        return {name: column.astype(np.float64) for name, column in columns.items()}
    base = {k: float(v) for k, v in workload_sizes(load, 1).items()}
    size = np.ones(number)
    for name in ("B", "H", "M", "P"):
        size = size * np.asarray(columns.get(name, base[name]), dtype=np.float64)
    widest = np.maximum(*(np.asarray(columns.get(n, base[n]), dtype=np.float64) for n in ("E", "F")))
    if float(np.max(size * widest)) * 4 < _SAFE:
        return columns
    return {name: column.astype(object) for name, column in columns.items()}


@lru_cache(maxsize=64)
def _program(
    design: Design,
    constants: tuple[tuple[str, int], ...],
    rules: Accounting,
    names: tuple[str, ...],
    wanted: tuple[str, ...],
) -> Program:
    given: dict[str, Number] = dict(constants)
    known = Sizes(design.accelerator, {**given, **dict.fromkeys(_SIZES, 1)})
    for name in names:
        if not known.known(name):
            raise UnknownName("quantity", name, [*known.names, "seq_len"])
    terms = {name: Term.variable(name) for name in names}
    for name in (set(given) | _SIZES) & set(terms):
        given[name] = terms.pop(name)
    sizes = attention_sizes(Sizes(design.accelerator, given, terms), rules)
    tiling = Tiling(design, nests_of(design, {}, rules), sizes, rules)
    try:
        found = _outputs(Measured(tiling))
        return compile_program({name: found[name] for name in wanted})
    finally:
        Term.forget()


def design_program(
    design: Design, workload: Workload, rules: Accounting, names: tuple[str, ...], wanted: tuple[str, ...]
) -> Program:
    """The program of a design whose mapping leaves no parameter open; ``names`` are what varies. UsageError else."""
    if design.mapping.parameters:
        raise UsageError(f"{design.name} searches {', '.join(design.mapping.parameters)} at every point: no batch")
    constants = {n: v for n, v in workload_sizes(workload, 1).items() if isinstance(v, int)}
    if "M" not in names:
        raise UsageError("a batch needs seq_len (or M and P)")
    return _program(design, tuple(sorted(constants.items())), rules, names, wanted)


_FLAGS = ("causal", "window", "relu", "gelu", "swiglu")


def point_totals(
    design: Design, given: Mapping[str, int], overrides: Mapping[str, int], rules: Accounting
) -> dict[str, Number] | None:
    """The figures of one point, exact integers inside; None for a design that searches its parameters."""
    if design.mapping.parameters:
        return None
    flags = tuple((name, given[name]) for name in _FLAGS)
    varying = {**{name: value for name, value in given.items() if name not in _FLAGS}, **overrides}
    program = _program(design, flags, rules, tuple(sorted(varying)), tuple(f.name for f in fields(Batch)))
    return program(varying)


def _outputs(measured: Measured) -> dict[str, Number]:
    design, layers = measured.design, measured.sizes("L")
    wide = sides(design.accelerator)
    busy: dict[str, Number] = {"2d": 0, "1d": 0}
    for name in design.schedule.einsums:
        side = wide[measured.nest(name).on]
        busy[side] = busy[side] + measured.busy(name)
    return {
        "latency_s": measured.latency * layers,
        "traffic_bytes": measured.traffic(design.schedule.einsums) * layers,
        "energy_pj": measured.energy * layers,
        "area_um2": total_area(design, measured.sizes, measured.rules),
        "busy_utilization_2d": busy["2d"],
        "utilization_1d": busy["1d"],
        "useful_utilization_2d": measured.useful_share,
        "roofline_fraction": measured.roofline / measured.latency,
        "legal": measured.tiling.legal,
    }
