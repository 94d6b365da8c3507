"""What a run did, for pictures: spans by unit, arrows from a result to its use, how full the buffer was.

A recorder only writes down what the engines do; iterations that a steady state let them pass over are one span on a
track of their own. Times are cycles.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Arrow", "Level", "Recorder", "Span", "Trace", "excerpt"]

TICKS = 1 << 16
PASSED = "passed over"
"""The track of what was not executed one by one."""


@dataclass(frozen=True)
class Span:
    """A unit was busy with something from ``start`` until ``end``; ``tile`` are the indices of an Einsum's tile."""

    unit: str
    label: str
    start: float
    end: float
    tile: tuple[int, ...] = ()


@dataclass(frozen=True)
class Arrow:
    """The span numbered ``reader`` uses what the span numbered ``writer`` made of a tensor."""

    writer: int
    reader: int
    tensor: str


@dataclass(frozen=True)
class Level:
    """From ``time`` on a memory holds so many words of a tensor."""

    time: float
    component: str
    tensor: str
    words: float


@dataclass(frozen=True)
class Trace:
    """All of a run; ``spans`` in the order in which they began to be known."""

    spans: tuple[Span, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    levels: tuple[Level, ...] = ()


@dataclass
class Recorder:
    """Collects a trace; ``most`` spans at the most, later ones are left out."""

    most: int = 500_000
    spans: list[Span] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    _numbers: dict[object, int] = field(default_factory=dict)

    def span(self, unit: str, label: str, start: int, end: int, tile: tuple[int, ...] = (), key: object = None) -> int:
        """Note a span, in ticks; its number, -1 when there are too many. ``key`` finds it again for arrows."""
        if len(self.spans) >= self.most:
            return -1
        self.spans.append(Span(unit, label, start / TICKS, end / TICKS, tile))
        number = len(self.spans) - 1
        if key is not None:
            self._numbers[key] = number
        return number

    def use(self, keys: Iterable[tuple[object, str]]) -> None:
        """Note that the next span uses results: the keys of the spans that made them, and the tensors."""
        if len(self.spans) < self.most:
            reader = len(self.spans)
            found = ((self._numbers.get(key), tensor) for key, tensor in keys)
            self.arrows += [Arrow(writer, reader, tensor) for writer, tensor in found if writer is not None]

    def again(self, key: object, number: int) -> None:
        """Let a span be found by another key too."""
        if number >= 0:
            self._numbers[key] = number

    def level(self, time: int, component: str, tensor: str, words: float) -> None:
        """Note how much a memory holds of a tensor."""
        if len(self.levels) < self.most:
            self.levels.append(Level(time / TICKS, component, tensor, words))

    def passed(self, start: int, end: int) -> None:
        """Note a stretch of the steady state; what came before it is no longer looked for."""
        self.span(PASSED, f"{(end - start) / TICKS:,.0f} cycles of the same", start, end)
        self._numbers.clear()

    def trace(self) -> Trace:
        """What was noted."""
        return Trace(tuple(self.spans), tuple(self.arrows), tuple(self.levels))


def excerpt(trace: Trace, most: int = 40) -> tuple[float, list[Span]]:
    """A stretch in which every unit has begun, at most so many spans; when it begins, and the spans from there on."""
    firsts: dict[str, float] = {}
    spans = [span for span in trace.spans if span.unit != PASSED]
    for span in spans:
        firsts.setdefault(span.unit, span.start)
    working = [span.start for span in spans if span.tile]
    begin = max((start for unit, start in firsts.items() if start <= _middle(working)), default=0.0)
    later = sorted((s for s in spans if s.start >= begin), key=lambda s: (s.start, s.end))[:most]
    order = {unit: i for i, unit in enumerate(firsts)}
    shown = sorted(later, key=lambda s: (order[s.unit], s.start))
    return begin, [Span(s.unit, _name(s), s.start - begin, s.end - begin, s.tile) for s in shown]


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2] if times else 0.0


def _name(span: Span) -> str:
    return f"{span.label}[{','.join(map(str, span.tile[1:]))}]" if span.tile else span.label
