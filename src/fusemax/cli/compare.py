"""``fusemax compare``: designs x workloads x lengths."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from fusemax.cli.options import LENGTHS, NAMES
from fusemax.cli.progress import progress

if TYPE_CHECKING:
    from fusemax.model.compare import Comparison


@click.command()
@click.option("--designs", type=NAMES, metavar="NAME,...", help="Designs: catalogue names or files.")
@click.option("--workloads", type=NAMES, metavar="NAME,...", help="Workloads: catalogue names or files.")
@click.option("--seq-lens", type=LENGTHS, metavar="1K,4K,...", help="Sequence lengths.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["attention", "linear", "end-to-end"]),
    help="Part to compare; repeatable [all].",
)
@click.option(
    "--accounting", default="corrected", type=click.Choice(["corrected", "published"]), help="Accounting [corrected]."
)
@click.option("--iso-area", is_flag=True, help="Size buffers or arrays so that the designs match in area within 1 %.")
@click.option("--against", metavar="RUN", type=click.Path(), help="Show what changed since a run's JSON.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="Output format [table].")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option("-o", "--output", "folder", metavar="DIR", type=click.Path(), help="Write page, figures and rows to DIR.")
@click.option("--open", "show", is_flag=True, help="Open the page of -o in the browser.")
def command(
    designs: tuple[str, ...] | None,
    workloads: tuple[str, ...] | None,
    seq_lens: tuple[int, ...] | None,
    parts: tuple[str, ...],
    accounting: str,
    iso_area: bool,
    against: str | None,
    form: str | None,
    as_json: bool,
    folder: str | None,
    show: bool,
) -> None:
    """Compare designs over workloads and sequence lengths.

    Attention, linear layers and both: traffic, latency, energy, utilization, area, and the ratios of the paper's
    headline in both accountings. Without options, the paper's comparison.
    """
    from fusemax.model.compare import compare

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} contradict each other")
    if show and folder is None:
        raise click.UsageError("--open needs -o DIR")
    found = compare(designs, workloads, seq_lens, parts, accounting, iso_area)
    _print(found, "json" if as_json else form or "table", against)
    if folder is not None:
        path = _write(found, folder)
        click.echo(f"page: {path}", err=form is not None or as_json)
        if show:
            click.launch(path)


def _print(found: Comparison, form: str, against: str | None) -> None:
    from fusemax.base.result import to_csv, to_json

    changed = None
    if against is not None:
        from fusemax.model.against import changes

        changed = changes(found.rows(), against, found.accounting.name)
    if form == "json":
        document = found.to_json_document()
        if changed is not None:
            document["against"] = changed.document()
        click.echo(to_json(document), nl=False)
    elif form == "csv":
        click.echo(to_csv(changed.rows() if changed is not None else found.rows()), nl=False)
    elif changed is not None:
        click.echo(str(changed))
    else:
        _tables(found)


def _tables(found: Comparison) -> None:
    from fusemax.report.tables import compare_tables

    click.echo(compare_tables(found.detail_rows(), accounting=found.accounting.name, baselines=found.baselines))
    for design, change in found.changes.items():
        click.echo(f"for equal area {design} has: {change}")
    for note in found.notes():
        click.echo(f"\n{note}")
    click.echo(f"\n{found.headline()}")


def _write(found: Comparison, folder: str) -> str:
    from fusemax.report.comparison import whole_report
    from fusemax.report.write import write_report

    with progress("writing") as observe:
        report = whole_report(found, command=shlex.join(["fusemax", *sys.argv[1:]]))
        return str(write_report(folder, report, observe=observe))
