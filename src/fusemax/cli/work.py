"""``fusemax work``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fusemax.base.errors import UnknownName
from fusemax.cli.options import CASCADE, Output, emit, emit_text, output_options, param_option, size_option

if TYPE_CHECKING:
    from fusemax.analysis.work import Work


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="X...", type=CASCADE)
@click.option("--op", "kind", metavar="KIND", help="One kind of operation only, like mac, exp or div.")
@size_option
@param_option
@output_options()
def command(
    files: Sequence[str], kind: str | None, sizes: Mapping[str, int], params: Mapping[str, float], output: Output
) -> None:
    """Count operations per Einsum and kind.

    X is a cascade's file, '-' or catalogue name. Counts are formulas in the ranks, and numbers at the sizes
    of the file and --size. Every operation on tensors counts once per point of its Einsum, every reduction
    once per value it takes in; a sum of products is 'mac', and exp(a - b) is one 'exp'. A count that depends
    on data, or on a filter that is no polynomial of the ranks, is given as a bound ('at most').
    """
    from dataclasses import replace

    from fusemax.analysis.work import KNOWN_KINDS, work
    from fusemax.cascade.ranks import declared_ranks
    from fusemax.execute import load_tried

    if kind is not None and kind not in KNOWN_KINDS:
        raise UnknownName("operation", kind, KNOWN_KINDS)
    cascades = [load_tried(file) for file in files]
    _check_names("rank", sizes, [declared_ranks(c) for c in cascades])
    _check_names("parameter", params, [[p.name for p in c.parameters] for c in cascades])
    found = []
    for cascade in cascades:
        # A size is for the cascades that have the rank: M0=256 for the tiled one beside one without tiles.
        own = {rank: size for rank, size in sizes.items() if rank in declared_ranks(cascade)}
        found.append(replace(work(cascade, own or None, params), kind=kind))
    if kind is not None and len(found) > 1 and output.format == "table":
        emit_text(_one_line_each(found, kind), output)
        return
    emit(found[0] if len(found) == 1 else found, output)


def _check_names(what: str, given: Iterable[str], known: Sequence[Iterable[str]]) -> None:
    every = {name for names in known for name in names}
    for name in given:
        if name not in every:
            raise UnknownName(what, name, every)


def _one_line_each(found: Sequence[Work], kind: str) -> str:
    from fusemax.base.table import format_table

    rows = []
    for one in found:
        total = one.total(kind)
        formula = str(total.formula) if total.exact else f"at most {total.formula}"
        rows.append({"cascade": one.cascade, kind: formula, "operations": total.number})
    return format_table(rows)
