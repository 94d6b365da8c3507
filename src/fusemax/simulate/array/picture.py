"""The epoch as spans for a Gantt chart: what a PE and a lane work on, each in its own clock."""

from __future__ import annotations

from collections.abc import Iterator

from fusemax.simulate.array.expand import Slot
from fusemax.simulate.array.timing import Timing

__all__ = ["Span", "epoch_spans"]

Span = tuple[str, str, float, float]
NAMES = {"pe": "every PE", "lane": "every lane"}


def epoch_spans(timed: Timing) -> list[Span]:
    """(unit, Einsum and stage, first slot, slot after the last) of a steady epoch.

    Einsums that take turns slot by slot have spans that overlap. PE (r, c) is r + c cycles late, lane c N + c.
    """
    return [span for unit in NAMES for span in _unit(unit, [s for s in timed.of(unit) if s.when == "always"])]


def _unit(unit: str, slots: list[Slot]) -> Iterator[Span]:
    open_: dict[str, tuple[int, int]] = {}
    found: list[Span] = []
    for slot in slots:
        label = f"{slot.einsum} of {slot.stage}"
        first, last = open_.get(label, (slot.slot, slot.slot))
        if slot.slot - last > 2:  # further apart than Einsums that take turns
            found.append((NAMES[unit], label, float(first), float(last + 1)))
            first = slot.slot
        open_[label] = (first, slot.slot)
    found += [(NAMES[unit], label, float(first), float(last + 1)) for label, (first, last) in open_.items()]
    yield from sorted(found, key=lambda span: (span[2], span[3]))
