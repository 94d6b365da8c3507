"""The taxonomy of what ships: catalogue data, counts from the analysis, verdicts from running the cascades."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.taxonomy import Entry, Taxonomy, Verdict, taxonomy
from fusemax.base.errors import SourceError, UnknownName
from fusemax.cascade import Cascade, catalogue, load
from fusemax.cascade.sizes import known_sizes
from fusemax.derive.samples import Sample, samples_for
from fusemax.execute import run

__all__ = ["families", "family_of", "judge", "shipped_taxonomy"]

EXACT = 1e-9
"""Largest error over largest value at which two forms are the same function in float64."""
STABLE = 1e-6
"""The same under strain: half of float64's digits."""

Outputs = dict[str, NDArray[np.float64]]


@cache
def _table() -> dict[str, dict[str, str]]:
    text = (files("fusemax") / "catalogue" / "taxonomy.csv").read_text(encoding="utf-8")
    return {row["cascade"]: row for row in csv.DictReader(text.splitlines())}


def families() -> tuple[str, ...]:
    """The families of the shipped cascades, in the table's order."""
    return tuple(dict.fromkeys(row["family"] for row in _table().values()))


def family_of(cascade: str) -> str | None:
    """The family of a shipped cascade."""
    return _table().get(cascade, {}).get("family")


def shipped_taxonomy(names: Sequence[str] = (), family: str | None = None) -> Taxonomy:
    """Rows for catalogue cascades or files: the named ones, those of a family, or all that ship.

    Raises UnknownName for a family that is not there, and what `load` raises.
    """
    if family is not None and family not in families():
        raise UnknownName("family", family, families())
    chosen = list(names) or [n for n, row in _table().items() if family is None or row["family"] == family]
    return taxonomy([_entry(name) for name in chosen], judge)


def _entry(name: str) -> Entry:
    row = _table().get(name, {})

    def several(key: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (row.get(key) or "").split(";") if part.strip())

    function = row.get("function", "")
    return Entry(
        load(name), row.get("family", ""), load(function) if function in catalogue() else None, several("systems"),
        several("sources"),
    )  # fmt: skip


def judge(cascade: Cascade, function: Cascade | None, rank: str) -> Verdict:
    """Run a form beside its function, on benign inputs (exact?) and on inputs made to strain it (stable?).

    A form that is its own function, or whose function takes other inputs, is stable when no output under strain is
    NaN; when one is, nobody can say whether form or function breaks, and the answer is unknown.
    """
    known, missing = known_sizes(cascade, None, {})
    if missing:
        return Verdict(None, None)
    samples = samples_for(cascade, rank, sizes=known)
    alike = function is not None and _same_inputs(cascade, function) and function.name != cascade.name
    exact: bool | None = None if function is None or not (alike or function.name == cascade.name) else True
    for sample in samples:
        found = _outputs(cascade, sample)
        expected = _outputs(function, sample) if alike and function is not None else None
        if found is None:
            return Verdict(None, exact)
        if sample.is_stress:
            if complaint := _strained(found, expected):
                return Verdict(False if alike else None, exact, f"{complaint} ({sample.name} inputs)")
        elif expected is not None and _error(expected, found) > EXACT:
            exact = False
    return Verdict(True, exact)


def _same_inputs(one: Cascade, other: Cascade) -> bool:
    def shape(cascade: Cascade) -> set[tuple[str, int]]:
        return {(d.tensor, len(d.variables)) for d in cascade.inputs}

    return shape(one) == shape(other) and {d.tensor for d in one.outputs} <= {d.tensor for d in other.outputs}


def _outputs(cascade: Cascade, sample: Sample) -> Outputs | None:
    """None where the cascade cannot run on the sample, as when a gathered index is out of range."""
    try:
        return dict(run(cascade, sample.inputs))
    except SourceError:
        return None


def _error(expected: Outputs, found: Outputs) -> float:
    errors = [0.0]
    for name, array in found.items():
        finite = np.isfinite(expected[name])
        if not np.array_equal(finite, np.isfinite(array) & finite):
            return float("inf")
        wanted, got = expected[name][finite], array[finite]
        scale = float(np.max(np.abs(wanted), initial=0.0)) or 1.0
        errors.append(float(np.max(np.abs(got - wanted), initial=0.0)) / scale)
    return max(errors)


def _strained(found: Outputs, expected: Outputs | None) -> str | None:
    if expected is None:
        broken = [name for name, array in found.items() if np.isnan(array).any()]
        return f"{broken[0]} is not a number" if broken else None
    for name, array in found.items():
        lost = np.isfinite(expected[name]) & ~np.isfinite(array)
        if lost.any():
            return f"{name} is {array[lost].flat[0]} where it should be {expected[name][lost].flat[0]:.3g}"
    error = _error(expected, found)
    return f"relative error {error:.1e}" if error > STABLE else None
