"""``fusemax print``."""

from __future__ import annotations

import click

from fusemax.base.result import to_json
from fusemax.cli.options import CASCADE, Output, emit_text, output_options


@click.command()
@click.argument("file", type=CASCADE)
@output_options(("text", "unicode", "latex", "edge", "json"))
def command(file: str, output: Output) -> None:
    """Print a cascade: its canonical text, or a form for reading.

    FILE is a cascade's file, '-' or catalogue name, or a bare Einsum such as "Z[m,n] = A[k,m]*B[k,n]".
    The canonical text reads back as the same cascade. 'unicode' and 'latex' are notations; 'edge' is the
    long form that shows every map and reduce action with its compute and merge operator. 'json' holds all four.
    """
    from fusemax.cascade.ir import Cascade
    from fusemax.cascade.notation import FORMS, notation
    from fusemax.cascade.reference import cascade_or_einsum

    subject = cascade_or_einsum(file)
    if isinstance(subject, Cascade):
        from fusemax.execute import trial_run

        trial_run(subject)
    if output.format == "json":
        forms = {form: notation(subject, form) for form in FORMS}
        name = subject.name if isinstance(subject, Cascade) else None
        emit_text(to_json({"schema": "fusemax/print/1", "cascade": name, **forms}), output)
    else:
        emit_text(notation(subject, output.format), output)
