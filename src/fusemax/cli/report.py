"""``fusemax report``: page and figures from stored results."""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("results", type=click.Path())
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(),
    help="Write page, figures, rows to DIR.",
)
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
def command(results: str, folder: str, show: bool) -> None:
    """Write the report page and the figures from stored results.

    RESULTS is a folder that 'fusemax compare -o' wrote, its results.json, or the JSON or CSV of a comparison. No number
    is computed again.
    """
    from fusemax.report.read import read_report
    from fusemax.report.write import write_report

    terminal = sys.stderr.isatty()

    def tell(step: str) -> None:
        if terminal:
            click.echo(f"\r\x1b[Kwriting {step}", nl=False, err=True)

    page = write_report(folder, read_report(results), progress=tell)
    tell("")
    click.echo(f"page: {page}")
    if show:
        click.launch(str(page))
