"""``fusemax serve``."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8470, show_default=True, help="Port; 0 is any free one.")
@click.option("--no-open", is_flag=True, help="Do not open the browser.")
@click.option("--store", metavar="FILE", type=click.Path(), help="Results of sweeps, from here and the command line.")
def command(port: int, no_open: bool, store: str | None) -> None:
    """Serve the explorer on 127.0.0.1.

    Cascades, designs, sweeps and searches, the taxonomy and a tour, in the browser. Nobody but this machine can reach
    it. Ctrl-C stops it; a sweep that runs is stopped with it, and goes on when it is resumed.
    """
    import fusemax

    fusemax.serve(port, store, not no_open, lambda address: click.echo(f"fusemax explorer: {address} (Ctrl-C stops)"))
