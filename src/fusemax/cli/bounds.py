"""``fusemax bounds``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fusemax.base.errors import UnknownName, UsageError
from fusemax.cli.options import BYTES, CASCADE, LENGTH, Output, emit, output_options, size_option

if TYPE_CHECKING:
    from fusemax.report.bounds import Bounds

PICTURES = (".svg", ".png", ".html", ".json")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=CASCADE)
@click.option("--workload", default="bert", help="Workload: catalogue name, file or config.json [bert].")
@click.option("--seq-len", type=LENGTH, default="4K", help="Sequence length [4K].")
@click.option("--buffer", "buffer_bytes", type=BYTES, help="Buffer capacity, like 16MiB [the accelerator's].")
@click.option("--accelerator", help="Accelerator for word size, buffer and roofline: catalogue name or file.")
@click.option("--word", "word_bits", type=click.IntRange(1, 64), help="Bits of an element [the accelerator's, or 16].")
@click.option("--curve", is_flag=True, help="Least traffic at every capacity instead of one.")
@click.option("--picture", metavar="FILE", type=click.Path(), help="Draw the curve: .svg, .png, .html or .json.")
@size_option
@output_options()
def command(
    files: tuple[str, ...],
    workload: str,
    seq_len: int,
    buffer_bytes: int | None,
    accelerator: str | None,
    word_bits: int | None,
    curve: bool,
    picture: str | None,
    sizes: dict[str, int],
    output: Output,
) -> None:
    """Bound traffic and buffer from below; roofline.

    No schedule of a cascade moves less. Every input is read and every output written once; between two passes
    over a rank, what the buffer cannot hold of the cheapest tensors to start from comes again.
    """
    from fusemax.cascade import load
    from fusemax.cascade.ranks import declared_ranks
    from fusemax.report.bounds import compare_bounds, workload_bounds

    cascades = [load(file) for file in files]
    known = {rank for cascade in cascades for rank in declared_ranks(cascade)}
    for rank in sizes:
        if rank not in known:
            raise UnknownName("rank", rank, known)
    found = [
        workload_bounds(
            cascade, workload, seq_len, buffer_bytes,
            accelerator=accelerator, sizes=sizes, word_bits=word_bits, with_curve=curve,
        )
        for cascade in cascades
    ]  # fmt: skip
    if picture is not None:
        _draw(found, picture)
    if output.format == "json":
        emit(found[0] if len(found) == 1 else found, output)
    else:
        emit(compare_bounds(found, curve), output)


def _draw(found: list[Bounds], path: str) -> None:
    from io import BytesIO, StringIO

    from fusemax.base.files import write_atomically
    from fusemax.report.bounds import compare_bounds
    from fusemax.report.charts import capacity_traffic

    kind = Path(path).suffix
    if kind not in PICTURES:
        raise UsageError(f"{path}: expected a name that ends with {', '.join(PICTURES)}")
    buffer_bytes = found[0].buffer_bytes
    marks = [] if buffer_bytes is None else [{"label": "buffer", "capacity": buffer_bytes}]
    chart = capacity_traffic(compare_bounds(found, with_curve=True).rows(), marks=marks)
    picture = BytesIO() if kind == ".png" else StringIO()
    chart.save(picture, format=kind[1:])
    write_atomically(path, picture.getvalue())
