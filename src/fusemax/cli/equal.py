"""``fusemax equal``."""

from __future__ import annotations

import click

from fusemax.cli.options import CASCADE, Output, emit, output_options


@click.command()
@click.argument("first", type=CASCADE)
@click.argument("second", type=CASCADE)
@click.option("--inputs", "inputs_path", metavar="FILE", type=click.Path(), help="Write the counterexample as .npz.")
@output_options()
def command(first: str, second: str, inputs_path: str | None, output: Output) -> int:
    """Decide whether two cascades are the same function.

    Prints a proof, inputs on which they differ (status 1), or that no difference was found in N samples.
    """
    from fusemax.derive import equal
    from fusemax.execute import load_tried

    found = equal(load_tried(first), load_tried(second))
    emit(found, output)
    if found.sample is not None and inputs_path is not None:
        from fusemax.derive.save import save_inputs

        save_inputs(inputs_path, found.sample)
    return 1 if found.verdict == "counterexample" else 0
