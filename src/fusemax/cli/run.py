"""``fusemax run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fusemax.base.errors import FileError, nearest
from fusemax.cli.options import BYTES, CASCADE, Output, emit, param_option, size_option

if TYPE_CHECKING:
    from fusemax.cascade import Cascade
    from fusemax.execute.arrays import Array

FORMATS = ("float64", "float32", "float16", "bfloat16")


@click.command()
@click.argument("file", type=CASCADE)
@click.option("--inputs", metavar="NPZ", type=click.Path(), help="Arrays of the inputs, one member per input.")
@click.option("--random", "seed", metavar="SEED", type=click.IntRange(0), help="Random inputs between 0 and 1 instead.")
@click.option("-o", "--output", "target", metavar="NPZ", type=click.Path(), help="Write the outputs here, as float64.")
@size_option
@param_option
@click.option("--dtype", type=click.Choice(FORMATS), default="float64", help="Number format of every tensor [float64].")
@click.option("--accumulate", type=click.Choice(FORMATS), help="Number format that sums and products accumulate in.")
@click.option("--budget", metavar="BYTES", type=BYTES, help="Memory for the temporary arrays of an Einsum [64MiB].")
@click.option("--count", is_flag=True, help="Count the points that each map and reduce action touches.")
@click.option("--format", "output_format", type=click.Choice(("table", "csv", "json")), help="Output format [table].")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
def command(
    file: str, inputs: str | None, seed: int | None, target: str | None, sizes: dict[str, int],
    params: dict[str, float], dtype: str, accumulate: str | None, budget: int | None, count: bool,
    output_format: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Execute a cascade on arrays.

    FILE is a cascade's file, '-' or catalogue name. Every input is an array of real numbers in the .npz of
    --inputs (as numpy.savez writes it); ranks that no input has take their size from --size or the file.
    --dtype rounds inputs and every Einsum's result to a number format; inside an Einsum float16 and bfloat16
    compute in float32. What is printed tells the outputs' shapes and ranges; --count tells instead how many
    points of each iteration space the merge operators touch, an empty coordinate being a 0.
    """
    from fusemax.cascade import load
    from fusemax.execute import run, trial_run
    from fusemax.execute.arrays import write_arrays
    from fusemax.execute.result import Run
    from fusemax.execute.run import BUDGET_BYTES
    from fusemax.execute.touch import Tally
    from fusemax.execute.trial import random_inputs

    if as_json and output_format not in (None, "json"):
        raise click.UsageError(f"--json and --format {output_format} contradict each other")
    if (inputs is None) == (seed is None):
        raise click.UsageError("expected one of --inputs NPZ and --random SEED")
    cascade = load(file)
    trial_run(cascade)
    arrays = _read(cascade, inputs) if inputs is not None else random_inputs(cascade, seed or 0, sizes)
    tally = Tally() if count else None
    outputs = run(
        cascade, arrays, sizes=sizes, parameters=params, dtype=dtype, accumulate=accumulate,
        budget_bytes=BUDGET_BYTES if budget is None else budget, tally=tally,
    )  # fmt: skip
    if target is not None:
        write_arrays(target, outputs)
    result = Run(cascade.name, dtype, outputs, None if tally is None else tuple(tally.rows))
    emit(result, Output("json" if as_json else output_format or "table"))


def _read(cascade: Cascade, path: str) -> dict[str, Array]:
    """The arrays of the file; an input without one is reported at its declaration by the run."""
    from fusemax.execute.arrays import read_arrays

    arrays = read_arrays(path)
    names = [declaration.tensor for declaration in cascade.inputs]
    for name in arrays:
        if name not in names:
            close = nearest(name, names)
            hint = f"did you mean '{close}'?" if close else f"expected {', '.join(names)}"
            raise FileError(path, f"member {name[:60]!r} is no input of {cascade.name} ({hint})")
    return arrays
