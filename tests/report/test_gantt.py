"""Gantt charts as text and SVG: lanes for what overlaps, nothing lost, user text escaped."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import UsageError
from fusemax.report.gantt import gantt_svg, gantt_text, perfetto_trace

EPOCH = [
    ("array2d", "QK", 0, 64),
    ("array2d", "SLNV", 0, 69),
    ("array2d", "LM", 69, 70),
    ("array2d", "SLN", 70, 77),
    ("array1d", "SPNV", 0, 64),
    ("array1d", "RM", 64, 65),
]


def test_text() -> None:
    lines = gantt_text(EPOCH, width=60).split("\n")
    assert lines[:4] == [
        "array2d [-------------------QK-------------------]   a[SLN]",
        "        [--------------------SLNV--------------------]",
        "array1d [------------------SPNV------------------]b",
        "        0                                                77",
    ]
    assert lines[5] == "   unit     what  from  until  cycles"
    assert "a  array2d  LM      69     70       1" in lines
    assert max(map(len, lines)) <= 60


def test_empty() -> None:
    assert gantt_text([]) == ""
    assert ET.fromstring(gantt_svg([])).tag.endswith("svg")


def test_svg_has_every_span_with_its_times() -> None:
    svg = gantt_svg(EPOCH, title="one epoch")
    root = ET.fromstring(svg)
    titles = [e.text for e in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(EPOCH)
    assert "LM on array2d: 69 to 70 (1)" in titles
    assert root.get("aria-label") == "one epoch"
    boxes = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("height") == "24"]
    assert {b.get("y") for b in boxes[:4]} == {"18.0", "44.0"}, "QK and SLNV overlap: two lanes"


def test_user_text_is_escaped() -> None:
    svg = gantt_svg([("<script>", "<b>&\"'", 0, 100)], title='"><script>')
    ET.fromstring(svg)
    assert "<script" not in svg


@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.text(max_size=5), st.floats(0, 1e6), st.floats(0, 1e6)).map(
            lambda t: (t[0], t[1], min(t[2:]), max(t[2:]))
        ),
        max_size=20,
    ),
    st.integers(60, 140),
)
def test_any_spans_draw(spans: list[tuple[str, str, float, float]], width: int) -> None:
    text = gantt_text(spans, width=width)
    assert all(len(line) <= width for line in text.split("\n"))
    svg = gantt_svg(spans)
    found = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]
    assert len(found) == len(spans)


def test_bad_spans() -> None:
    for span in [("a", "b", 2, 1), ("a", "b", 0, float("inf")), ("a", "b", float("nan"), 1), ("a", "b", -1, 1)]:
        with pytest.raises(UsageError, match="ends before it starts"):
            gantt_svg([span])
    with pytest.raises(UsageError, match="more than 2000 spans"):
        gantt_text([("a", "b", i, i + 1) for i in range(2001)])


def test_perfetto() -> None:
    events = json.loads(perfetto_trace(EPOCH, microseconds=0.5))["traceEvents"]
    names = {e["args"]["name"] for e in events if e["ph"] == "M"}
    assert names == {"array2d", "array1d"}
    lm = next(e for e in events if e["name"] == "LM")
    assert (lm["ts"], lm["dur"], lm["tid"]) == (34.5, 0.5, 1)
