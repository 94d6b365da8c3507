"""``fusemax fuse``."""

from __future__ import annotations

import click

from fusemax.base.errors import UnknownName
from fusemax.cli.options import CASCADE, NAMES, Output, emit, output_options


@click.command()
@click.argument("file", metavar="FILE", type=CASCADE)
@click.option("--rank", metavar="RANK", required=True, help="The rank to loop over.")
@click.option("--einsums", metavar="NAME,...", type=NAMES, help="Exit with 1 unless these may share one loop.")
@output_options()
def command(file: str, rank: str, einsums: tuple[str, ...] | None, output: Output) -> int:
    """Tell which Einsums may share a loop over a rank.

    Einsums of different passes cannot: the table names the barrier between them. So cannot Einsums that need
    the rank in opposite orders.
    """
    from fusemax.analysis.fuse import fuse
    from fusemax.execute import load_tried

    found = fuse(load_tried(file), rank)
    known = [*(name for loop in found.loops for name in loop.einsums), *found.outside]
    for name in einsums or ():
        if name not in known:
            raise UnknownName(f"Einsum of {found.cascade}", name, known)
    emit(found, output)
    return 1 if einsums and not found.together(einsums) else 0
