"""What a run leaves as a picture: no unit does two things at once, arrows go forwards, files are whole or not there."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest

from fusemax.base.files import write_atomically
from fusemax.report.trace import trace_events, write_trace
from fusemax.simulate.trace import PASSED, Recorder, Trace, excerpt
from tests.simulate.points import DESIGNS, run


def traced(design: str) -> Trace:
    trace = run(design).trace
    assert trace is not None
    return trace


@pytest.mark.parametrize("design", DESIGNS)
def test_slices_of_a_track_never_overlap(design: str) -> None:
    events = list(trace_events(traced(design)))
    names = {str(e["args"]) for e in events if e["name"] == "thread_name"}
    assert {str({"name": n}) for n in ("array1d", "array2d", "dram read", "dram write")} <= names
    tracks: dict[object, list[tuple[float, float]]] = {}
    for event in events:
        if event["ph"] == "X":
            start, length = float(str(event["ts"])), float(str(event["dur"]))
            tracks.setdefault(event["tid"], []).append((start, start + length))
    for slices in tracks.values():
        slices.sort()
        assert all(one[1] <= two[0] + 1e-9 for one, two in pairwise(slices))


@pytest.mark.parametrize("design", DESIGNS)
def test_arrows_go_from_a_result_to_a_later_use(design: str) -> None:
    trace = traced(design)
    assert trace.arrows
    for arrow in trace.arrows:
        writer, reader = trace.spans[arrow.writer], trace.spans[arrow.reader]
        assert writer.start <= reader.start
        assert writer.label != reader.label or writer.tile != reader.tile


@pytest.mark.parametrize("design", DESIGNS)
def test_counters_say_what_the_buffer_holds(design: str) -> None:
    found = run(design)
    counters = [e for e in trace_events(traced(design)) if e["ph"] == "C"]
    assert counters
    assert [e["ts"] for e in counters] == sorted(float(str(e["ts"])) for e in counters)
    assert {e["name"] for e in counters} == {f"{next(iter(found.peak_words))} words"}


def test_a_trace_is_json(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write_atomically(path, lambda file: write_trace(traced("fusemax"), file))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert len(document["traceEvents"]) > 100


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"

    def interrupted(file: BinaryIO) -> None:
        write_trace(Trace(traced("fusemax").spans[:5]), file)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_what_is_passed_over_is_one_slice() -> None:
    recorder = Recorder()
    recorder.passed(0, 1 << 20)
    (span,) = recorder.trace().spans
    assert (span.unit, span.end) == (PASSED, 16)


def test_an_excerpt_shows_every_unit() -> None:
    _, spans = excerpt(traced("fusemax"))
    assert {"array1d", "array2d"} <= {span.unit for span in spans}
