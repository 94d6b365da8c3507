"""``fusemax catalogue``."""

from __future__ import annotations

import click

from fusemax.cli.options import Output, emit, emit_text, output_options


def _kinds(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from fusemax.report.catalogue import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def _names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from fusemax.report.catalogue import catalogue

    entries = catalogue(ctx.params.get("kind")).entries
    return [entry.name for entry in entries if entry.name.startswith(incomplete)]


@click.command()
@click.argument("kind", required=False, shell_complete=_kinds)
@click.argument("name", required=False, shell_complete=_names)
@output_options()
def command(kind: str | None, name: str | None, output: Output) -> None:
    """List what ships, with sources.

    KIND is cascades, accelerators, designs, mappings, layers, bindings, workloads or tables. With a NAME,
    print that file as it is: a start for one's own.
    """
    from fusemax.report.catalogue import catalogue, catalogue_text

    if kind is not None and name is not None:
        emit_text(catalogue_text(kind, name), output)
    else:
        emit(catalogue(kind), output)
