"""``fusemax store``: the result store."""

from __future__ import annotations

import click

from fusemax.cli.options import Output, emit, output_options


@click.group()
def command() -> None:
    """Inspect, export, verify and merge result stores.

    A store is one SQLite file that 'fusemax sweep --store FILE' writes: a row per design point, keyed by a hash of
    everything that determines it.
    """


@command.command("info")
@click.argument("file", type=click.Path())
@output_options()
def info_command(file: str, output: Output) -> None:
    """Tell what a store holds."""
    from fusemax.search.about import info

    emit(info(file), output)


@command.command("export")
@click.argument("file", type=click.Path())
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), help="Format [by the name of -o, else csv].")
@click.option("-o", "--output", "path", metavar="FILE", type=click.Path(), help="Write to FILE, whole or not at all.")
def export_command(file: str, form: str | None, path: str | None) -> None:
    """Write every point as a row, sorted by key, without times of day.

    The same points give the same bytes. Figures nobody knows are 'unknown' in CSV and null in Parquet.
    """
    from fusemax.search.export import export_csv, export_parquet
    from fusemax.search.store import open_store

    chosen = form or ("parquet" if path is not None and path.endswith(".parquet") else "csv")
    if chosen == "parquet" and path in (None, "-"):
        raise click.UsageError("Parquet is written to a file: give -o FILE")
    with open_store(file, write=False) as store:
        if chosen == "parquet":
            export_parquet(store, str(path))
        elif path in (None, "-"):
            click.echo(export_csv(store, None), nl=False)
        else:
            export_csv(store, path)


@command.command("verify")
@click.argument("file", type=click.Path())
@output_options()
def verify_command(file: str, output: Output) -> int:
    """Check a store against itself: pages, keys, figures. Exit status 1 when it is not whole."""
    from fusemax.search.about import verify

    found = verify(file)
    emit(found, output)
    return 0 if found.is_whole else 1


@command.command("merge")
@click.argument("target", type=click.Path())
@click.argument("sources", type=click.Path(), nargs=-1, required=True)
@output_options()
def merge_command(target: str, sources: tuple[str, ...], output: Output) -> None:
    """Add the points of SOURCES to TARGET.

    TARGET is created when it is not there. Points both have are kept once; where the same point has other figures,
    that is an error.
    """
    from fusemax.search.about import merge_files

    emit(merge_files(target, sources), output)
