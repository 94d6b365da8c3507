"""A modulo schedule at one interval by OR-tools CP-SAT: starts, or a proof that there are none."""

from __future__ import annotations

from typing import Any

from fusemax.base.errors import MissingExtra, UsageError
from fusemax.search.modulo import Problem, horizon_of

__all__ = ["starts_at"]


def starts_at(problem: Problem, interval: int) -> dict[str, int] | None:
    """Starts of the operations, or None where the interval is impossible. MissingExtra without OR-tools."""
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise MissingExtra("ortools", "schedule") from error
    model = cp_model.CpModel()
    horizon = horizon_of(problem, interval)
    start: dict[str, Any] = {}
    on: dict[str, list[Any]] = {}
    for one in problem.operations:
        if one.cycles > interval:
            return None
        start[one.name] = model.new_int_var(0, horizon, one.name)
        place = model.new_int_var(0, interval - 1, f"{one.name} in the interval")
        turn = model.new_int_var(0, horizon // interval + 1, f"{one.name} turn")
        model.add(start[one.name] == place + interval * turn)
        for again in (0, interval):  # an operation may go over the end of the interval into the next
            ends = place + (again + one.cycles)
            on.setdefault(one.unit, []).append(
                model.new_interval_var(place + again, one.cycles, ends, f"{one.name} {again}")
            )
    for intervals in on.values():
        model.add_no_overlap(intervals)
    for need in problem.dependences:
        model.add(start[need.after] + interval * need.distance >= start[need.before] + need.delay)
    for storage in problem.storages:
        held = []
        for number, value in enumerate(storage.values):
            copies = model.new_int_var(1, horizon + 1, f"{storage.name} {number}")
            period = 1 if value.streams else interval
            for after, tail in value.readers:
                model.add(period * copies >= start[after] - start[value.before] + tail)
            held.append(copies * (1 if value.streams else value.words))
        model.add(sum(held) <= storage.words)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {name: int(solver.value(variable)) for name, variable in start.items()}
    if status == cp_model.INFEASIBLE:
        return None
    raise UsageError(f"CP-SAT gave up at an interval of {interval} cycles: {solver.status_name(status)}")
