"""A phase of one step, executed and told: where the time went and what stood in the buffer."""

from __future__ import annotations

from fusemax.design.schedule import Phase
from fusemax.simulate.freely import Free
from fusemax.simulate.machine import TICKS, Machine, ticks
from fusemax.simulate.phase import PhaseRun
from fusemax.simulate.simulation import Term
from fusemax.simulate.tasks import tasks_of
from fusemax.simulate.trace import Recorder
from fusemax.simulate.watch import watch

__all__ = ["free_phase"]

_OF_MEMORY = ("memory", "results to memory", "buffer ports")


def free_phase(machine: Machine, phase: Phase, begin: int, recorder: Recorder | None) -> PhaseRun:
    """Run a phase of one step from a time on."""
    bus = machine.bus()
    tasks, places = tasks_of(machine, phase, bus)
    if recorder is not None:
        watch(recorder, machine, bus)
    engine = Free(phase.name, tasks, places, bus, begin, recorder)
    engine.run()
    done = max(end + _skew(machine, array) for array, end in engine.ends.items())
    end = max(done, bus.finish())
    busy: dict[str, dict[str, int]] = {}
    stalls: dict[str, dict[str, int]] = {}
    for array, own in engine.arrays.items():
        busy[array] = {t.name: engine.counters.get(("busy", array, t.name), 0) for t in own.tasks}
        found = {
            str(key[2]): n for key, n in engine.counters.items() if isinstance(key, tuple) and _is_stall(key, array)
        }
        found["last tiles and columns"] = end - begin - sum(busy[array].values()) - sum(found.values())
        stalls[array] = {cause: time for cause, time in found.items() if time}
    return PhaseRun(
        name=phase.name or "run",
        begin=begin,
        end=end,
        busy=busy,
        stalls=stalls,
        peak_words=_peaks(machine, phase, engine),
        tiles={t.name: engine.counters.get(("tiles", t.name), 0) for t in tasks},
        read_words=bus.read_words,
        written_words=bus.written_words,
        bus_busy=bus.busy,
        ports_busy=bus.ports.busy if bus.ports is not None else 0,
        terms=_terms(machine, phase, busy, stalls),
    )


def _is_stall(key: object, array: str) -> bool:
    return isinstance(key, tuple) and key[:2] == ("stall", array)


def _skew(machine: Machine, array: str) -> int:
    """Of an array of several rows the last column runs behind the first, and a word comes down through the rows."""
    rows = machine.rows(array)
    return ticks(rows + machine.columns(array) - 2) if rows > 1 else 0


def _peaks(machine: Machine, phase: Phase, engine: Free) -> dict[str, dict[str, float]]:
    measured, level = machine.measured, machine.measured.next
    if not level:
        return {}
    found: dict[str, float] = {}
    for task in engine.tasks:
        for fetch in task.feeds:
            if fetch.ported:
                found[fetch.tensor] = found.get(fetch.tensor, 0) + fetch.peak
    for place in engine.places:
        away = float(measured.shortage) if place.tensor in measured.spilled else 0.0
        found[place.tensor] = place.peak * (1 - away)
    needed = measured.tiling.needed(level)[measured.design.schedule.phases.index(phase)]
    for task in engine.tasks:
        output, at = task.nest.output, task.nest.level(level)
        if at >= 0 and output.label in task.nest.levels[at].keeps and output.tensor not in found:
            found[output.tensor] = float(needed.get(output.tensor, 0)) * 8 / float(measured.sizes("word"))
    return {level: found}


def _terms(
    machine: Machine, phase: Phase, busy: dict[str, dict[str, int]], stalls: dict[str, dict[str, int]]
) -> tuple[Term, ...]:
    """The time of the array with most work, against the model's."""
    measured = machine.measured
    times = measured.phases[measured.design.schedule.phases.index(phase)]
    clock = float(measured.sizes("clock"))
    compute, fill = float(times.compute) * clock, float(times.fill) * clock
    most = max(busy, key=lambda array: sum(busy[array].values()))
    own = stalls[most]
    memory = sum(time for cause, time in own.items() if cause in _OF_MEMORY)
    return (
        Term(f"work of {most}", compute, sum(busy[most].values()) / TICKS),
        Term("fill, drain and hand-over", fill, (sum(own.values()) - memory) / TICKS),
        Term("memory and buffer", float(times.time) * clock - compute - fill, memory / TICKS),
    )
