"""Room for results: taken in order, left as the reader goes on."""

from __future__ import annotations

from fusemax.simulate.place import Place


def place() -> Place:
    return Place("scores", 100.0, 0, False)


def test_room_comes_back_when_the_reader_is_past() -> None:
    room = place()
    room.take(60, 3)
    assert room.free_at(40, 7) == 7
    assert room.free_at(60, 7) is None
    room.leave(3, 50)  # the reader is at tile 3, which still needs it
    assert room.free_at(60, 7) is None
    room.leave(4, 80)
    assert room.free_at(60, 7) == 80
    assert room.peak == 60


def test_a_result_larger_than_the_room_takes_all_of_it() -> None:
    room = place()
    assert room.free_at(500, 0) == 0
    room.take(500, 1)
    assert room.held == 100
    assert room.free_at(1, 0) is None


def test_results_of_tiles_in_a_row_leave_one_by_one() -> None:
    room = place()
    for code in range(4):
        room.take(10, code)
    assert len(room.items) == 1
    room.leave(2, 9)
    assert room.held == 20
