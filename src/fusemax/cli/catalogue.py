"""``fusemax catalogue``."""

from __future__ import annotations

import click

from fusemax.cli.options import Output, emit, emit_text, output_options


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@output_options()
def command(kind: str | None, name: str | None, output: Output) -> None:
    """List what ships, with sources.

    KIND is cascades, accelerators, designs, mappings, workloads or tables. With a NAME, print that
    file as it is: a start for one's own.
    """
    from fusemax.report.catalogue import catalogue, catalogue_text

    if kind is not None and name is not None:
        emit_text(catalogue_text(kind, name), output)
    else:
        emit(catalogue(kind), output)
