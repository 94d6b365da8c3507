"""Rules of index brackets: how many indices, of which rank, made of what."""

from __future__ import annotations

from collections.abc import Iterator

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Constant,
    Expr,
    Number,
    Span,
    Unary,
    Variable,
    children,
    start,
)
from fusemax.cascade.positions import plain_variable
from fusemax.cascade.rules.scope import Scope


def _accesses(scope: Scope) -> Iterator[tuple[str, tuple[Expr, ...], Span]]:
    """Every tensor with its indices and place: left sides (not of inputs) and reads, in text order."""
    for einsum, reads in zip(scope.einsums, scope.reads, strict=True):
        if einsum.tensor not in scope.inputs:
            yield einsum.tensor, einsum.left, einsum.span
        for access in reads:
            if access.tensor in scope.tensors:
                yield access.tensor, tuple(index.value for index in access.indices), access.span


def index_counts(scope: Scope) -> Iterator[SourceError]:
    """A tensor has as many indices everywhere as in its declaration, else in its first write."""
    for tensor, indices, span in _accesses(scope):
        counts = scope.counts(tensor)
        declared = scope.declaration(tensor)
        is_first_write = tensor in scope.writers and scope.einsums[scope.writers[tensor]].span == span
        if declared is not None and is_first_write:
            counts = {len(declared.variables)}
        if counts and len(indices) not in counts:
            wanted = len(declared.variables) if declared else min(counts)
            ranks = f"{wanted} rank{'' if wanted == 1 else 's'}"
            found = f"{len(indices)} ind{'ex' if len(indices) == 1 else 'ices'}"
            yield scope.error(span, f"tensor '{tensor}' has {ranks}, found {found}")


def index_ranks(scope: Scope) -> Iterator[SourceError]:
    """A plain index (`v`, `v+c`, `v-c`) is of its position's rank, after `alias` and `equal`."""
    for tensor, indices, _span in _accesses(scope):
        ranks = scope.positions.get(tensor, ())
        if len(ranks) != len(indices):
            continue
        for index, rank in zip(indices, ranks, strict=True):
            variable = plain_variable(index)
            own = None if variable is None else scope.walked(variable)
            if own is None or rank is None or own == rank:
                continue
            if rank in scope.ranks and not scope.fits(own, rank):
                message = f"'{variable}' walks rank {own}, but this position of '{tensor}' has rank {rank}"
                yield scope.error(start(index), message)
                break


def index_form(scope: Scope) -> Iterator[SourceError]:
    """An index is arithmetic of variables, integers, sizes and parameters, on the right of tensors too."""
    for einsum in scope.einsums:
        for index in einsum.left:
            if type(index) is not Variable:
                yield from _malformed(scope, index, reads=False)
    for _number, access in scope.accesses():
        for position in access.indices:
            if type(position.value) is not Variable:
                yield from _malformed(scope, position.value, reads=True)


def _malformed(scope: Scope, index: Expr, *, reads: bool) -> Iterator[SourceError]:
    stack = [index]
    while stack:
        node = stack.pop()
        match node:
            case Access() if reads:
                continue  # its own indices are looked at when its turn comes
            case Access():
                yield scope.error(node.span, f"an index on the left reads no tensor, found '{node.tensor}'")
                return
            case Call():
                yield scope.error(node.span, f"an index calls no function, found '{node.function}'")
                return
            case Binary(operator=operator) if operator not in ("+", "-", "*", "//", "%"):
                hint = ": '//' divides and rounds down" if operator == "/" else ""
                yield scope.error(node.span, f"an index uses + - * // % only, found '{operator}'{hint}")
                return
            case Unary(operator="not"):
                yield scope.error(node.span, "an index uses + - * // % only, found 'not'")
                return
            case Number(value=float()):
                yield scope.error(node.span, f"an index is made of integers, found {node.value!r}")
                return
            case Constant():
                yield scope.error(node.span, f"an index is made of integers, found '{node.name}'")
                return
        stack.extend(reversed(children(node)))
