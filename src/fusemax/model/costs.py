"""What an access, an operation, a cycle and a component cost at a design point, from the design's tables.

A cost no table has is NaN here and ``unknown`` in results; it is never 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.accelerator import Accelerator, Array, Memory
from fusemax.design.arithmetic import Number, ceil_log2, is_array, maximum, round_to, where
from fusemax.design.design import Design, Hardware
from fusemax.design.sizes import Sizes
from fusemax.design.tables import ComponentTable, SramTable
from fusemax.design.term import Term, is_term
from fusemax.model.profile import Accounting

__all__ = [
    "SKIPPED",
    "MemoryCost",
    "Work",
    "lower",
    "lower_running",
    "mean_work",
    "memory_cost",
    "register_cost",
    "sides",
    "unit_area",
    "unit_of",
]

UNKNOWN = math.nan


@dataclass(frozen=True)
class MemoryCost:
    """Energies per access (pJ), area (um^2), leakage (pJ per second x 1e-12 = W), cycle time (s) of one memory."""

    read_pj: Number
    write_pj: Number
    area_um2: Number
    leakage_w: Number = UNKNOWN
    cycle_s: Number = UNKNOWN
    words: Number = 1
    """Words per access."""


@dataclass(frozen=True)
class Work:
    """What one point of an Einsum does on its array: operations (action, unit, times) and cycles of issue.

    Whole numbers, but for the mean of an Einsum that is skipped at some of its tiles.
    """

    operations: tuple[tuple[str, str, float], ...]
    issues: float
    charged: tuple[tuple[str, str, float], ...]
    """The operations whose energy is charged."""


SKIPPED = Work((), 0, ())
"""Of a tile that skips an Einsum."""


def mean_work(running: Work, skipped: Work, share: float) -> Work:
    """What a point does on average where ``share`` of all tiles run."""

    def mean(
        yes: Sequence[tuple[str, str, float]], no: Sequence[tuple[str, str, float]]
    ) -> list[tuple[str, str, float]]:
        times: dict[tuple[str, str], float] = {}
        for part, entries in ((share, yes), (1 - share, no)):
            for action, unit, number in entries:
                times[action, unit] = times.get((action, unit), 0.0) + part * number
        return [(action, unit, number) for (action, unit), number in times.items()]

    issues = share * running.issues + (1 - share) * skipped.issues
    return Work(
        tuple(mean(running.operations, skipped.operations)), issues, tuple(mean(running.charged, skipped.charged))
    )


def sides(accelerator: Accelerator) -> dict[str, str]:
    """Array -> ``2d`` or ``1d``: an array of one row is a row of lanes."""
    return {name: "1d" if array.rows == 1 else "2d" for name, array in accelerator.arrays.items()}


def unit_of(table: ComponentTable, array: Array, operation: str) -> str:
    """The unit of an array that does an operation. UsageError when it has none."""
    for unit in array.units:
        if table.get(unit, operation, "energy") is not None:
            return unit
    raise UsageError(f"no unit of the array does {operation!r}: it has {', '.join(array.units)}")


def lower(
    design: Design, einsum: str, on: str, operations: tuple[tuple[str, int], ...], rules: Accounting, fused: bool = True
) -> Work:
    """The operations of an Einsum on the units that are there; exp by the array's own method.

    The mean over all tiles where some skip it. ``fused``: an addition beside exp is the difference before it, which a
    unit may take itself.
    """
    whole = lower_running(design, einsum, on, operations, rules, fused)
    share = design.schedule.shares.get(einsum)
    return whole if share is None else mean_work(whole, SKIPPED, float(share))


def lower_running(
    design: Design, einsum: str, on: str, operations: tuple[tuple[str, int], ...], rules: Accounting, fused: bool = True
) -> Work:
    """The same of a tile at which the Einsum runs."""
    array, table = design.accelerator.arrays[on], design.costs.components
    done: dict[tuple[str, str], int] = {}
    issues = 0
    wanted = dict(operations)
    exps = wanted.get("exp", 0)
    for operation, times in operations:
        if operation == "exp":
            if array.exp is None:
                raise UsageError(f"{design.name}: Einsum {einsum!r} needs exp, which {on} has no way to find")
            operation, each = ("exp", 1) if array.exp.unit is not None else ("mac", int(array.exp.multiply_adds or 1))
            times = times * each
        try:
            key = (operation, unit_of(table, array, operation))
        except UsageError as error:
            raise UsageError(f"{design.name}: Einsum {einsum!r} on {on}: {error}") from None
        done[key] = done.get(key, 0) + times
        issues += times
    quirks = design.as_published
    together = array.exp is not None and array.exp.unit is not None and array.exp.with_subtract
    if fused and exps and together and not (quirks.exp_cycles == "separate" and "exp-cycles" not in rules):
        issues -= min(exps, wanted.get("add", 0))
    found = tuple((action, unit, times) for (action, unit), times in done.items())
    lost = exps and not quirks.exp_energy and "exp-energy" not in rules
    charged = tuple(entry for entry in found if not (lost and entry[0] == "exp"))
    return Work(found, issues, charged)


def register_cost(design: Design | Hardware, on: str, sizes: Sizes, rules: Accounting) -> MemoryCost:
    """The register file of one processing element.

    The published component model instantiates at least 64 entries of 32 bits and keeps their cost; with
    ``register-size`` it is scaled back to the real depth and width, energy as (depth/64)^0.78.
    """
    registers = design.accelerator.arrays[on].registers
    depth, get = sizes(f"{on}.registers"), design.costs.components.get
    name = registers.cost

    def value(action: str, quantity: str) -> float:
        found = get(name, action, quantity)
        return UNKNOWN if found is None else found

    least, bits = value("", "least-entries"), value("", "least-bits")
    entries = maximum(least, depth)
    address_bits = ceil_log2(depth)
    agen = _address(design, "access-energy") + _address(design, "access-energy-per-bit") * address_bits
    write = value("", "access-energy-per-entry") * entries
    read = write + value("read", "energy-per-bit") * bits
    area = value("", "area-per-bit") * bits * entries + value("", "area-per-entry") * entries
    if "register-size" in rules:
        used = where(depth < entries, depth / entries, 1.0)
        width = registers.bits / bits
        scale = width * used ** value("", "energy-depth-exponent")
        write, read, area = write * scale, read * scale, area * width * used
    area = area + _address(design, "area-per-bit") * address_bits
    return MemoryCost(round_to(read + agen, 6), round_to(write + agen, 6), area)


def unit_area(design: Design | Hardware, unit: str) -> float:
    """The area of one unit, um^2."""
    found = design.costs.components.get(unit, "", "area")
    return UNKNOWN if found is None else found


def memory_cost(design: Design | Hardware, name: str, sizes: Sizes, rules: Accounting) -> MemoryCost:
    """One memory at its capacity, width, banks and ports."""
    memory = design.accelerator.memories[name]
    words = sizes(f"{name}.access") * 8 / sizes("word")
    if memory.cost != "sram":
        return _from_components(design, memory, words)
    capacity, row = sizes(f"{name}.capacity"), sizes(f"{name}.access")
    banks, ports = banks_of(design, name, sizes, rules), sizes(f"{name}.ports")
    found = _sram(design.costs.sram, memory.objective, capacity, row, banks, ports)
    read, write, area, leakage, cycle = found
    if memory.address_generator:
        bits = ceil_log2(capacity // row)
        agen = _address(design, "access-energy") + _address(design, "access-energy-per-bit") * bits
        read, write = read + agen, write + agen
        area = area + _address(design, "area-per-bit") * bits
    return MemoryCost(read, write, area, leakage * 1e-3, cycle * 1e-9, words)


def banks_of(design: Design | Hardware, name: str, sizes: Sizes, rules: Accounting) -> Number:
    """Banks of a memory: as published, or the accelerator's own."""
    published = design.as_published.banks.get(name)
    return published if published is not None and "buffer-banks" not in rules else sizes(f"{name}.banks")


def _from_components(design: Design | Hardware, memory: Memory, words: Number) -> MemoryCost:
    table = design.costs.components
    if memory.cost not in table.components:
        raise UnknownName("component of the cost table", memory.cost, [*table.components, "sram"])
    keys = (("read", "energy"), ("write", "energy"), ("", "area"))
    read, write, area = (UNKNOWN if v is None else v for v in (table.get(memory.cost, *key) for key in keys))
    return MemoryCost(read, write, area, words=words)


def _address(design: Design | Hardware, quantity: str) -> float:
    found = design.costs.components.get("address", "", quantity)
    return UNKNOWN if found is None else found


Five = tuple[Number, Number, Number, Number, Number]


def _sram(table: SramTable, objective: str, size: Number, row: Number, banks: Number, ports: Number) -> Five:
    """read pJ, write pJ, area um^2, leakage mW, cycle ns; NaN where the table does not reach.

    Between two sizes of the table the power law through both.
    """
    if is_term(size, row, banks, ports):
        use = TableUse(table, objective)
        read, write, area, leakage, cycle = (Term.call("sram", use, i, size, row, banks, ports) for i in range(5))
        return read, write, area, leakage, cycle
    if any(is_array(value) for value in (size, row, banks, ports)):
        return _sram_arrays(table, objective, size, row, banks, ports)
    key = (id(table), objective, float(size), int(row), int(banks), int(ports))
    if key not in _FOUND:
        arrays = _sram_arrays(table, objective, np.array([float(size)]), int(row), int(banks), int(ports))
        first = [float(value[0]) for value in arrays]
        _FOUND[key] = (table, (first[0], first[1], first[2], first[3], first[4]))  # with the table, so its id stays
    return _FOUND[key][1]


_FOUND: dict[tuple[object, ...], tuple[SramTable, Five]] = {}


@dataclass(frozen=True)
class TableUse:
    """An SRAM table and objective, to be looked up when a program runs; five values found at once."""

    table: SramTable
    objective: str

    def __hash__(self) -> int:
        return hash((self.table.file, self.objective))

    def __call__(self, size: Number, row: Number, banks: Number, ports: Number) -> Five:
        """The five values."""
        return _sram(self.table, self.objective, size, row, banks, ports)


def _sram_arrays(table: SramTable, objective: str, size: Number, row: Number, banks: Number, ports: Number) -> Five:
    """Looked up once for each different memory where points share few of them."""
    given = [np.asarray(value) for value in (size, row, banks, ports)]
    varied = [value for value in given if value.ndim]
    if varied and varied[0].size > _BUCKETS and all(value.shape == varied[0].shape for value in varied):
        shared = _shared(varied)
        if shared is not None:
            first, inverse = shared
            few = _sram_rows(table, objective, *(value[first] if value.ndim else value for value in given))
            read, write, area, leakage, cycle = (np.broadcast_to(found, first.shape).take(inverse) for found in few)
            return read, write, area, leakage, cycle
    return _sram_rows(table, objective, size, row, banks, ports)


_BUCKETS = 1 << 10
_MIX = 0x9E3779B97F4A7C15


def _shared(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Points that stand for all different rows of some columns, and which of them each point equals.

    By hashing into a few buckets; None when two different rows meet in one.
    """
    mixed = np.zeros(columns[0].shape, dtype=np.uint64)
    for column in columns:
        mixed = (mixed + column.astype(np.int64, copy=False).view(np.uint64)) * np.uint64(_MIX)
    bucket = (mixed >> np.uint64(54)).astype(np.intp)
    of_bucket = np.full(_BUCKETS, -1)
    of_bucket[bucket] = np.arange(bucket.size)
    standing = of_bucket.take(bucket)
    if not all((column.take(standing) == column).all() for column in columns):
        return None
    used = np.flatnonzero(of_bucket >= 0)
    place = np.zeros(_BUCKETS, dtype=np.intp)
    place[used] = np.arange(used.size)
    return of_bucket[used], place.take(bucket)


def _sram_rows(table: SramTable, objective: str, size: Number, row: Number, banks: Number, ports: Number) -> Five:
    grid = _grid(table, objective)
    shape = np.broadcast_shapes(*(np.shape(value) for value in (size, row, banks, ports)))
    at: list[Number] = []
    for value, known in zip((row, banks, ports, size), grid.axes, strict=True):
        at.append(np.minimum(np.searchsorted(known, value), len(known) - 1))
    listed = (grid.axes[0][at[0]] == row) & (grid.axes[1][at[1]] == banks) & (grid.axes[2][at[2]] == ports)
    exact = listed & (grid.axes[3][at[3]] == size)
    found = np.array(np.broadcast_to(grid.values[(slice(None), *at)], (5, *shape)))
    found[:, np.broadcast_to(~exact, shape)] = UNKNOWN
    inside = listed & ~exact & grid.spans[at[0], at[1], at[2]]
    if inside.any():
        here = np.broadcast_to(inside, shape)
        columns = [np.broadcast_to(np.asarray(v, dtype=np.float64), shape)[here] for v in (size, row, banks, ports)]
        keys, inverse = np.unique(np.stack(columns), axis=1, return_inverse=True)
        between = np.array([_between(table, objective, *key) for key in keys.T]).T
        found[:, here] = between[:, np.ravel(inverse)]
    return found[0], found[1], found[2], found[3], found[4]


Values = tuple[float, ...]


def _between(
    table: SramTable, objective: str, size: float, row: float, banks: float, ports: float
) -> tuple[float, ...]:
    """Between two sizes of arrays of one width the power law through both; NaN outside."""
    rows = table.rows.get((objective, int(row), int(banks), int(ports)), {})
    below, above = [s for s in rows if s < size], [s for s in rows if s > size]
    if not below or not above:
        return (UNKNOWN,) * 5
    low, high = rows[max(below)], rows[min(above)]
    share = math.log(size / low.size_bytes) / math.log(high.size_bytes / low.size_bytes)
    pairs = zip(low.values, high.values, strict=True)
    return tuple(a ** (1 - share) * b**share if a > 0 and b > 0 else UNKNOWN for a, b in pairs)


@dataclass(frozen=True)
class _Grid:
    """The table's values by row bytes, banks, ports and size; NaN where it has no entry.

    ``spans``: by row bytes, banks and ports, whether there are sizes to lie between.
    """

    axes: tuple[np.ndarray, ...]
    values: np.ndarray
    spans: np.ndarray


def _grid(table: SramTable, objective: str) -> _Grid:
    key = (id(table), objective)
    if key not in _GRIDS:
        chosen = {k[1:]: sizes for k, sizes in table.rows.items() if k[0] == objective}
        sizes = sorted({size for entries in chosen.values() for size in entries})
        wide, many, gates = (sorted({k[i] for k in chosen}) for i in range(3))
        values = np.full((5, len(wide), len(many), len(gates), len(sizes)), UNKNOWN)
        for (row, banks, ports), entries in chosen.items():
            for size, entry in entries.items():
                values[:, wide.index(row), many.index(banks), gates.index(ports), sizes.index(size)] = entry.values
        spans = (~np.isnan(values[0])).sum(axis=-1) > 1
        _GRIDS[key] = (table, _Grid(tuple(np.array(axis) for axis in (wide, many, gates, sizes)), values, spans))
    return _GRIDS[key][1]


_GRIDS: dict[tuple[int, str], tuple[SramTable, _Grid]] = {}  # with the table, so that its id stays its own
