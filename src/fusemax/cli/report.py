"""``fusemax report``: page and figures from stored results."""

from __future__ import annotations

import shlex
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

    RESULTS is the store of a sweep, a folder that 'fusemax compare -o' wrote, its results.json, the JSON or CSV of a
    comparison, or the JSON of a search. What JSON or CSV leaves out is computed again if that gives the same rows. Of a
    store the page carries the best points and a sample of the others.
    """
    from fusemax.cli.progress import progress
    from fusemax.report.read import read_report
    from fusemax.report.write import write_report

    words = shlex.join(["fusemax", *sys.argv[1:]])
    with progress("report") as observe:
        report = read_report(results, words, observe)
        page = write_report(folder, report, observe=observe)
    click.echo(f"page: {page}")
    if show:
        click.launch(str(page))
