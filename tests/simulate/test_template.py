"""Lags from the order of the epoch and from columns that are as deep as it is long."""

from __future__ import annotations

from fusemax.simulate.machine import TICKS
from fusemax.simulate.template import Flow, Slot, Template, flight_with_best_order, settle


def epoch(depth: int) -> Template:
    slots = {
        "make": Slot("make", "wide", 0, 10 * TICKS),
        "correct": Slot("correct", "lanes", 10 * TICKS, 12 * TICKS),
        "use": Slot("use", "lanes", 0, 10 * TICKS),
    }
    assert depth >= 0
    return Template(slots, 20 * TICKS, {})


def flows(depth: int) -> tuple[Flow, ...]:
    return (
        Flow("make", "correct", depth * TICKS, False, False),
        Flow("correct", "use", 0, False, False),
        Flow("use", "correct", 0, False, True),
    )


def test_a_result_that_comes_down_in_time_needs_no_lag() -> None:
    found = settle(epoch(0), flows(0), frozenset())
    assert found.lags == {"make": 0, "correct": 0, "use": 1}
    assert found.flight == 1


def test_a_deep_column_puts_an_einsum_off_by_whole_epochs() -> None:
    found = settle(epoch(25), flows(25), frozenset())
    assert found.lags == {"make": 0, "correct": 2, "use": 3}


def test_an_order_that_reads_its_own_last_tile_too_soon_needs_tiles_in_between() -> None:
    slots = dict(epoch(0).slots) | {"use": Slot("use", "lanes", 12 * TICKS, 20 * TICKS)}
    late = (*flows(0)[:2], Flow("use", "correct", 35 * TICKS, False, True))
    found = settle(Template(slots, 20 * TICKS, {}), late, frozenset())
    assert found.flight == 3
    assert flight_with_best_order(found)[0] <= found.flight
