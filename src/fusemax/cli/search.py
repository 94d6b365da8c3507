"""``fusemax search``: the best mapping and schedule of a cascade on an accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from fusemax.base.files import write_atomically
from fusemax.cli.options import ACCELERATOR, CASCADE, LENGTH, NAMES, WORKLOAD, Output, Quantity, emit

if TYPE_CHECKING:
    from fractions import Fraction

    from fusemax.design.workload import Workload


def _seconds(text: str) -> float:
    from fusemax.base.units import parse_quantity

    return float(parse_quantity(text, "time"))


def _area(text: str) -> float:
    from fusemax.base.units import parse_quantity

    return float(parse_quantity(text, "area"))


def _share(text: str) -> Fraction | Literal["measured"]:
    from fusemax.base.errors import UsageError
    from fusemax.design.schedule import share_of

    try:
        return "measured" if text == "measured" else share_of(text)
    except ValueError as error:
        raise UsageError(f"{error}, or measured") from None


@click.command()
@click.argument("cascade", type=CASCADE)
@click.option("--accelerator", required=True, type=ACCELERATOR, help="Accelerator: catalogue name or file.")
@click.option("--workload", required=True, type=WORKLOAD, help="Workload: catalogue name, file or config.json.")
@click.option("--seq-len", type=LENGTH, required=True, help="Sequence length.")
@click.option(
    "--objective",
    default="latency",
    metavar="NAME[,NAME]",
    help="What is least: latency, energy, edp, traffic, area; two or three give the Pareto front [latency].",
)
@click.option("--latency", type=Quantity("TIME", _seconds), help="Only designs that take no longer, like 30ms.")
@click.option("--area", type=Quantity("AREA", _area), help="Only accelerators that are no larger, like 300mm^2.")
@click.option(
    "--vary",
    multiple=True,
    metavar="FIELD=VALUE,...",
    help="Accelerators too: edge=128,256 buffer.capacity=8MiB,16MiB exp=unit,6.",
)
@click.option(
    "--accounting", default="corrected", type=click.Choice(["corrected", "published"]), help="Accounting [corrected]."
)
@click.option("--like", type=NAMES, default=(), metavar="DESIGN,...", help="Begin from the mappings of these designs.")
@click.option(
    "--mappings",
    type=click.Choice(["all", "aligned", "designs"]),
    help="All; spread over arrays as designs do; those of designs [all for latency and area, else aligned].",
)
@click.option(
    "--exp", "exps", type=NAMES, default=(), metavar="N,...", help="Multiply-adds an exp may take [the accelerator's]."
)
@click.option(
    "--schedules",
    type=NAMES,
    default=(),
    metavar="KIND,...",
    help="free (arrays run beside one another), epoch, serial (one tile at a time) [free,epoch].",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the workload, like batch=16 query_len=1 mask=none.",
)
@click.option(
    "--lazy",
    type=Quantity("SHARE", _share),
    help="Lazy rescaling too, at a share of the tiles like 1/16, or 'measured' on random data.",
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), metavar="N", help="Search in N processes [one per core in large spaces]."
)
@click.option("--as-published", is_flag=True, help="Find mappings as their published ones were (FLAT's own objective).")
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
    latency: float | None,
    area: float | None,
    vary: tuple[str, ...],
    accounting: str,
    like: tuple[str, ...],
    mappings: str | None,
    exps: tuple[str, ...],
    schedules: tuple[str, ...],
    changes: tuple[str, ...],
    lazy: Fraction | Literal["measured"] | None,
    workers: int | None,
    as_published: bool,
    exhaustive: bool,
    path: str | None,
    form: str | None,
    as_json: bool,
) -> int:
    """Find the best mapping and schedule on an accelerator.

    CASCADE is a catalogue name or a file. The space: sizes of tiles, order of loops, the array that runs each Einsum
    and the ranks spread over it, what is kept where, joined multiply-adds, exp, heads interleaved, and the schedule of
    an epoch. The certificate says how many designs there are, how many were evaluated, which bound pruned the rest, and
    whether the best is proven. The file of -o is a design: model, compare, simulate and show take it.

    Status 1, and nothing written, when no design fits or keeps --latency and --area.
    """
    from fusemax.cli.progress import progress
    from fusemax.search.compose import limits_of
    from fusemax.search.mapper import NothingFits, search

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} contradict each other")
    try:
        with progress("search") as observe:
            found = search(
                cascade, accelerator, _changed(workload, changes), seq_len, objective, accounting, like, _terms(exps),
                exhaustive, observe, vary=_varied(vary), latency=latency, area=area, mappings=mappings,
                limits=limits_of(schedules), as_published=as_published, workers=workers, lazy=lazy,
            )  # fmt: skip
    except NothingFits as answer:
        click.echo(str(answer), err=True)
        return 1
    if path is not None:
        write_atomically(path, found.best)
    emit(found, Output("json" if as_json else form or "table"))
    return 0


def _terms(exps: tuple[str, ...]) -> tuple[int, ...]:
    if not all(text.isdigit() and 1 <= int(text) <= 64 for text in exps):
        raise click.UsageError(f"--exp {','.join(exps)}: expected whole numbers from 1 to 64, like 4,6")
    return tuple(map(int, exps))


def _changed(workload: str, texts: tuple[str, ...]) -> Workload:
    from fusemax.design.workload import load_workload
    from fusemax.search.rewrite import with_workload_field

    found = load_workload(workload)
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise click.UsageError(f"--set {text}: expected a field and its value, like batch=16")
        found = with_workload_field(found, name, int(value) if value.isdigit() else value)
    return found


def _varied(texts: tuple[str, ...]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for text in texts:
        name, sign, values = text.partition("=")
        if not (name and sign and values) or name in found:
            raise click.UsageError(f"--vary {text}: expected a field once and its values, like edge=128,256")
        found[name] = [int(v) if v.isdigit() else v for v in values.split(",")]
    return found
