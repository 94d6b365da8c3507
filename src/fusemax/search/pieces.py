"""A sweep cut to pieces: what is missing, so many points at once as take about as long as is wanted.

How a sweep is cut shows in no result: a point's figures do not depend on its neighbours.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fusemax.search.grid import Part, Reals, Wholes
from fusemax.search.store import Store

__all__ = ["MOST_POINTS", "TARGET_S", "Cutter", "Engine", "InProcess", "Piece"]

MOST_POINTS = 1 << 17  # of one piece: some 15 MB of keys and figures
_GROWTH = 4  # a first measurement, with imports and tables in it, says little
TARGET_S = 0.5


@dataclass(frozen=True, eq=False)
class Piece:
    """Points ``start`` to ``stop`` of a part, or ``only`` some of these, counted from ``start``."""

    part: int
    start: int
    stop: int
    only: Wholes | None = None

    def __len__(self) -> int:
        return self.stop - self.start if self.only is None else len(self.only)


@dataclass
class Cutter:
    """Cuts parts to pieces, leaving out what the store has; ``skip`` is told of points that are there."""

    parts: Sequence[Part]
    store: Store
    skip: Callable[[int], None]
    target_s: float = TARGET_S
    _steps: dict[int, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Piece]:
        for number, part in enumerate(self.parts):
            start = 0
            while start < part.num_points:
                stop = min(start + self._step(number), part.num_points)
                piece = self._missing(number, start, stop)
                if len(piece):
                    yield piece
                start = stop

    def _step(self, number: int) -> int:
        return self._steps.get(number, self.parts[number].first_step)

    def _missing(self, number: int, start: int, stop: int) -> Piece:
        part = self.parts[number]
        if not self.store.holds(part.study):
            return Piece(number, start, stop)
        there = np.array(self.store.known(part.study, part.inputs(start, stop)))
        if not there.any():
            return Piece(number, start, stop)
        self.skip(int(there.sum()))
        return Piece(number, start, stop, np.flatnonzero(~there))

    def tell(self, piece: Piece, seconds: float) -> None:
        """How long a piece took: the next ones of its part are made to take ``target_s``."""
        step = self._step(piece.part)
        wanted = int(self.target_s * len(piece) / max(seconds, 1e-6))
        self._steps[piece.part] = max(1, min(wanted, _GROWTH * max(step, len(piece)), MOST_POINTS))


class Engine(Protocol):
    """What finds figures: this process, or others."""

    def run(self, parts: Sequence[Part], pieces: Cutter) -> Iterator[tuple[Piece, Reals]]:
        """Every piece with its figures, in any order, each once."""


class InProcess:
    """Figures found here, on all cores, the next piece while the last one is stored."""

    def run(self, parts: Sequence[Part], pieces: Cutter) -> Iterator[tuple[Piece, Reals]]:
        """See Engine."""

        def find(piece: Piece) -> tuple[Piece, Reals]:
            begun = time.perf_counter()
            figures = parts[piece.part].figures(piece.start, piece.stop, piece.only)
            pieces.tell(piece, time.perf_counter() - begun)
            return piece, figures

        with ThreadPoolExecutor(1) as ahead:
            waiting: deque[Future[tuple[Piece, Reals]]] = deque()
            for piece in pieces:
                if waiting:
                    found = waiting.popleft().result()  # then the step of the next piece is known too
                    waiting.append(ahead.submit(find, piece))
                    yield found
                else:
                    waiting.append(ahead.submit(find, piece))
            while waiting:
                yield waiting.popleft().result()
