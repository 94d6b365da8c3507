"""``fusemax simulate``: a design executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fusemax.cli.cycle import Cycle, cycle_options, simulate_array
from fusemax.cli.options import DESIGN, LENGTH, Output, emit, emit_text, output_options

if TYPE_CHECKING:
    from fusemax.simulate.simulation import Simulation
    from fusemax.simulate.trace import Trace


@click.command()
@click.argument("design", type=DESIGN)
@click.option("--workload", default="bert", help="Workload: catalogue name, file or config.json [bert].")
@click.option("--seq-len", type=LENGTH, default="4K", help="Sequence length [4K].")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a number; repeatable.")
@click.option("--trace", "trace_path", type=click.Path(), metavar="FILE", help="Write a trace for ui.perfetto.dev.")
@click.option("--gantt", is_flag=True, help="Draw a stretch, or with --cycle an epoch; as SVG with -o FILE.svg.")
@cycle_options
@output_options()
def command(
    design: str, workload: str, seq_len: int, settings: tuple[str, ...], trace_path: str | None, gantt: bool,
    cycle: Cycle | None, output: Output,
) -> int:  # fmt: skip
    """Execute a design tile by tile and hold the model against it, or run its arrays cycle by cycle.

    DESIGN is a catalogue name or a file. With --cycle, exit status 1: what came out of the array is not attention.
    """
    if cycle is not None:
        if trace_path:
            raise click.UsageError("--trace is for the tile level: leave --cycle out")
        return simulate_array(design, cycle, output, gantt)
    if gantt and output.format != "table":
        raise click.UsageError(f"--gantt is a picture: it does not go with --format {output.format}")
    from fusemax.cli.model import overrides_of
    from fusemax.simulate.tile import simulate

    result = simulate(design, workload, seq_len, overrides_of(settings), trace=bool(trace_path or gantt))
    if trace_path:
        _write(result.trace, trace_path)
    if gantt:
        emit_text(_gantt(result, str(output.path or "")), output)
    else:
        emit(result, output)
    return 0


def _write(trace: Trace | None, path: str) -> None:
    from fusemax.base.files import write_atomically
    from fusemax.report.trace import write_trace

    if trace is not None:
        write_atomically(path, lambda file: write_trace(trace, file))


def _gantt(result: Simulation, path: str) -> str:
    from fusemax.report.gantt import gantt_svg, gantt_text
    from fusemax.simulate.trace import excerpt

    if result.trace is None:
        return ""
    begin, spans = excerpt(result.trace)
    rows = [(s.unit, s.label, s.start, s.end) for s in spans]
    if path.endswith(".svg"):
        return gantt_svg(rows, title=f"{result.design}, {result.workload}: from cycle {begin:,.0f}")
    return f"{result.headline()}\n\nFrom cycle {begin:,.0f}:\n\n{gantt_text(rows)}"
