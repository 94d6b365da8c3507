"""Rules of sections: their order, where iterations end, what they write."""

from __future__ import annotations

from collections.abc import Iterator

from fusemax.base.errors import SourceError
from fusemax.cascade.ranks import rank_of
from fusemax.cascade.rules.scope import Scope, variables_of


def section_order(scope: Scope) -> Iterator[SourceError]:
    """`init` comes first if at all, then an iteration, then iterations and `then` in any order."""
    sections = scope.cascade.sections
    iterated = False
    for number, section in enumerate(sections):
        if section.kind == "init" and number > 0:
            yield scope.error(section.span, "'init' comes first and once")
        elif section.kind == "then" and not iterated:
            yield scope.error(section.span, "'then' comes after an iteration")
        iterated = iterated or section.kind == "iterate"
    if sections and sections[0].kind == "init" and not iterated and all(s.kind != "then" for s in sections):
        yield scope.error(sections[0].span, "'init' needs an iteration after it")


def until_rank(scope: Scope) -> Iterator[SourceError]:
    """`iterate v until R`: R is v's rank or what that is an alias of."""
    for section in scope.cascade.sections:
        if section.variable is None or section.until is None or not scope.is_variable(section.variable):
            continue
        own = rank_of(section.variable)
        legal = (own, scope.canonical(own))
        if section.until not in legal:
            wanted = " or ".join(dict.fromkeys(legal))
            message = f"'{section.variable}' runs until {wanted}, found '{section.until}'"
            yield scope.error(section.until_span, message)


def iteration_variable(scope: Scope) -> Iterator[SourceError]:
    """Every left side inside `iterate v` uses v."""
    for section, einsum in scope.statements:
        if section.variable is not None and section.variable not in variables_of(einsum.left):
            message = f"'{einsum.tensor}' is written in every iteration: its left side needs '{section.variable}'"
            yield scope.error(einsum.span, message)
