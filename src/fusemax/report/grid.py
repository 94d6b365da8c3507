"""Tidy comparison rows as a grid that answers lookups: values, ratios between designs, means.

A row has `part, design, workload, seq_len, quantity, value, unit`. The order in which designs, workloads and parts
first appear is the order in which everything is shown; by that order, too, the first designs are what others are
compared with and the last is the one a headline is about. A value nobody knows is None (`unknown` in a CSV file).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fusemax.base.errors import UsageError

__all__ = ["COLUMNS", "Grid", "Means", "Row", "means", "rows_from_csv"]

Row = Mapping[str, object]
COLUMNS = ("part", "design", "workload", "seq_len", "quantity", "value", "unit")
Key = tuple[str, str, str, int, str]


@dataclass(frozen=True)
class Means:
    """Both means of the values that are known, None when none is; the geometric mean is of positive values only."""

    arithmetic: float | None
    geometric: float | None
    known: int
    total: int


def means(values: Iterable[float | None]) -> Means:
    """The arithmetic and the geometric mean.

    >>> means([1.0, 4.0, None])
    Means(arithmetic=2.5, geometric=2.0, known=2, total=3)
    """
    every = list(values)
    known = [value for value in every if value is not None]
    if not known:
        return Means(None, None, 0, len(every))
    positive = all(value > 0 for value in known)
    geometric = math.exp(math.fsum(math.log(value) for value in known) / len(known)) if positive else None
    return Means(math.fsum(known) / len(known), geometric, len(known), len(every))


@dataclass(frozen=True)
class Grid:
    """Comparison rows, indexed."""

    rows: tuple[Row, ...]

    @staticmethod
    def of(rows: Iterable[Row]) -> Grid:
        """Index rows; raises UsageError for a row that lacks a column."""
        kept = tuple(rows)
        for row in kept:
            missing = [name for name in COLUMNS[:6] if name not in row]
            if missing:
                raise UsageError(f"a comparison row lacks {', '.join(missing)}: {dict(row)!r:.200}")
        return Grid(kept)

    @cached_property
    def index(self) -> Mapping[Key, object]:
        """Value by part, design, workload, seq_len and quantity; of equal keys the last row counts."""
        return {_key(row): row["value"] for row in self.rows}

    def _order(self, column: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(row[column]) for row in self.rows if row[column] not in (None, "")))

    @cached_property
    def designs(self) -> tuple[str, ...]:
        """Designs in order of appearance."""
        return self._order("design")

    @cached_property
    def workloads(self) -> tuple[str, ...]:
        """Workloads in order of appearance."""
        return self._order("workload")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Parts that have a latency, in order of appearance."""
        return tuple(dict.fromkeys(str(row["part"]) for row in self.rows if row["quantity"] == "latency"))

    @cached_property
    def seq_lens(self) -> tuple[int, ...]:
        """Sequence lengths, ascending."""
        return tuple(sorted({_length(row["seq_len"]) for row in self.rows if row["quantity"] == "latency"}))

    def quantities(self, prefix: str) -> tuple[str, ...]:
        """Quantities that begin with a prefix, in order of appearance."""
        return tuple(dict.fromkeys(str(r["quantity"]) for r in self.rows if str(r["quantity"]).startswith(prefix)))

    def points(self, part: str) -> tuple[tuple[str, int], ...]:
        """The (workload, sequence length) pairs of a part."""
        present = {key[2:4] for key in self.index if key[0] == part}
        return tuple((w, n) for w in self.workloads for n in self.seq_lens if (w, n) in present)

    def value(self, part: str, design: str, workload: str, seq_len: int, quantity: str) -> float | None:
        """A number, or None when it is unknown or absent."""
        return _number(self.index.get((part, design, workload, seq_len, quantity)))

    def text(self, part: str, design: str, workload: str, seq_len: int, quantity: str) -> str:
        """A value that is a word (`bound`); empty when absent."""
        found = self.index.get((part, design, workload, seq_len, quantity))
        return "" if found is None else str(found)

    def ratio(self, part: str, quantity: str, above: str, below: str, point: tuple[str, int]) -> float | None:
        """The quantity of one design divided by that of another at a point.

        None when either is unknown or 0, or a design is marked infeasible there.
        """
        if any(self.value(part, design, *point, "feasible") == 0 for design in (above, below)):
            return None
        top = self.value(part, above, *point, quantity)
        bottom = self.value(part, below, *point, quantity)
        return None if top is None or not bottom else top / bottom

    def speedup(self, part: str, design: str, over: str, point: tuple[str, int]) -> float | None:
        """How many times less time a design takes than another."""
        return self.ratio(part, "latency", over, design, point)

    def energy_ratio(self, part: str, design: str, over: str, point: tuple[str, int]) -> float | None:
        """A design's energy relative to another's."""
        return self.ratio(part, "energy", design, over, point)

    def area(self, design: str, quantity: str = "area") -> float | None:
        """A design's area (or `area.COMPONENT`) in um^2, whichever part states it."""
        for key, value in self.index.items():
            if key[1] == design and key[4] == quantity:
                return _number(value)
        return None

    @property
    def has_area(self) -> bool:
        """Whether any row states an area."""
        return any(key[4] == "area" for key in self.index)


def default_baselines(grid: Grid) -> tuple[str, ...]:
    """The first two designs; of two designs the first, of one none."""
    return grid.designs[: min(2, max(0, len(grid.designs) - 1))]


def _key(row: Row) -> Key:
    name = ("part", "design", "workload")
    part, design, workload = ("" if row[n] is None else str(row[n]) for n in name)
    return part, design, workload, _length(row["seq_len"]), str(row["quantity"])


def _length(value: object) -> int:
    try:
        return 0 if value in (None, "") else int(str(value))
    except ValueError:
        raise UsageError(f"seq_len is a whole number, found {value!r}") from None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, int | float) else float(str(value))
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def rows_from_csv(text: str) -> list[dict[str, object]]:
    """Comparison rows from the CSV that `compare` writes; numbers become numbers.

    Raises UsageError when a column is missing.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"not a comparison: column {missing[0]!r} is missing (expected {', '.join(COLUMNS)})")
    rows: list[dict[str, object]] = []
    for row in reader:
        number = _number(row["value"])
        value: object = row["value"] if number is None else number
        rows.append({**row, "seq_len": _length(row["seq_len"]), "value": None if value == "unknown" else value})
    return rows


def ordered(rows: Sequence[Row], column: str) -> list[str]:
    """The texts of a column in order of first appearance."""
    return list(dict.fromkeys(str(row[column]) for row in rows))
