"""Cost tables: energy, area and leakage of components, one row and one source each.

``components`` is a CSV with the columns ``component, action, quantity, value, unit, source``. ``sram`` has a row
per memory array: ``size_bytes, row_bytes, banks, rw_ports, objective, read_pj, write_pj, htree_pj, cycle_ns,
leakage_mw, area_um2, source`` (energy per row access; htree_pj, where given, is the part of read_pj that all
ports share in vain). What no table says is unknown, never 0.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from fusemax.base.errors import FileError, SourceError, nearest
from fusemax.base.files import read_text

__all__ = ["ComponentTable", "CostTables", "SramRow", "SramTable", "load_components", "load_sram"]

UNITS: Mapping[str, tuple[str, ...]] = {
    "energy": ("pJ",),
    "area": ("um^2",),
    "leakage": ("pJ/cycle",),
    "access": ("B",),
    "access-energy": ("pJ",),
    "access-energy-per-bit": ("pJ",),
    "access-energy-per-entry": ("pJ",),
    "energy-per-bit": ("pJ",),
    "area-per-bit": ("um^2",),
    "area-per-entry": ("um^2",),
    "least-entries": ("1",),
    "least-bits": ("1",),
    "energy-depth-exponent": ("1",),
}
_SRAM = ("size_bytes", "row_bytes", "banks", "rw_ports", "read_pj", "write_pj", "cycle_ns", "leakage_mw", "area_um2")
_LARGEST = 4 << 20


@dataclass(frozen=True)
class ComponentTable:
    """Values by (component, action, quantity); ``sources`` has the same keys."""

    file: str
    values: Mapping[tuple[str, str, str], float]
    sources: Mapping[tuple[str, str, str], str]

    def get(self, component: str, action: str, quantity: str) -> float | None:
        """The value, or None where it is unknown."""
        return self.values.get((component, action, quantity))

    @property
    def components(self) -> tuple[str, ...]:
        """The components of the table, in file order."""
        return tuple(dict.fromkeys(component for component, _, _ in self.values))

    def actions(self, component: str) -> tuple[str, ...]:
        """The actions of a component that have an energy."""
        return tuple(a for c, a, q in self.values if c == component and q == "energy")


@dataclass(frozen=True)
class SramRow:
    """One array: energies per row access through one port, cycle time of one bank, area of the whole."""

    size_bytes: int
    row_bytes: int
    banks: int
    ports: int
    objective: str
    read_pj: float
    write_pj: float
    cycle_ns: float
    leakage_mw: float
    area_um2: float
    source: str

    @property
    def values(self) -> tuple[float, float, float, float, float]:
        """read pJ, write pJ, area um^2, leakage mW, cycle ns."""
        return (self.read_pj, self.write_pj, self.area_um2, self.leakage_mw, self.cycle_ns)


@dataclass(frozen=True)
class SramTable:
    """The rows by (objective, row bytes, banks, ports) and size."""

    file: str
    rows: Mapping[tuple[str, int, int, int], Mapping[int, SramRow]]

    def exact(self, objective: str, size: int, row: int, banks: int, ports: int) -> SramRow | None:
        """The table's own row, or None."""
        return self.rows.get((objective, row, banks, ports), {}).get(size)


@dataclass(frozen=True)
class CostTables:
    """The tables of one accelerator."""

    components: ComponentTable
    sram: SramTable


@lru_cache(maxsize=32)
def load_components(reference: str, folder: str = "") -> ComponentTable:
    """The component table of that catalogue name or file; FileError, SourceError at a wrong cell."""
    file, text = _text(reference, folder)
    lines = _rows(file, text, ("component", "action", "quantity", "value", "unit", "source"))
    values: dict[tuple[str, str, str], float] = {}
    sources: dict[tuple[str, str, str], str] = {}
    for number, row in lines:
        quantity = row["quantity"]
        if quantity not in UNITS:
            raise _wrong(file, text, number, quantity, f"unknown quantity '{quantity}'", nearest(quantity, UNITS))
        if row["unit"] not in UNITS[quantity]:
            expected = " or ".join(UNITS[quantity])
            raise _wrong(file, text, number, row["unit"], f"unit of {quantity} is '{row['unit']}'; expected {expected}")
        if not row["source"]:
            raise _wrong(file, text, number, row["component"], "a row needs a source")
        key = (row["component"], row["action"], quantity)
        if key in values:
            raise _wrong(file, text, number, row["component"], f"{' '.join(filter(None, key))} is given twice")
        values[key] = _number(file, text, number, row["value"], "value")
        sources[key] = row["source"]
    return ComponentTable(file, values, sources)


@lru_cache(maxsize=32)
def load_sram(reference: str, folder: str = "") -> SramTable:
    """The SRAM table of that catalogue name or file; FileError, SourceError at a wrong cell."""
    file, text = _text(reference, folder)
    found: dict[tuple[str, int, int, int], dict[int, SramRow]] = {}
    for number, row in _rows(file, text, (*_SRAM, "objective", "source")):
        n = {c: _number(file, text, number, row[c], c) if row[c] else math.nan for c in _SRAM}
        if not row["source"]:
            raise _wrong(file, text, number, row["size_bytes"], "a row needs a source")
        ports = int(n["rw_ports"])
        # With more ports the tree's wires are multiplied but only one port's are driven by an access.
        tree = _number(file, text, number, row["htree_pj"], "htree_pj") if row.get("htree_pj") else 0.0
        idle = tree * (1 - 1 / ports)
        size, wide, banks = int(n["size_bytes"]), int(n["row_bytes"]), int(n["banks"])
        entry = SramRow(
            size, wide, banks, ports, row["objective"], n["read_pj"] - idle, n["write_pj"] - idle,
            n["cycle_ns"], n["leakage_mw"], n["area_um2"], row["source"],
        )  # fmt: skip
        found.setdefault((row["objective"], wide, banks, ports), {})[size] = entry
    return SramTable(file, {key: dict(sorted(sizes.items())) for key, sizes in found.items()})


def _text(reference: str, folder: str) -> tuple[str, str]:
    """(file, text) of a catalogue table or of a file, relative to ``folder``."""
    shipped = files("fusemax") / "catalogue" / "tables" / f"{reference}.csv"
    path = Path(folder) / reference
    if not path.exists() and shipped.is_file():
        return f"{reference}.csv", shipped.read_text(encoding="utf-8")
    try:
        return str(path), read_text(path, _LARGEST)
    except FileError as error:
        names = [f.name.removesuffix(".csv") for f in (files("fusemax") / "catalogue" / "tables").iterdir()]
        near = nearest(reference, names)
        raise FileError(reference, error.reason + (f" (did you mean the table '{near}'?)" if near else "")) from None


def _rows(file: str, text: str, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = next(reader, [])
        for column in needed:
            if column not in header:
                raise SourceError(
                    f"column '{column}' is missing", file, 1, 1, 1, text.split("\n", 1)[0], nearest(column, header)
                )
        found = []
        for cells in reader:
            if len(cells) != len(header):
                message = f"{len(cells)} cells, expected {len(header)}"
                raise _wrong(file, text, reader.line_num, "", message)
            found.append((reader.line_num, {h: c.strip() for h, c in zip(header, cells, strict=True)}))
        return found
    except csv.Error as error:
        raise _wrong(file, text, reader.line_num, "", f"not CSV: {error}") from None


def _number(file: str, text: str, line: int, cell: str, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise _wrong(file, text, line, cell, f"{column} is {cell!r}; expected a number") from None
    if not 0 <= value < math.inf:
        raise _wrong(file, text, line, cell, f"{column} is {cell}; expected a number from 0 up")
    return value


def _wrong(file: str, text: str, line: int, cell: str, message: str, suggestion: str | None = None) -> SourceError:
    source = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
    column = max(source.find(cell), 0) + 1
    return SourceError(message, file, line, column, max(1, len(cell)), source, suggestion)
