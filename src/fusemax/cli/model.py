"""``fusemax model``: one design point."""

from __future__ import annotations

import click

from fusemax.cli.options import LENGTH, Output, emit, output_options


@click.command()
@click.argument("design")
@click.option("--workload", default="bert", help="Workload: catalogue name, file or config.json [bert].")
@click.option("--seq-len", type=LENGTH, default="4K", help="Sequence length [4K].")
@click.option(
    "--accounting", default="corrected", type=click.Choice(["corrected", "published"]), help="Accounting [corrected]."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a number; repeatable.")
@output_options()
def command(
    design: str, workload: str, seq_len: int, accounting: str, settings: tuple[str, ...], output: Output
) -> None:
    """Model latency, energy and area of one design point.

    DESIGN is a catalogue name or a file. The rows are per Einsum, component, tensor and action; every total is the sum
    of its rows.
    """
    from fusemax.model.evaluate import evaluate

    emit(evaluate(design, workload, seq_len, accounting, overrides_of(settings)), output)


def overrides_of(settings: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` of ``--set`` as overrides; UsageError for another form."""
    from fusemax.base.errors import UsageError

    overrides = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or not value.strip():
            raise UsageError(f"{text!r} is not a setting: expected NAME=VALUE, like edge=128 or buffer.capacity=8MiB")
        overrides[name.strip()] = value.strip()
    return overrides
