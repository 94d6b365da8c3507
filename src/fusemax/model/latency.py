"""The time of a phase of a schedule.

Published: the larger of memory time and of the sum over steps of the slowest array. Corrected: the same with

* ``buffer-banks``: the row accesses of the buffer over banks x ports / cycle time, beside memory and arrays;
* ``fill-drain``: per stream, the lag of the pipeline in epochs and the skew of the columns (`pipeline`);
* ``double-buffer``: a granule that is fetched once per stream is loaded before it; where two fit, only the first
  stream waits. Arrays take turns where what they hand over has few places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fusemax.design.arithmetic import Number, is_array, maximum, or_zero, where
from fusemax.design.schedule import DRAIN, Phase, Step
from fusemax.model.handover import bus_wait, turns_cycles
from fusemax.model.pipeline import fill_cycles, streams_of, uneven_cycles

if TYPE_CHECKING:
    from fusemax.model.measure import Measured

__all__ = ["PhaseTime", "phase_parts", "phase_time", "step_cycles"]


@dataclass(frozen=True)
class PhaseTime:
    """Seconds of a phase: ``time`` is the largest of compute + fill, memory and each buffer, plus ``load``.

    ``bounding`` is the time by what the rest waits for.
    """

    time: Number
    compute: Number
    fill: Number
    memory: Number
    buffers: Mapping[str, Number]
    load: Number
    bounding: Mapping[str, Number]


def step_cycles(measured: Measured, step: Step) -> dict[str, Number]:
    """Cycles of a step over the whole run, by array; ``drain`` for a wait."""
    found: dict[str, Number] = {}
    for on, names in step.items():
        if on == DRAIN:
            found[on] = sum(measured.iterations(n) * measured.sizes(f"{measured.nest(n).on}.rows") for n in names)
        else:
            found[on] = sum(measured.cycles(name) for name in names)
    return found


def _longest(measured: Measured, phase: Phase, step: Step, each: Mapping[str, Number]) -> Number:
    """Cycles of a step: those of its slowest array, tile by tile where some tiles skip Einsums.

    What runs at few tiles runs at some of those at which more runs. In a phase of one step no array waits at the end of
    a tile, and the slowest over the whole run counts.
    """
    shares = {n: measured.share(n) for on, names in step.items() if on != DRAIN for n in names}
    if len(phase.steps) == 1 or all(share == 1 for share in shares.values()):
        return maximum(*each.values())
    total: Number = 0
    before = Fraction(0)
    for up_to in sorted({*shares.values(), Fraction(1)}):
        now = {
            on: each[on]
            if on == DRAIN
            else sum(measured.cycles_if(n, shares[n] >= up_to) if shares[n] != 1 else measured.cycles(n) for n in names)
            for on, names in step.items()
        }
        total = total + maximum(*now.values()) * float(up_to - before)
        before = up_to
    return total


def phase_time(measured: Measured, phase: Phase) -> PhaseTime:
    """The time of one phase over all its tiles."""
    clock = measured.sizes("clock")
    steps = [step_cycles(measured, step) for step in phase.steps]
    longest = [_longest(measured, phase, step, each) for step, each in zip(phase.steps, steps, strict=True)]
    busy: Number = 0
    for cycles in longest:
        busy = busy + cycles
    fill: Number = 0
    if "fill-drain" in measured.rules:
        fill = (fill_cycles(measured, phase) + uneven_cycles(measured, phase, busy)) / clock
    if "double-buffer" in measured.rules:
        fill = turns_cycles(measured, phase, busy, fill * clock) / clock
    compute = busy / clock
    memory = measured.traffic(phase.einsums) / measured.sizes(f"{measured.outer}.bandwidth")
    buffers = {name: _buffer_time(measured, phase, name) for name in measured.inner}
    load = _load_time(measured, phase)
    buffers = {name: time for name, time in buffers.items() if is_array(time) or time}
    wait: Number = 0
    if "fill-drain" in measured.rules and len(phase.steps) == 1:
        wait = bus_wait(measured, phase) / clock
    beside = maximum(compute + fill, memory - load + wait, *buffers.values())
    bounding = _bounds(measured, phase, steps, longest, (compute + fill, memory - load + wait, buffers, load))
    return PhaseTime(beside + load, compute, fill, memory, buffers, load, bounding)


def _buffer_time(measured: Measured, phase: Phase, memory: str) -> Number:
    """Seconds the accesses of a memory take if spread evenly over its banks and ports.

    0 where it is no limit, or where the table does not know the bank's cycle time.
    """
    part = measured.design.accelerator.memories[memory]
    if part.bandwidth is None and "buffer-banks" not in measured.rules:
        return 0
    return measured.buffer_rows(phase.einsums, memory) * _row_time(measured, memory)


def _row_time(measured: Measured, memory: str) -> Number:
    """Seconds of one row's access, all banks and ports side by side."""
    part = measured.design.accelerator.memories[memory]
    if part.bandwidth is not None:
        return measured.sizes(f"{memory}.access") / measured.sizes(f"{memory}.bandwidth")
    if "buffer-banks" not in measured.rules:
        return 0
    cost = measured.level_cost(memory)
    slots = measured.sizes(f"{memory}.banks") * measured.sizes(f"{memory}.ports") * part.spread
    return maximum(or_zero(cost.cycle_s), where(cost.cycle_s > 0, 1 / measured.sizes("clock"), 0)) / slots


def _load_time(measured: Measured, phase: Phase) -> Number:
    """Seconds of fetching granules before their streams (all, or where two fit the first alone) and the first tiles."""
    if "double-buffer" not in measured.rules or not measured.next:
        return 0
    words: Number = 0
    for einsum, operand, _ in measured.tiling.granules(phase, measured.next):
        words = words + measured.memory_words(einsum, operand)[0]
    granules = measured.bytes(words) / where(
        measured.tiling.holds_two(phase, measured.next), streams_of(measured, phase), 1
    )
    loaded = granules + measured.tiling.first_tiles(phase, measured.next)
    rows = loaded / measured.bytes(measured.level_cost(measured.next).words)
    return maximum(loaded / measured.sizes(f"{measured.outer}.bandwidth"), rows * _row_time(measured, measured.next))


Times = tuple[Number, Number, Mapping[str, Number], Number]


def _bounds(
    measured: Measured, phase: Phase, steps: list[dict[str, Number]], longest: list[Number], times: Times
) -> dict[str, Number]:
    """Seconds for which each component is what the rest waits for."""
    compute, memory, buffers, load = times
    clock = measured.sizes("clock")
    most = maximum(compute, memory, *buffers.values())
    found: dict[str, Number] = {}
    for step, each, slowest in zip(phase.steps, steps, longest, strict=True):
        for on, own in each.items():
            arrays = {measured.nest(n).on for n in step[on]} if on == DRAIN else {on}
            for array in arrays:
                bound = (compute >= most) & (own >= slowest)
                found[array] = found.get(array, 0) + where(bound, own / clock, 0)
    for name, time in ((measured.outer, memory), *buffers.items()):
        found[name] = found.get(name, 0) + where((time >= most) & (compute < most), time, 0)
    found[measured.outer] = found[measured.outer] + load
    return found


def phase_parts(measured: Measured, phase: Phase, times: PhaseTime) -> Iterator[tuple[str, str, float]]:
    """(component, action, seconds) that add up to the time of a phase, at a single design point."""
    clock = measured.sizes("clock")
    name = phase.name or "run"
    if times.compute + times.fill >= times.time - times.load:
        slowest: dict[str, Number] = {}
        for number, step in enumerate(phase.steps, 1):
            each = step_cycles(measured, step)
            on = max(each, key=lambda key: (each[key], key != DRAIN))
            array = measured.nest(step[on][0]).on if on == DRAIN else on
            slowest[array] = slowest.get(array, 0) + each[on]
            yield array, f"{name}, step {number}", each[on] / clock
        if times.fill:
            yield max(slowest, key=lambda key: slowest[key]), f"{name}, fill and drain", times.fill
    else:
        beside = {measured.outer: times.memory - times.load, **times.buffers}
        yield max(beside, key=lambda key: beside[key]), f"{name}, transfers", max(beside.values())
    if times.load:
        yield measured.outer, f"{name}, granules loaded before their streams", times.load
