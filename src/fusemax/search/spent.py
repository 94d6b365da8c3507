"""What designs spend at least: so far, and in the Einsums still to be placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fusemax.search.prices import Keeping

__all__ = ["Least", "Spent"]

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spent:
    """What is spent so far, one entry per size of the tiles.

    ``cycles`` by array; ``energy`` of operations and operands; ``words`` of the outermost memory; ``rows`` words of the
    next, ``room`` bytes there; ``left`` Einsums that are not placed; ``busy`` cycles of a schedule; ``done`` tensors
    that count with what they cost, the others with the least any choice does.
    """

    cycles: Mapping[str, Reals]
    energy: Reals
    words: Reals
    rows: Reals
    room: Reals
    left: int
    busy: Reals | None = None
    drain: int = 0
    """1 where arrays run freely, and ``busy`` has what the last column waits for already."""
    load: Reals | None = None
    """Seconds before anything runs."""
    done: frozenset[str] = frozenset()

    def plus(self, more: Keeping) -> Spent:
        """With what another tensor takes."""
        return replace(
            self,
            words=self.words + more.words,
            rows=self.rows + more.rows,
            energy=self.energy + more.energy,
            room=self.room + more.room,
        )


@dataclass(frozen=True)
class Least:
    """The least that some Einsums take, wherever they run; ``forced``: of an array on which alone some of them can."""

    cycles: Reals
    forced: Mapping[str, Reals]
    energy: Reals
    words: Reals
    rows: Reals
