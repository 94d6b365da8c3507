"""What an access, an operation, a cycle and a component cost at a design point, from the design's tables.

A cost no table has is NaN here and ``unknown`` in results; it is never 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.accelerator import Accelerator, Array, Memory
from fusemax.design.arithmetic import Number, is_array, maximum, where
from fusemax.design.design import Design, Hardware
from fusemax.design.sizes import Sizes
from fusemax.design.tables import ComponentTable, SramRow, SramTable
from fusemax.model.profile import Accounting

__all__ = ["MemoryCost", "Work", "lower", "memory_cost", "register_cost", "sides", "unit_area", "unit_of"]

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
    """What one point of an Einsum does on its array: operations (action, unit, times) and cycles of issue."""

    operations: tuple[tuple[str, str, int], ...]
    issues: int
    charged: tuple[tuple[str, str, int], ...]
    """The operations whose energy is charged."""


def sides(accelerator: Accelerator) -> dict[str, str]:
    """Array -> ``2d`` or ``1d``: an array of one row is a row of lanes."""
    return {name: "1d" if array.rows == 1 else "2d" for name, array in accelerator.arrays.items()}


def unit_of(table: ComponentTable, array: Array, operation: str) -> str:
    """The unit of an array that does an operation. UsageError when it has none."""
    for unit in array.units:
        if table.get(unit, operation, "energy") is not None:
            return unit
    raise UsageError(f"no unit of the array does {operation!r}: it has {', '.join(array.units)}")


def lower(design: Design, einsum: str, on: str, operations: tuple[tuple[str, int], ...], rules: Accounting) -> Work:
    """The operations of an Einsum on the units that are there; exp by the array's own method."""
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
    if exps and together and not (quirks.exp_cycles == "separate" and "exp-cycles" not in rules):
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
    address_bits = _ceil_log2(depth)
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
    return MemoryCost(_round6(read + agen), _round6(write + agen), area)


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
        bits = _ceil_log2(capacity // row)
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


def _ceil_log2(value: Number) -> Number:
    if is_array(value):
        return np.ceil(np.log2(np.asarray(value, dtype=np.float64)))
    return math.ceil(math.log2(value)) if value > 0 else 0


def _round6(value: Number) -> Number:
    return np.round(value, 6) if is_array(value) else round(value, 6)


Five = tuple[Number, Number, Number, Number, Number]


def _sram(table: SramTable, objective: str, size: Number, row: Number, banks: Number, ports: Number) -> Five:
    """read pJ, write pJ, area um^2, leakage mW, cycle ns; NaN where the table does not reach."""
    if not any(is_array(value) for value in (size, row, banks, ports)):
        return _sram_one(table, objective, float(size), int(row), int(banks), int(ports))
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=np.int64) for v in (size, row, banks, ports)))
    keys, inverse = np.unique(np.stack([a.ravel() for a in arrays]), axis=1, return_inverse=True)
    each = np.array([_sram_one(table, objective, *map(int, key)) for key in keys.T])
    shape = arrays[0].shape
    read, write, area, leakage, cycle = (each[np.ravel(inverse), i].reshape(shape) for i in range(5))
    return read, write, area, leakage, cycle


def _sram_one(table: SramTable, objective: str, size: float, row: int, banks: int, ports: int) -> Five:
    """The table's entry, or between two sizes of it the power law through both."""
    sizes = table.rows.get((objective, row, banks, ports), {})
    if size in sizes:
        return _five(sizes[int(size)])
    below = [s for s in sizes if s < size]
    above = [s for s in sizes if s > size]
    if not below or not above:
        return (UNKNOWN,) * 5
    low, high = sizes[max(below)], sizes[min(above)]
    share = math.log(size / low.size_bytes) / math.log(high.size_bytes / low.size_bytes)
    pairs = zip(_five(low), _five(high), strict=True)
    mixed = [a ** (1 - share) * b**share if a > 0 and b > 0 else UNKNOWN for a, b in pairs]
    return mixed[0], mixed[1], mixed[2], mixed[3], mixed[4]


def _five(row: SramRow) -> Five:
    return (row.read_pj, row.write_pj, row.area_um2, row.leakage_mw, row.cycle_ns)
