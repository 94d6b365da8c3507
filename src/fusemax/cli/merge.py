"""``fusemax merge``."""

from __future__ import annotations

from pathlib import Path

import click

from fusemax.cli.derive import tile_option
from fusemax.cli.options import CASCADE, Output, emit, emit_text, output_options


@click.command()
@click.argument("cascade", type=CASCADE)
@click.option("--rank", metavar="RANK", help="The rank whose parts are merged [the one with the most passes].")
@tile_option
@click.option(
    "--form",
    type=click.Choice(["operator", "split", "tree", "ring"]),
    default="operator",
    show_default=True,
    help="What -o writes and the terminal shows.",
)
@click.option("--chain", metavar="DIR", type=click.Path(), help="Write the operator and every form into DIR.")
@output_options()
def command(
    cascade: str, rank: str | None, tile: tuple[str, int] | None, form: str, chain: str | None, output: Output
) -> int:
    """Derive the merge operator of a cascade with a 1-pass form, as a cascade; split-K, tree and ring forms.

    Status 1 when there is no state of finitely many numbers, or a form does not agree with the source.
    """
    from fusemax.base.files import write_atomically
    from fusemax.cascade import print_cascade
    from fusemax.derive import merge
    from fusemax.derive.merging import NoMerge
    from fusemax.execute import load_tried

    try:
        found = merge(load_tried(cascade), rank, tile=tile)
    except NoMerge as reason:
        click.echo(str(reason), err=True)
        return 1
    emit(found, Output(output.format))
    forms = {"operator": found.operator, **found.forms}
    if chain is not None:
        folder = Path(chain)
        folder.mkdir(parents=True, exist_ok=True)
        for name, one in forms.items():
            write_atomically(str(folder / f"{name}.cascade"), print_cascade(one))
    if output.path is not None:
        emit_text(print_cascade(forms[form]), Output(path=output.path))
    elif output.format == "table":
        click.echo()
        click.echo(print_cascade(forms[form]), nl=False)
    return 0 if all(check.difference is None for check in found.checks.values()) else 1
