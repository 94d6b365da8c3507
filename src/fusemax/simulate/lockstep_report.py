"""A phase of several steps, executed and told: where the time went, what stood in the buffer, what to change."""

from __future__ import annotations

from fusemax.design.schedule import Phase
from fusemax.simulate.lockstep import Lockstep
from fusemax.simulate.machine import TICKS, Machine, ticks
from fusemax.simulate.phase import PhaseRun
from fusemax.simulate.plan import LockstepPlan, lockstep_plan
from fusemax.simulate.simulation import Term
from fusemax.simulate.template import flight_with_best_order
from fusemax.simulate.trace import Recorder
from fusemax.simulate.watch import watch

__all__ = ["lockstep_phase"]

Ticks = dict[str, dict[str, int]]


def lockstep_phase(machine: Machine, phase: Phase, begin: int, recorder: Recorder | None) -> PhaseRun:
    """Run a phase of several steps from a time on."""
    plan = lockstep_plan(machine, phase)
    if recorder is not None:
        watch(recorder, machine, plan.bus)
    engine = Lockstep(machine, plan, begin, recorder)
    done = engine.run()
    end = done + _skew(machine, phase)
    busy = _busy(plan, engine)
    stalls = {
        array: _stalls(machine, plan, engine, array, busy.get(array, {}), end - begin) for array in _arrays(phase)
    }
    flight = _in_flight(machine, plan)
    best, best_lags = flight_with_best_order(plan.epoch)
    return PhaseRun(
        name=phase.name or "run",
        begin=begin,
        end=end,
        busy=busy,
        stalls=stalls,
        peak_words=_peaks(machine, plan, engine),
        tiles=engine.tally.tiles,
        read_words=engine.bus.read_words,
        written_words=engine.bus.written_words,
        bus_busy=engine.bus.busy,
        ports_busy=engine.ports.busy if engine.ports is not None else 0,
        terms=_terms(machine, phase, plan, engine, end - begin),
        lags=plan.lags,
        flight=plan.epoch.flight,
        flight_best=best,
        in_flight=flight,
        remarks=_remarks(machine, plan, engine, flight, best, best_lags),
    )


def _arrays(phase: Phase) -> list[str]:
    return list(dict.fromkeys(on for step in phase.steps for on in step if on != "drain"))


def _skew(machine: Machine, phase: Phase) -> int:
    """The last column runs behind the first."""
    return ticks(max(machine.columns(on) for on in _arrays(phase)) - 1)


def _busy(plan: LockstepPlan, engine: Lockstep) -> Ticks:
    found: Ticks = {}
    for name, slot in plan.with_finals.slots.items():
        tiles = engine.tally.tiles.get(name, 0)
        skipped = engine.tally.unworked.get(name, 0)
        found.setdefault(slot.array, {})[name] = tiles * (slot.end - slot.start) - skipped
    return found


def _stalls(
    machine: Machine, plan: LockstepPlan, engine: Lockstep, array: str, busy: dict[str, int], total: int
) -> dict[str, int]:
    """Ticks in which an array stood, by cause; what is left at the end are the last epochs and columns running out."""
    tally = engine.tally
    found = {cause: time for (on, cause), time in tally.waits.items() if on == array}
    found |= tally.held_up
    fill = running = 0
    for name, slot in plan.epoch.template.slots.items():
        if slot.array == array:
            fill += plan.lags[name] * (slot.end - slot.start)
            running += tally.empty * (slot.end - slot.start)
    found["no tile yet"] = fill
    found["running tensor"] = running
    found["last tiles and columns"] = total - sum(busy.values()) - sum(found.values())
    return {cause: time for cause, time in found.items() if time}


def _in_flight(machine: Machine, plan: LockstepPlan) -> int:
    """Tiles of other queries between two of the same."""
    at = [i for i in range(len(plan.space.axes)) if i not in plan.query_axes]
    number = 1
    for axis in plan.space.axes[max(at, default=-1) + 1 :] if at else ():
        number *= axis.bound
    return number


def _peaks(machine: Machine, plan: LockstepPlan, engine: Lockstep) -> dict[str, dict[str, float]]:
    level = machine.measured.next
    found: dict[str, dict[str, float]] = {level: {}} if level else {}
    for feed, _ in plan.feeds:
        if level:
            found[level][feed.operand.tensor] = feed.fetch.peak
    for tensor, words in plan.live_words.items():
        found[level][tensor] = engine.most_live * words
    registers = _registers(machine, plan)
    for array, held in registers.items():
        found[f"{array}.registers"] = {
            tensor: number * machine.rows(array) * machine.columns(array) for tensor, number in held.items()
        }
    return found


def _registers(machine: Machine, plan: LockstepPlan) -> dict[str, dict[str, int]]:
    """Words of one element's registers that results take from their first word to their last reader, by array."""
    found: dict[str, dict[str, int]] = {}
    length = plan.epoch.template.length
    batch = machine.measured.design.mapping.batch
    for name, slot in plan.epoch.template.slots.items():
        nest = machine.nest(name)
        readers = [f for f in plan.epoch.flows if f.writer == name and not f.running]
        inner = nest.levels[nest.level(machine.measured.next)].keeps if machine.measured.next else frozenset()
        if not readers or nest.output.label in inner:
            continue
        words = 1
        for loop in nest.temporal:
            shared = loop.part in batch or any(loop.variable == axis.variable for axis in plan.space.axes)
            if not shared and loop.ranks & nest.output.ranks:
                words *= int(machine.measured.tiling.bound(loop))
        written = plan.lags[name] * length + slot.start
        read = max(plan.lags[f.reader] * length + plan.epoch.template.slots[f.reader].end for f in readers)
        on = {machine.nest(f.reader).on for f in readers}
        for array in on:
            found.setdefault(array, {})[nest.output.tensor] = words * -(-(read - written) // length)
    return found


def _terms(machine: Machine, phase: Phase, plan: LockstepPlan, engine: Lockstep, total: int) -> tuple[Term, ...]:
    measured = machine.measured
    times = measured.phases[measured.design.schedule.phases.index(phase)]
    clock = float(measured.sizes("clock"))
    compute, fill, load = (float(x) * clock for x in (times.compute, times.fill, times.load))
    tally = engine.tally
    length = plan.epoch.template.length
    entered = tally.epochs - tally.empty - max(plan.epoch.last, plan.lag_of_finals)
    finals = tally.tiles.get(plan.finals[0], 0) if plan.finals else 0
    steady = entered * length + finals * (plan.with_finals.length - length) - tally.saved.get("epochs", 0)
    empty = tally.empty * length
    held = sum(tally.held_up.values())
    rest = total - steady - empty - held
    return (
        Term("tiles, one epoch each", compute, steady / TICKS),
        Term("fill and drain", fill, (rest + empty) / TICKS),
        Term("memory and buffer", float(times.time) * clock - compute - fill, held / TICKS),
        *(() if not load else (Term("of it granules loaded before their streams", load, 0.0),)),
    )


def _remarks(
    machine: Machine, plan: LockstepPlan, engine: Lockstep, flight: int, best: int, best_lags: dict[str, int]
) -> tuple[str, ...]:
    label = machine.measured.design.label
    by_lag: dict[int, list[str]] = {}
    for name, lag in plan.lags.items():
        by_lag.setdefault(lag, []).append(label(name))
    lags = "; ".join(f"{lag}: {', '.join(names)}" for lag, names in sorted(by_lag.items()))
    found = [f"Lags in epochs of {plan.epoch.template.length / TICKS:g} cycles: {lags}."]
    running = [f for f in plan.epoch.flows if f.running]
    if running:
        need = plan.epoch.flight
        tiles, there = "tiles" if need > 1 else "tile", "are" if flight > 1 else "is"
        found.append(f"{need} query {tiles} must be in flight for running tensors; there {there} {flight}.")
        if engine.tally.empty:
            waited = engine.tally.empty * plan.epoch.template.length / TICKS
            moved = [
                f"{label(n)} {best_lags[n] - plan.epoch.lags[n]} later"
                for n in plan.epoch.lags
                if best_lags[n] != plan.epoch.lags[n]
            ]
            alone = (
                flight // machine.measured.design.schedule.streams if flight < need else 1
            )  # under a mask, of the last
            heads = -(-need // max(1, alone))
            remedy = f"interleaving {heads} heads (schedule: streams: {heads}) removes it"
            if best < need and moved:
                remedy += f"; so does the stage order {', '.join(moved)}, which needs {best} in flight"
            why = "for lack of them" if flight < need else "where fewer see the last keys"
            found.append(f"{engine.tally.empty} epochs ({waited:,.0f} cycles) stay empty {why}; {remedy}.")
    for array, words in _registers(machine, plan).items():
        depth = int(machine.measured.sizes(f"{array}.registers"))
        need = sum(words.values())
        if need > depth:
            most = max(words, key=lambda t: words[t])
            found.append(
                f"{array}: results between Einsums would take {need} registers of each element, it has {depth};"
                f" the most is {most} with {words[most]}."
            )
    return tuple(found)
