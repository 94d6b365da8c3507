"""Execute a design tile by tile: `simulate("fusemax", "bert", "4K")`.

Phases follow one another; a phase of several steps runs in lockstep (`lockstep`), one of a single step freely.
The result says cycles, what every array did and waited for, what was in the buffer at most, and how far the model
is from it, term by term.
"""

from __future__ import annotations

from collections.abc import Mapping

from fusemax.design.design import Design
from fusemax.design.sizes import Override
from fusemax.design.workload import Workload
from fusemax.model.evaluate import Evaluation, evaluate
from fusemax.simulate.free_report import free_phase
from fusemax.simulate.lockstep_report import lockstep_phase
from fusemax.simulate.machine import TICKS, Machine
from fusemax.simulate.phase import PhaseRun
from fusemax.simulate.simulation import ArrayTime, Simulation, Term
from fusemax.simulate.trace import Recorder, Trace

__all__ = ["simulate"]


def simulate(
    design: str | Design,
    workload: str | Workload,
    seq_len: int | str,
    overrides: Mapping[str, Override] | None = None,
    *,
    return_delay: int = 1,
    trace: bool = False,
) -> Simulation:
    """Execute one design point and hold the corrected model against it.

    ``overrides`` as for the model. ``return_delay``: cycles a word takes from a lane back to its column's top.
    ``trace`` keeps what was executed (not of what a steady state made it possible to pass over).
    Raises what `evaluate` raises, and UsageError for a schedule that cannot run.
    """
    evaluation = evaluate(design, workload, seq_len, "corrected", overrides)
    machine = Machine(evaluation.measured, return_delay)
    recorder = Recorder() if trace else None
    runs: list[PhaseRun] = []
    begin = 0
    for phase in evaluation.design.schedule.phases:
        run = (lockstep_phase if len(phase.steps) > 1 else free_phase)(machine, phase, begin, recorder)
        runs.append(run)
        begin = run.end
    return _result(evaluation, machine, runs, recorder.trace() if recorder is not None else None)


def _result(evaluation: Evaluation, machine: Machine, runs: list[PhaseRun], trace: Trace | None) -> Simulation:
    measured, design = evaluation.measured, evaluation.design
    layers = int(measured.sizes("L"))
    cycles = runs[-1].end / TICKS
    arrays = []
    for name, array in design.accelerator.arrays.items():
        busy: dict[str, float] = {}
        stalls: dict[str, float] = {}
        for run in runs:
            for einsum, time in run.busy.get(name, {}).items():
                busy[design.label(einsum)] = busy.get(design.label(einsum), 0.0) + time / TICKS * layers
            for cause, time in run.stalls.get(name, {}).items():
                stalls[cause] = stalls.get(cause, 0.0) + time / TICKS * layers
        arrays.append(ArrayTime(name, "1d" if array.rows == 1 else "2d", busy, stalls))
    peaks: dict[str, dict[str, float]] = {}
    for run in runs:
        for component, tensors in run.peak_words.items():
            own = peaks.setdefault(component, {})
            for tensor, words in tensors.items():
                own[design.label(tensor)] = max(own.get(design.label(tensor), 0), words)
    wide = [name for name, a in design.accelerator.arrays.items() if a.rows != 1]
    elements = sum(machine.rows(n) * machine.columns(n) for n in wide)
    lock = next((run for run in runs if run.lags), runs[0])
    return Simulation(
        design=design.name,
        workload=evaluation.workload.name,
        seq_len=evaluation.seq_len,
        cycles=cycles * layers,
        model_cycles=float(evaluation.latency_s) * float(measured.sizes("clock")),
        arrays=tuple(arrays),
        filled={design.label(n): float(measured.filling(n)) for n in design.schedule.einsums},
        useful_utilization_2d=float(measured.useful) / (elements * cycles) if elements else 0.0,
        peak_words=peaks,
        terms=tuple(
            Term(f"{run.name}: {t.name}" if len(runs) > 1 else t.name, t.model * layers, t.simulated * layers)
            for run in runs for t in run.terms
        ),
        lags={design.label(n): lag for n, lag in lock.lags.items()},
        flight=lock.flight,
        flight_best=lock.flight_best,
        in_flight=lock.in_flight,
        tiles={design.label(n): k for run in runs for n, k in run.tiles.items()},
        memory={
            "read words": sum(run.read_words for run in runs) * layers,
            "written words": sum(run.written_words for run in runs) * layers,
            "transfers": sum(run.bus_busy for run in runs) / TICKS * layers,
            "buffer accesses": sum(run.ports_busy for run in runs) / TICKS * layers,
        },
        trace=trace,
        remarks=tuple(r for run in runs for r in run.remarks),
    )  # fmt: skip
