"""A tile-level task: one Einsum of a phase of one step, its tiles in order, and what each of them needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from operator import mul

from fusemax.design.nest import Nest
from fusemax.simulate.memory import Fetch, Store
from fusemax.simulate.pattern import num_running
from fusemax.simulate.place import Place
from fusemax.simulate.space import Index, TileSpace

__all__ = ["Need", "Shared", "Task"]


@dataclass(frozen=True)
class Need:
    """What a tile needs of another task: that it is past ``code(index)``, and ``delay`` ticks more; None: nothing."""

    writer: int
    tensor: str
    code: Callable[[Index], int | None]
    delay: int
    streamed: bool
    running: bool = False
    """Of the tile of the same queries before."""


@dataclass(frozen=True)
class Shared:
    """A task's share of iterations over key tiles and query tiles, how many of them a tile has, and its ticks if none
    of them runs."""

    share: Fraction
    inside: int
    skipped: Callable[[Index], int]


@dataclass
class Task:
    """One Einsum: constant but for `at`, the next tile, and its record of what is done."""

    number: int
    name: str
    array: str
    nest: Nest
    space: TileSpace
    duration: Callable[[Index], int]
    rows: float
    """Rows of the buffer it touches per tick."""
    units: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By rank, what the loops in time inside a tile take at once."""
    shared: Shared | None = None
    """What it does at tiles that skip it, where it runs at a share of them."""
    pieces: int = 1
    """Tiles that make up what is handed over to another array at once."""
    needs: list[Need] = field(default_factory=list)
    takes: list[tuple[Place, Callable[[Index], tuple[float, int]]]] = field(default_factory=list)
    feeds: list[Fetch] = field(default_factory=list)
    sinks: list[tuple[Store, Callable[[Index], int]]] = field(default_factory=list)
    at: Index | None = None
    code: int = 0
    count: int = 0
    """Tiles done, up to the period of those it runs at."""
    codes: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    waits_for: Callable[[], bool] | None = None
    """Whether what the next tile was found to lack is still lacking."""
    codes_needed: list[int | None] | None = None
    """What `needs` say of the next tile, once asked for."""

    stage: int = 0
    """How often what it works on went from array to array."""
    turns: int = 1
    late: int = 0
    """A tile's turn is its number times ``turns`` plus ``late``: the array takes the earliest first."""
    sooner: int = 0
    """How much earlier the turn of what is moved for a tile is."""

    def turn(self, index: Index) -> int:
        """The turn of what is moved for a tile."""
        return self.turn_of(self.encode(index))

    def turn_of(self, code: int) -> int:
        """The same for a tile's number."""
        return code * self.turns + self.late - self.sooner

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """By axis, what one iteration adds to a tile's number."""
        found = [1]
        for axis in self.space.axes[:0:-1]:
            found.append(found[-1] * axis.bound)
        return tuple(reversed(found))

    def length(self, index: Index) -> int:
        """Ticks of the next tile."""
        whole, shared = self.duration(index), self.shared
        if shared is None:
            return whole
        running = num_running(shared.share, self.count * shared.inside, shared.inside)
        return (whole * running + shared.skipped(index) * (shared.inside - running)) // shared.inside

    def done(self) -> None:
        """Count the next tile as done."""
        if self.shared is not None:
            self.count = (self.count + 1) % self.shared.share.denominator

    def encode(self, index: Index) -> int:
        """Tiles in order as rising numbers."""
        return sum(map(mul, self.strides, index))

    @property
    def end_code(self) -> int:
        """Past the last tile."""
        return self.strides[0] * self.space.axes[0].bound
