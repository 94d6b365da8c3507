"""``fusemax taxonomy``."""

from __future__ import annotations

import click

from fusemax.cli.options import CASCADE, Output, emit, output_options


@click.command()
@click.argument("cascades", nargs=-1, metavar="[CASCADE]...", type=CASCADE)
@click.option("--family", metavar="NAME", help="Only one family, e.g. attention.")
@output_options()
def command(cascades: tuple[str, ...], family: str | None, output: Output) -> None:
    """Tabulate attention algorithms by passes.

    The paper's Table I, computed from the cascade texts: passes and sweeps over the keys, divisions and
    exponentials, what must stay live, whether a form is exact and numerically stable, and which systems use it.
    Without CASCADEs, everything that ships.
    """
    from fusemax.report.taxonomy import shipped_taxonomy

    found = shipped_taxonomy(cascades, family)
    emit(list(found.forms) if output.format == "json" else found, output)
