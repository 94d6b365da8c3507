"""``fusemax simulate``: a design executed."""

from __future__ import annotations

import click

from fusemax.cli.cycle import Cycle, cycle_options, simulate_array
from fusemax.cli.options import DESIGN, LENGTH, Output, emit, output_options


@click.command()
@click.argument("design", type=DESIGN)
@click.option("--workload", default="bert", help="Workload: catalogue name, file or config.json [bert].")
@click.option("--seq-len", type=LENGTH, default="4K", help="Sequence length [4K].")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a number; repeatable.")
@cycle_options
@output_options()
def command(
    design: str, workload: str, seq_len: int, settings: tuple[str, ...], cycle: Cycle | None, output: Output
) -> int:
    """Execute a design tile by tile and hold the model against it, or run its arrays cycle by cycle.

    DESIGN is a catalogue name or a file. With --cycle, exit status 1: what came out of the array is not attention.
    """
    if cycle is not None:
        return simulate_array(design, cycle, output)
    from fusemax.cli.model import overrides_of
    from fusemax.simulate.tile import simulate

    emit(simulate(design, workload, seq_len, overrides_of(settings)), output)
    return 0
