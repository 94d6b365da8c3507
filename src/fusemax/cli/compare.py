"""``fusemax compare``: designs x workloads x lengths."""

from __future__ import annotations

import click

from fusemax.cli.options import LENGTHS, NAMES


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
@click.option("--format", "form", default="table", type=click.Choice(["table", "csv", "json"]), help="Output format.")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
def command(
    designs: tuple[str, ...] | None,
    workloads: tuple[str, ...] | None,
    seq_lens: tuple[int, ...] | None,
    parts: tuple[str, ...],
    accounting: str,
    form: str,
    as_json: bool,
) -> None:
    """Compare designs over workloads and sequence lengths.

    Attention, linear layers and both: traffic, latency, energy, utilization, area, and the ratios of the paper's
    headline in both accountings.
    """
    from fusemax.base.result import to_csv, to_json
    from fusemax.model.compare import compare

    found = compare(designs, workloads, seq_lens, parts, accounting)
    if as_json or form == "json":
        click.echo(to_json(found.to_json_document()), nl=False)
    elif form == "csv":
        click.echo(to_csv(found.rows()), nl=False)
    else:
        from fusemax.report.tables import compare_tables

        click.echo(compare_tables(found.detail_rows(), accounting=accounting, baselines=found.baselines))
        click.echo()
        click.echo(found.headline())
