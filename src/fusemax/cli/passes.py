"""``fusemax passes``."""

from __future__ import annotations

from dataclasses import replace

import click

from fusemax.base.errors import UnknownName
from fusemax.cli.options import CASCADE, Output, emit, output_options


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=CASCADE)
@click.option("--rank", metavar="RANK", help="The rank to answer for [the one the cascade is about].")
@click.option(
    "--explain", is_flag=True, help="Also show which Einsums each pass holds, and what each barrier waits for."
)
@output_options()
def command(files: tuple[str, ...], rank: str | None, explain: bool, output: Output) -> None:
    """Count passes per rank and tensor, and say why.

    A pass is one walk over a fiber of a rank; a new one begins where a value that needs the whole fiber is
    needed to walk over it again. The counts hold for every mapping and do not depend on sizes; a count that
    grows with an iterative rank is a formula. Several FILEs with --json make an array.
    """
    from fusemax.analysis.passes import passes
    from fusemax.cascade.ranks import canonical, declared_ranks
    from fusemax.execute import load_tried

    found = []
    for file in files:
        cascade = load_tried(file)
        counts = replace(passes(cascade), explained=explain)
        if rank is not None:
            name = canonical(cascade, rank)
            if name not in counts.ranks:
                raise UnknownName(f"rank of {cascade.name}", rank, [*counts.ranks, *declared_ranks(cascade)])
            counts = replace(counts, asked=(name,))
        found.append(counts)
    emit(found[0] if len(found) == 1 else found, output)
