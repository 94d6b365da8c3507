"""What a phase's execution leaves behind, in ticks and words, whichever engine ran it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fusemax.simulate.simulation import Term

__all__ = ["PhaseRun"]


@dataclass(frozen=True)
class PhaseRun:
    """``busy``: array -> Einsum -> ticks; ``stalls``: array -> cause -> ticks; both add up to ``end`` - ``begin``."""

    name: str
    begin: int
    end: int
    busy: Mapping[str, Mapping[str, int]]
    stalls: Mapping[str, Mapping[str, int]]
    peak_words: Mapping[str, Mapping[str, float]]
    tiles: Mapping[str, int]
    read_words: float
    written_words: float
    bus_busy: int
    ports_busy: int
    terms: tuple[Term, ...]
    lags: Mapping[str, int] = field(default_factory=dict)
    flight: int = 0
    flight_best: int = 0
    in_flight: int = 0
    remarks: tuple[str, ...] = ()
