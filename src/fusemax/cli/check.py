"""``fusemax check``."""

from __future__ import annotations

import click

from fusemax.cli.options import CASCADE, Output, emit, output_options


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=CASCADE)
@output_options()
def command(files: tuple[str, ...], output: Output) -> int:
    """Check files against the rules of the language.

    A cascade is read, held against every static rule, run once at its default sizes when all are given, and
    its 'expect' is compared with the counted passes. Designs, accelerators, mappings, schedules, bindings and
    workloads are read and validated. Exit status: 0 all is well; 1 an 'expect' is false, with the right
    count; 2 a file is illegal, with the place.
    """
    from fusemax.report.check import check

    found = check(files)
    for verdict in found.verdicts:
        for error in verdict.errors:
            click.echo(str(error), err=True)
    if output.format != "table" or any(verdict.verdict != "illegal" for verdict in found.verdicts):
        emit(found, output)
    return found.status
