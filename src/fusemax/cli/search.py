"""``fusemax search``: the best mapping and schedule of a cascade on an accelerator."""

from __future__ import annotations

import click

from fusemax.base.files import write_atomically
from fusemax.cli.options import ACCELERATOR, CASCADE, LENGTH, NAMES, WORKLOAD, Output, emit


@click.command()
@click.argument("cascade", type=CASCADE)
@click.option("--accelerator", required=True, type=ACCELERATOR, help="Accelerator: catalogue name or file.")
@click.option("--workload", required=True, type=WORKLOAD, help="Workload: catalogue name, file or config.json.")
@click.option("--seq-len", type=LENGTH, required=True, help="Sequence length.")
@click.option(
    "--objective",
    type=click.Choice(["latency", "energy", "edp", "traffic"]),
    default="latency",
    help="What is least [latency].",
)
@click.option(
    "--accounting", default="corrected", type=click.Choice(["corrected", "published"]), help="Accounting [corrected]."
)
@click.option("--like", type=NAMES, default=(), metavar="DESIGN,...", help="Take the mappings of these designs.")
@click.option(
    "--exp", "exps", type=NAMES, default=(), metavar="N,...", help="Multiply-adds an exp may take [the accelerator's]."
)
@click.option("--exhaustive", is_flag=True, help="Evaluate every design of the space.")
@click.option("-o", "--output", "path", metavar="FILE", type=click.Path(), help="Write the best design to FILE.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="Output format [table].")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
def command(
    cascade: str,
    accelerator: str,
    workload: str,
    seq_len: int,
    objective: str,
    accounting: str,
    like: tuple[str, ...],
    exps: tuple[str, ...],
    exhaustive: bool,
    path: str | None,
    form: str | None,
    as_json: bool,
) -> None:
    """Find the best mapping and schedule on an accelerator.

    CASCADE is a catalogue name or a file. The space is made of the mappings of the designs of that cascade: which array
    runs each Einsum and what is kept where, the size of query granules, joined multiply-adds, heads interleaved, and
    the schedule of an epoch. The certificate says how many designs there are, how many were evaluated, which bound
    pruned the rest, and whether the best is proven. The file of -o is a design: model, compare, simulate and show
    take it.
    """
    from fusemax.cli.progress import progress
    from fusemax.search.mapper import search

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} contradict each other")
    with progress("search") as observe:
        found = search(
            cascade, accelerator, workload, seq_len, objective, accounting, like, _terms(exps), exhaustive, observe
        )
    if path is not None:
        write_atomically(path, found.best)
    emit(found, Output("json" if as_json else form or "table"))


def _terms(exps: tuple[str, ...]) -> tuple[int, ...]:
    if not all(text.isdigit() and 1 <= int(text) <= 64 for text in exps):
        raise click.UsageError(f"--exp {','.join(exps)}: expected whole numbers from 1 to 64, like 4,6")
    return tuple(map(int, exps))
