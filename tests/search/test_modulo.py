"""Least initiation intervals: both engines, against plain enumeration, and hand-made problems."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusemax.base.errors import UnknownName, UsageError
from fusemax.search.modulo import Dependence, Operation, Problem, Storage, Value, least_interval


def is_schedule(problem: Problem, interval: int, starts: dict[str, int]) -> bool:
    taken: dict[tuple[str, int], str] = {}
    for one in problem.operations:
        for cycle in range(one.cycles):
            slot = (one.unit, (starts[one.name] + cycle) % interval)
            if slot in taken:
                return False
            taken[slot] = one.name
    for need in problem.dependences:
        if starts[need.after] + interval * need.distance < starts[need.before] + need.delay:
            return False
    for storage in problem.storages:
        held = 0
        for value in storage.values:
            life = max(starts[after] - starts[value.before] + tail for after, tail in value.readers)
            held += max(1, life) if value.streams else value.words * max(1, -(-life // interval))
        if held > storage.words:
            return False
    return True


def least_by_enumeration(problem: Problem, most: int, horizon: int) -> int | None:
    names = [one.name for one in problem.operations]
    for interval in range(1, most + 1):
        if any(one.cycles > interval for one in problem.operations):
            continue
        for times in itertools.product(range(horizon), repeat=len(names)):
            if is_schedule(problem, interval, dict(zip(names, times, strict=True))):
                return interval
    return None


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    number = draw(st.integers(2, 4))
    operations = tuple(
        Operation(f"o{i}", draw(st.sampled_from(["wide", "lanes"])), draw(st.integers(1, 3))) for i in range(number)
    )
    dependences = []
    values = []
    for i, j in itertools.combinations(range(number), 2):
        if draw(st.booleans()):
            delay = draw(st.integers(0, 4))
            dependences.append(Dependence(f"o{i}", f"o{j}", delay))
            if draw(st.booleans()):
                streams = draw(st.booleans())
                also = ((f"o{number - 1}", draw(st.integers(0, 2))),) if j < number - 1 and draw(st.booleans()) else ()
                tail, words = draw(st.integers(0, 2)), draw(st.integers(1, 2))
                values.append(Value(f"o{i}", f"o{j}", tail, words, streams, also))
    if draw(st.booleans()):
        dependences.append(Dependence(f"o{number - 1}", "o0", draw(st.integers(1, 5)), draw(st.integers(1, 2))))
    storages = (Storage("registers", draw(st.integers(1, 6)), tuple(values)),) if values else ()
    return Problem(operations, tuple(dependences), storages)


def found_by(problem: Problem, engine: str) -> int | None:
    try:
        found = least_interval(problem, engine, most=14)
    except UsageError:
        return None
    assert is_schedule(problem, found.interval, dict(found.starts))
    assert found.interval >= found.bound
    return found.interval


@settings(max_examples=40, deadline=None)
@given(problems())
def test_both_engines_find_the_same(problem: Problem) -> None:
    pytest.importorskip("ortools")
    assert found_by(problem, "own") == found_by(problem, "cp-sat")


@settings(max_examples=25, deadline=None)
@given(problems().filter(lambda problem: len(problem.operations) <= 3))
def test_no_schedule_is_shorter(problem: Problem) -> None:
    assert found_by(problem, "own") == least_by_enumeration(problem, 14, 16)


def test_load_recurrence_and_storage_each_bound() -> None:
    load = Problem((Operation("a", "u", 3), Operation("b", "u", 4), Operation("c", "v", 5)))
    assert least_interval(load, "own").interval == 7
    assert least_interval(load, "own").by == "the busiest unit"
    ring = Problem(
        (Operation("a", "u", 1), Operation("b", "v", 1)), (Dependence("a", "b", 5), Dependence("b", "a", 6, 2))
    )
    found = least_interval(ring, "own")
    assert (found.interval, found.by) == (6, "a recurrence")
    held = Problem(
        (Operation("a", "u", 2), Operation("b", "v", 2)),
        (Dependence("a", "b", 9),),
        (Storage("registers", 2, (Value("a", "b", 1),)),),
    )
    found = least_interval(held, "own")
    assert (found.interval, found.by) == (5, "storage or order")


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UnknownName, match="did you mean 'cp-sat'"):
        least_interval(Problem((Operation("a", "u", 1),)), "cpsat")
    twisted = Problem(
        (Operation("a", "u", 1), Operation("b", "u", 1)), (Dependence("a", "b", 1), Dependence("b", "a", 1))
    )
    with pytest.raises(UsageError, match="contradict"):
        least_interval(twisted, "own")
    small = Problem(
        (Operation("a", "u", 1), Operation("b", "u", 1)), (Dependence("a", "b", 1),),
        (Storage("registers", 1, (Value("a", "b", 1, 2),)),),
    )  # fmt: skip
    with pytest.raises(UsageError, match="too small"):
        least_interval(small, "own")
