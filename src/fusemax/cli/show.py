"""``fusemax show``."""

from __future__ import annotations

import click

from fusemax.base.errors import UsageError
from fusemax.cli.options import LENGTH, Output, Reference, emit, emit_text, output_options


@click.command()
@click.argument("thing", metavar="X", type=Reference("cascade", "cascades", ".cascade"))
@click.option("--rank", metavar="R", help="A cascade: draw the passes over this rank.")
@click.option("--ranks", "table", flag_value="ranks", help="A cascade: its ranks as a table.")
@click.option("--iteration-space", "table", flag_value="spaces", help="A cascade: each Einsum's iteration space.")
@click.option("--workload", metavar="W", default="bert", show_default=True, help="A design: the workload it runs.")
@click.option("--seq-len", type=LENGTH, default="4K", show_default=True, help="A design: the sequence length.")
@output_options(("text", "svg", "mermaid", "json"))
def command(thing: str, rank: str | None, table: str | None, workload: str, seq_len: int, output: Output) -> None:
    """Draw a cascade, a design or an accelerator.

    X is a file, '-' or a catalogue name. A cascade is drawn as one row per Einsum and one lane per tensor, from
    its write to its last read, with a line where a pass over the rank ends; 'svg' and 'mermaid' draw it as a
    graph. A design is a loop nest and the epoch of one tile ('svg' draws the epoch), an accelerator a tree
    with areas.
    """
    from fusemax.report.kinds import kind_of

    kind = kind_of(thing)
    if kind == "cascade":
        _show_cascade(thing, rank, table, output)
        return
    what = f"{thing} is {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if rank is not None or table is not None:
        raise UsageError(f"{what}: --rank, --ranks and --iteration-space are for cascades")
    from fusemax.cli.show_design import FORMATS, show_accelerator, show_design

    formats = FORMATS if kind == "design" else ("text",)
    if kind not in ("design", "accelerator"):
        raise UsageError(f"{what}: show draws cascades, designs and accelerators")
    if output.format not in formats:
        raise UsageError(f"{what}: it can be shown as {', '.join(formats)}, not as {output.format}")
    if kind == "design":
        show_design(thing, output, workload, seq_len)
    else:
        show_accelerator(thing, output)


def _show_cascade(thing: str, rank: str | None, table: str | None, output: Output) -> None:
    from fusemax.execute import load_tried

    cascade = load_tried(thing)
    if table is None:
        from fusemax.report.show import show

        emit_text(show(cascade, rank).form(output.format), output)
        return
    if output.format not in ("text", "json"):
        raise UsageError(f"a table of a cascade is text or json, not {output.format}")
    from fusemax.cascade.spaces import iteration_spaces, ranks

    emit((ranks if table == "ranks" else iteration_spaces)(cascade), output)
