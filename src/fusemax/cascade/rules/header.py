"""Rules of the header: what is declared, once, with which size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import (
    Access,
    Binary,
    Number,
    ParameterUse,
    Shape,
    Span,
    Unary,
    Unknown,
    Variable,
    start,
    walk,
)
from fusemax.cascade.rules.scope import Scope
from fusemax.cascade.sizes import default_size_errors, derived_ranks


class _Entry(NamedTuple):
    name: str
    span: Span
    field: str


def _repeated(entries: Iterable[_Entry]) -> Iterator[tuple[_Entry, _Entry]]:
    """Every entry whose name an earlier one (in text order) has already, with that earlier one."""
    first: dict[str, _Entry] = {}
    for entry in sorted(entries, key=lambda e: (e.span.line, e.span.column)):
        before = first.setdefault(entry.name, entry)
        if before is not entry:
            yield entry, before


def has_input(scope: Scope) -> Iterator[SourceError]:
    """A cascade without `input` is an error at its first character."""
    if not scope.cascade.inputs:
        yield scope.error(Span(1, 1, 1), "the cascade has no 'input'")


def declared_once(scope: Scope) -> Iterator[SourceError]:
    """Inputs and outputs, parameters, sizes and aliases: the second declaration of a name is the wrong one."""
    cascade = scope.cascade
    tensors = [_Entry(d.tensor, d.span, "an input") for d in cascade.inputs]
    tensors += [_Entry(d.tensor, d.span, "an output") for d in cascade.outputs]
    for entries in (
        tensors,
        [_Entry(p.name, p.span, "a parameter") for p in cascade.parameters],
        [_Entry(s.rank, s.span, "a rank with a size") for s in cascade.sizes],
        [_Entry(a.name, a.span, "an alias") for a in cascade.aliases],
    ):
        for entry, before in _repeated(entries):
            yield scope.error(entry.span, f"'{entry.name}' is declared already, as {before.field}")


def one_partition(scope: Scope) -> Iterator[SourceError]:
    """A rank is in at most one partition, as the whole or as a factor; so partitions make no cycles."""
    names = [
        _Entry(scope.canonical(rank), span, rank)
        for p in scope.cascade.partitions
        for rank, span in zip((p.rank, *p.factors), (p.span, *p.factor_spans), strict=False)
    ]
    for entry, _before in _repeated(names):
        yield scope.error(entry.span, f"rank '{entry.field}' is in a partition already")


def alias_targets(scope: Scope) -> Iterator[SourceError]:
    """An alias names a rank that is declared and no alias itself."""
    for alias in scope.cascade.aliases:
        if alias.target in scope.targets:
            yield scope.error(alias.target_span, f"'{alias.target}' is an alias itself: name the rank it stands for")
        elif alias.target not in scope.ranks:
            yield scope.error(alias.target_span, f"unknown rank '{alias.target}'", alias.target, scope.ranks)


def equal_ranks(scope: Scope) -> Iterator[SourceError]:
    """`equal` joins two ranks that are declared and distinct."""
    for equality in scope.cascade.equalities:
        places = ((equality.left, equality.span), (equality.right, equality.right_span))
        unknown = [(rank, span) for rank, span in places if rank not in scope.ranks]
        for rank, span in unknown:
            yield scope.error(span, f"unknown rank '{rank}'", rank, scope.ranks)
        if not unknown and scope.canonical(equality.left) == scope.canonical(equality.right):
            message = f"'{equality.left}' and '{equality.right}' are one rank, 'equal' takes two"
            yield scope.error(equality.right_span, message)


def sizes_positive(scope: Scope) -> Iterator[SourceError]:
    """A size is at least 1."""
    for size in scope.cascade.sizes:
        if size.value < 1:
            yield scope.error(size.value_span, f"size {size.value} of rank '{size.rank}', expected at least 1")


def sizes_free(scope: Scope) -> Iterator[SourceError]:
    """A derived rank has no entry in `sizes`: an alias, the outermost factor, or a whole the inputs lack."""
    derived = derived_ranks(scope.cascade)
    for size in scope.cascade.sizes:
        if size.rank in derived:
            yield scope.error(size.span, f"rank '{size.rank}' is {derived[size.rank]}: its size follows")


def sizes_agree(scope: Scope) -> Iterator[SourceError]:
    """The default sizes divide along partitions, agree along `equal`, and leave topk enough to choose from."""
    if not any(sizes_positive(scope)) and not any(sizes_free(scope)):
        yield from default_size_errors(scope.cascade)


def claims(scope: Scope) -> Iterator[SourceError]:
    """`expect` names ranks of the cascade; a count is built of integers and ranks with `+ - * // %`."""
    for claim in scope.cascade.claims:
        if claim.rank not in scope.ranks:
            yield scope.error(claim.rank_span, f"unknown rank '{claim.rank}'", claim.rank, scope.ranks)
        for node in walk(claim.count) if claim.count is not None else ():
            match node:
                case (
                    Number(value=int()) | Shape() | Unary(operator="-") | Binary(operator="+" | "-" | "*" | "//" | "%")
                ):
                    continue
                case Access(tensor=name, indices=()) | Unknown(name) | Variable(name) | ParameterUse(name):
                    yield scope.error(node.span, f"unknown rank '{name}'", name, scope.ranks)
                case _:
                    yield scope.error(start(node), "a count is made of integers and ranks with + - * // %")
            break
