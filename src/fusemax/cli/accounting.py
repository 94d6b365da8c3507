"""``fusemax accounting``: what separates published from corrected figures."""

from __future__ import annotations

import click

from fusemax.cli.options import Output, emit, output_options


@click.command()
@click.option(
    "--check", is_flag=True, help="Hold our published figures against those that ship; status 1 if any differs."
)
@output_options()
@click.pass_context
def command(ctx: click.Context, check: bool, output: Output) -> None:
    """List every choice in which published and corrected accounting differ.

    Each switch with its effect, alone, on the four headline ratios, and all together.
    """
    from fusemax.model import accounting

    if check:
        found = accounting.check()
        emit(found, output)
        if found.differing:
            ctx.exit(1)
        return
    emit(accounting.effects(), output)
