"""A simulation as a trace that ui.perfetto.dev and chrome://tracing open.

One thread per unit, slices that never overlap on it, arrows from the slice that makes a result to those that use it,
a counter per memory with the words of every tensor in it. One cycle is shown as one microsecond.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

__all__ = ["trace_events", "write_trace"]


class _Span(Protocol):
    @property
    def unit(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def tile(self) -> tuple[int, ...]: ...


class _Arrow(Protocol):
    @property
    def writer(self) -> int: ...
    @property
    def reader(self) -> int: ...
    @property
    def tensor(self) -> str: ...


class _Level(Protocol):
    @property
    def time(self) -> float: ...
    @property
    def component(self) -> str: ...
    @property
    def tensor(self) -> str: ...
    @property
    def words(self) -> float: ...


class TraceLike(Protocol):
    """What `fusemax.simulate.trace.Trace` is."""

    @property
    def spans(self) -> Iterable[_Span]: ...
    @property
    def arrows(self) -> Iterable[_Arrow]: ...
    @property
    def levels(self) -> Iterable[_Level]: ...


def trace_events(trace: TraceLike) -> Iterator[dict[str, object]]:
    """The events of the JSON trace format, names of threads first."""
    spans = list(trace.spans)
    units = {unit: i for i, unit in enumerate(dict.fromkeys(span.unit for span in spans), 1)}
    for unit, thread in units.items():
        yield {"name": "thread_name", "ph": "M", "pid": 1, "tid": thread, "args": {"name": unit}}
        yield {"name": "thread_sort_index", "ph": "M", "pid": 1, "tid": thread, "args": {"sort_index": thread}}
    for span in spans:
        event = {"name": span.label, "ph": "X", "pid": 1, "tid": units[span.unit], "ts": span.start}
        event["dur"] = span.end - span.start
        if span.tile:
            event["args"] = {"tile": list(span.tile)}
        yield event
    for number, arrow in enumerate(trace.arrows):
        ends: tuple[tuple[str, _Span, dict[str, object]], ...] = (
            ("s", spans[arrow.writer], {}),
            ("f", spans[arrow.reader], {"bp": "e"}),
        )
        for kind, span, more in ends:
            place = {"pid": 1, "tid": units[span.unit], "ts": span.start}
            yield {"name": arrow.tensor, "cat": "result", "ph": kind, "id": number, **place, **more}
    held: dict[str, dict[str, float]] = {}
    for level in sorted(trace.levels, key=lambda at: at.time):
        own = held.setdefault(level.component, {})
        own[level.tensor] = level.words
        yield {"name": f"{level.component} words", "ph": "C", "pid": 1, "ts": level.time, "args": dict(own)}


def write_trace(trace: TraceLike, file: BinaryIO) -> None:
    """Write the trace as JSON, one event a line."""
    file.write(b'{"displayTimeUnit": "ns", "traceEvents": [\n')
    for i, event in enumerate(trace_events(trace)):
        file.write((b",\n" if i else b"") + json.dumps(event).encode())
    file.write(b"\n]}\n")
