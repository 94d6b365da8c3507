"""What bounds the time of a design point, in words."""

from __future__ import annotations

from fusemax.base.units import format_si
from fusemax.design.schedule import DRAIN
from fusemax.model.latency import step_cycles
from fusemax.model.measure import Measured
from fusemax.model.pipeline import tiles_of

__all__ = ["explain"]


def explain(measured: Measured) -> str:
    """A paragraph: the component that bounds, what takes its time, and how far the others are."""
    times = {name: float(value) for name, value in measured.bounding.items()}
    latency = float(measured.latency)
    bound = max(times, key=lambda name: times[name])
    share = times[bound] / latency if latency else 0.0
    sentences = [f"{bound} bounds the time: the rest waits for it for {share:.0%} of {format_si(latency, 's')}."]
    if bound in measured.design.accelerator.arrays:
        sentences.append(_by_einsum(measured, bound))
    elif bound == measured.outer:
        sentences.append(f"Its transfers take {format_si(sum(float(p.memory) for p in measured.phases), 's')}.")
    else:
        accesses = sum(float(phase.buffers.get(bound, 0)) for phase in measured.phases)
        sentences.append(f"Its row accesses take {format_si(accesses, 's')} on all banks and ports.")
    fill = sum(float(phase.fill) for phase in measured.phases)
    if latency and fill > 0.02 * latency:
        sentences.append(f"Filling and draining the arrays, stream by stream, takes {fill / latency:.0%}.")
    others = [f"{name} {busy:.0%}" for name, busy in _busy(measured).items() if name != bound]
    sentences.append(f"Busy beside it: {', '.join(others)}.")
    return " ".join(sentences)


def _by_einsum(measured: Measured, array: str) -> str:
    """What takes an array's cycles: per tile in a schedule of one phase, else in all."""
    phases = measured.design.schedule.phases
    names = [name for name in measured.design.schedule.einsums if measured.nest(name).on == array]
    cycles = {name: float(measured.cycles(name)) for name in names}
    waits = sum(
        float(step_cycles(measured, {DRAIN: step[DRAIN]})[DRAIN])
        for phase in phases
        for step in phase.steps
        if DRAIN in step and any(measured.nest(name).on == array for name in step[DRAIN])
    )
    tiles = float(tiles_of(measured, phases[0])) if len(phases) == 1 else 1.0
    unit = " per tile" if len(phases) == 1 else ""
    total = (sum(cycles.values()) + waits) / tiles
    longest = sorted(names, key=lambda name: -cycles[name])[:2]
    shown = sum(cycles[name] for name in longest) / tiles
    labels = " and ".join(measured.design.label(name) for name in longest)
    verb = "take" if len(longest) > 1 else "takes"
    text = f"Of its {_count(total)} cycles{unit} {labels} {verb} {_count(shown)}"
    return text + (f", waiting for a column to drain {_count(waits / tiles)}." if waits else ".")


def _count(number: float) -> str:
    """Cycles in digits where people can read them, else with a prefix."""
    if number >= 1e7:
        return f"{format_si(number, '').strip()}"
    return f"{number:,.0f}" if number >= 1000 or number.is_integer() else f"{number:.4g}"


def _busy(measured: Measured) -> dict[str, float]:
    found = dict.fromkeys(measured.design.accelerator.arrays, 0.0)
    for name in measured.design.schedule.einsums:
        found[measured.nest(name).on] += float(measured.busy(name))
    latency = float(measured.latency)
    found[measured.outer] = sum(float(phase.memory) for phase in measured.phases) / latency if latency else 0.0
    return found
