"""``fusemax derive``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from fusemax.cli.options import CASCADE, Output, emit, emit_text, output_options

Function = TypeVar("Function", bound=Callable[..., object])


def _tile(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, int] | None:
    from fusemax.base.errors import UsageError
    from fusemax.base.units import parse_length

    if value is None:
        return None
    name, equals, size = value.partition("=")
    if not (equals and name.strip() and size.strip()):
        raise click.BadParameter(f"{value!r} is not a tile: expected RANK=N, like M0=256")
    try:
        return name.strip(), parse_length(size)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


def tile_option(function: Function) -> Function:
    """Add ``--tile RANK=N``; the command gets ``tile: tuple[str, int] | None``."""
    return click.option(
        "--tile", callback=_tile, metavar="RANK=N", help="Go over the rank in tiles of N elements, like M0=256."
    )(function)


def _laws(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from fusemax.derive.laws import LAWS

    return [law.name for law in LAWS if law.name.startswith(incomplete)]


@click.command()
@click.argument("cascade", type=CASCADE)
@click.option("--rank", metavar="RANK", help="The rank to go over less often [the one with the most passes].")
@click.option("--passes", "target", type=click.IntRange(1), metavar="N", help="Ask for a form with exactly N passes.")
@tile_option
@click.option(
    "--objective",
    type=click.Choice(["passes", "work", "divisions", "footprint"]),
    default="passes",
    show_default=True,
    help="What makes a form better.",
)
@click.option("--law", metavar="LAW", shell_complete=_laws, help="Use this law only, and show what it gives.")
@click.option("--all", "every", is_flag=True, help="Show every form, those with eager factors too.")
@click.option(
    "--explain",
    is_flag=True,
    help="Say why each barrier that stays does so, with a counterexample; prove with sympy what each step rests on.",
)
@click.option("--chain", metavar="DIR", type=click.Path(), help="Write every step as a cascade into DIR.")
@click.option("--budget", type=click.IntRange(1), default=100, show_default=True, help="Forms to look at.")
@output_options()
def command(
    cascade: str,
    rank: str | None,
    target: int | None,
    tile: tuple[str, int] | None,
    objective: str,
    law: str | None,
    every: bool,
    explain: bool,
    chain: str | None,
    budget: int,
    output: Output,
) -> int:
    """Derive an equal cascade with the fewest passes over a rank, each step named with its law and checked.

    -o writes the best form as a cascade. Status 1, and nothing written, when there is no better form; the
    certificate says why.
    """
    from fusemax.cascade import print_cascade
    from fusemax.derive import derive
    from fusemax.derive.explain import explained
    from fusemax.execute import load_tried

    found = derive(
        load_tried(cascade), rank, target=target, tile=tile, objective=objective, every=every, law=law, budget=budget
    )
    if explain:
        found = explained(found)
    emit(found, Output(output.format))
    example = found.counterexample or found.example
    if chain is not None and example is not None:
        from fusemax.base.files import write_atomically
        from fusemax.derive.save import save_inputs

        folder = Path(chain)
        folder.mkdir(parents=True, exist_ok=True)
        save_inputs(str(folder / "counterexample.npz"), example.sample)
        if found.forced is not None:
            write_atomically(str(folder / "forced.cascade"), print_cascade(found.forced))
    if found.best is None:
        return 1
    if chain is not None:
        from fusemax.base.files import write_atomically

        folder = Path(chain)
        folder.mkdir(parents=True, exist_ok=True)
        for number, step in enumerate(found.steps, 1):
            write_atomically(str(folder / f"{number}_{step.law}.cascade"), print_cascade(step.cascade))
    if output.path is not None:
        emit_text(print_cascade(found.best.cascade), Output(path=output.path))
    elif output.format == "table" and not every:
        click.echo()
        click.echo(print_cascade(found.best.cascade), nl=False)
    return 0
