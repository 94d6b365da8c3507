"""The channel, boxes in places, and the buffer's ports."""

from __future__ import annotations

from fusemax.simulate.memory import BURST, Bus, Fetch, Ports, Store
from fusemax.simulate.space import Axis, TileSpace

SPACE = TileSpace((Axis("m", "M", 1, 4),), {"M": 4})


def fetch(places: int, words: int = 10) -> Fetch:
    found = Fetch("K", SPACE, (0,), places, lambda _: words)
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


def test_the_earliest_turn_goes_first() -> None:
    bus = Bus(lambda words: words, None)
    new, old = Store("new", 2), Store("old", 2)
    bus.stores += [new, old]
    new.waiting.append((0, 5, 4))
    old.waiting.append((0, 7, 3))
    bus.step(None)
    assert not old.waiting and new.waiting
    assert bus.finish() == 12


def test_what_has_an_earlier_turn_interrupts_a_transfer() -> None:
    bus = Bus(lambda words: words, None)
    moved: list[tuple[str, int, int]] = []
    bus.observe = lambda move: moved.append((move.tensor, move.start, move.end))
    new, old = Store("new", 2), Store("old", 2)
    bus.stores += [new, old]
    new.waiting.append((0, 500, 4))
    old.waiting.append((200, 100, 3))
    bus.finish()
    assert moved == [("new", 0, 200), ("old", 200, 300), ("new", 300, 600)]
    assert list(new.sent) == [600]


def test_no_less_than_a_burst_is_moved() -> None:
    bus = Bus(lambda words: words, None)
    new, old = Store("new", 2), Store("old", 2)
    bus.stores += [new, old]
    new.waiting.append((0, 500, 4))
    old.waiting.append((1, 100, 3))
    bus.step(None)
    assert bus.free == BURST


def test_a_transfer_stops_at_a_time_and_goes_on_later() -> None:
    bus = Bus(lambda words: words, None)
    boxes = fetch(2, 100)
    bus.fetches.append(boxes)
    bus.step(60)
    assert (bus.free, boxes.left, len(boxes.boxes)) == (60, 40, 0)
    bus.step(None)
    assert (bus.free, len(boxes.boxes)) == (100, 1)


def test_a_store_knows_what_it_still_holds() -> None:
    store = Store("QK", 2, late=2)
    store.waiting.append((0, 5, 7 + store.late))
    assert store.holds(7) and store.holds(8) and not store.holds(6)


def test_ports_serve_the_first_array_before_all_others() -> None:
    ports = Ports("buffer", 2.0, 16.0)
    ports.start(0)
    assert ports.rows(32) == 2
    assert ports.serve(0, 10) == 20
    assert ports.serve(0, 5, True) == 10
    assert ports.serve(0, 1) == 32
    assert ports.busy == 32
