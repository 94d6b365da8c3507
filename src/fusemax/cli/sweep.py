"""``fusemax sweep``: accelerator and length sweeps, resumable."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from fusemax.cli.options import Output, emit, output_options
from fusemax.cli.progress import progress

if TYPE_CHECKING:
    from fusemax.search.sweep import SweepPlan


@click.command()
@click.argument("spec", type=click.Path(), required=False)
@click.option("--design", metavar="NAME,...", help="Designs; without SPEC. [fusemax]")
@click.option("--workload", metavar="NAME,...", help="Workloads. [bert]")
@click.option("--seq-len", metavar="VALUES", help="Sequence lengths, like 1K,4K or 1K..1Mx4. [4K]")
@click.option("--array", metavar="VALUES", help="Edges of the array, like 64..512x2.")
@click.option("--buffer", metavar="VALUES", help="Capacities of the buffer, like 8MiB..32MiB+8MiB.")
@click.option("--bandwidth", metavar="VALUES", help="Bandwidths of the memory, like 200GiB/s,400GiB/s.")
@click.option("--batch", metavar="VALUES", help="Batch sizes, like 1..64x2.")
@click.option("--vary", metavar="FIELD=VALUES", multiple=True, help="Any field by its path; may be given again.")
@click.option("--store", metavar="FILE", type=click.Path(), help="Keep results in FILE, and compute no point twice.")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Compute in N processes [in this one].")
@click.option("--cluster", metavar="ADDRESS", help="Compute on the workers of the Dask scheduler there.")
@click.option("--estimate", is_flag=True, help="Only tell what it will take, from a sample of its points.")
@click.option("--accounting", type=click.Choice(["corrected", "published"]), help="Accounting [the specification's].")
@output_options()
def command(
    spec: str | None,
    store: str | None,
    workers: int | None,
    cluster: str | None,
    accounting: str | None,
    estimate: bool,
    output: Output,
    **given: Any,
) -> int:
    """Sweep accelerators and lengths, resumable.

    SPEC is a YAML file: designs, workloads, seq_lens, and under 'vary' any field of accelerator, workload, mapping or
    schedule with a list or a range of values. 'fig12' is the paper's area sweep, in published accounting. Without
    SPEC the options say what varies.

    With --store a sweep that was interrupted goes on where it stopped: points that are there are not computed again.
    Ctrl-C ends it with status 130.
    """
    from fusemax.search.sweep import engine_of, run_sweep

    plan = _plan(spec, accounting, given)
    if estimate:
        from fusemax.search.estimate import estimate as estimated

        emit(estimated(plan, workers or 1), output)
        return 0
    engine = engine_of(workers, cluster, lambda text: click.echo(f"\n{text}", err=True))
    name = plan.name
    with progress(name, logs=True) as observe:
        try:
            found = run_sweep(plan, store, engine, observe)
        except KeyboardInterrupt:
            _say_how_to_go_on(store)
            return 130
    emit(found, output)
    return 0


_FIELDS = {"array": "edge", "buffer": "buffer.capacity", "bandwidth": "dram.bandwidth", "batch": "workload.batch"}


def _plan(spec: str | None, accounting: str | None, given: Mapping[str, Any]) -> SweepPlan:
    from fusemax.search.spec import spec_text
    from fusemax.search.sweep import SweepPlan

    if spec is not None:
        wrong = next((name for name, value in given.items() if value), None)
        if wrong is not None:
            raise click.UsageError(f"--{wrong.replace('_', '-')} and SPEC contradict each other: give one of both")
        return SweepPlan(spec, None, accounting)
    if not any(given.values()):
        raise click.UsageError("nothing to sweep: give SPEC, fig12 or options such as --array 64..512x2")
    vary = {field: given[name] for name, field in _FIELDS.items() if given[name]}
    for text in given["vary"]:
        field, equals, values = text.partition("=")
        if not equals:
            raise click.UsageError(f"--vary {text}: expected FIELD=VALUES, like schedule.streams=1,2")
        vary[field.strip()] = values
    names = [
        given[name] or default for name, default in (("design", "fusemax"), ("workload", "bert"), ("seq_len", "4K"))
    ]
    return SweepPlan("<options>", spec_text(names[0], names[1], names[2], vary), accounting)


def _say_how_to_go_on(store: str | None) -> None:
    words = shlex.join(["fusemax", *sys.argv[1:]])
    if store is None:
        click.echo("\ninterrupted; nothing was kept: --store FILE keeps what is done", err=True)
    else:
        click.echo(f"\ninterrupted; what is done is kept in {store}. To go on:\n    {words}", err=True)
