"""The channel, boxes in places, and the buffer's ports."""

from __future__ import annotations

from fusemax.simulate.memory import Bus, Fetch, Ports, Store
from fusemax.simulate.space import Axis, TileSpace

SPACE = TileSpace((Axis("m", "M", 1, 4),), {"M": 4})


def fetch(places: int, words: int = 10) -> Fetch:
    found = Fetch("K", SPACE, (0,), places, lambda _: words, words)
    found.ported = False
    return found


def test_a_box_comes_into_a_place_that_was_left() -> None:
    bus = Bus(lambda words: words, None)
    boxes = fetch(2)
    bus.fetches.append(boxes)
    assert bus.obtain(boxes, (0,)) == 10
    bus.advance(100)
    assert bus.busy == 20  # two places, no third box
    boxes.boxes[0].used = 50
    assert bus.obtain(boxes, (1,)) == 20
    bus.advance(100)
    assert (bus.busy, bus.free) == (30, 60)
    assert boxes.peak == 20


def test_older_queries_go_first() -> None:
    bus = Bus(lambda words: words, None)
    new, old = Store("new", 2), Store("old", 2)
    bus.stores += [new, old]
    new.waiting.append((0, 5, (1, 0)))
    old.waiting.append((0, 7, (0, 3)))
    bus.step()
    assert not old.waiting and new.waiting
    assert bus.finish() == 12


def test_ports_serve_the_first_array_before_all_others() -> None:
    ports = Ports("buffer", 2.0, 16.0)
    ports.start(0)
    assert ports.rows(32) == 2
    assert ports.serve(0, 10) == 20
    assert ports.serve(0, 5, True) == 10
    assert ports.serve(0, 1) == 32
    assert ports.busy == 32
