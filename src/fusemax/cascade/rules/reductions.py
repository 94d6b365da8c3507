"""Rules of reductions: explicit ones, topk, and filters."""

from __future__ import annotations

from collections.abc import Iterator

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Access, Einsum, Reduction
from fusemax.cascade.positions import plain_variable
from fusemax.cascade.rules.scope import Scope, variables_of

SELECTIONS = ("topk", "argtopk")


def reduced_variables(scope: Scope) -> Iterator[SourceError]:
    """A reduced variable is on the right, not on the left, and reduced once."""
    for einsum in scope.einsums:
        if not einsum.reductions:
            continue
        left, right = variables_of(einsum.left), variables_of((einsum.right,))
        done: set[str] = set()
        for reduction in einsum.reductions:
            names = reduction.variables[:1] if reduction.operator in SELECTIONS else reduction.variables
            for variable in names:
                problem = _misuse(variable, left, right, done)
                if problem and scope.is_variable(variable):
                    yield scope.error(reduction.span, f"{reduction.operator} reduces '{variable}', which {problem}")
                    break
                done.add(variable)


def _misuse(variable: str, left: frozenset[str], right: frozenset[str], done: set[str]) -> str | None:
    if variable in left:
        return "is on the left"
    if variable not in right:
        return "is not on the right"
    return "is reduced already" if variable in done else None


def selections(scope: Scope) -> Iterator[SourceError]:
    """`topk(m, j)` is the only reduction: j is a plain index on the left and not on the right, m alone is reduced."""
    for einsum in scope.einsums:
        for reduction in einsum.reductions:
            if reduction.operator in SELECTIONS:
                problem = _selection_misuse(einsum, reduction)
                if problem:
                    yield scope.error(
                        reduction.span, f"{reduction.operator}({', '.join(reduction.variables)}): {problem}"
                    )


def _selection_misuse(einsum: Einsum, reduction: Reduction) -> str | None:
    reduced, kept = reduction.variables
    left, right = variables_of(einsum.left), variables_of((einsum.right,))
    if len(einsum.reductions) > 1:
        return "no other reduction may stand beside it"
    if kept == reduced:
        return f"'{kept}' cannot be reduced and kept"
    if kept in right:
        return f"'{kept}' is on the right"
    if kept not in (plain_variable(index) for index in einsum.left):
        return f"'{kept}' is no plain index on the left"
    others = sorted(right - left - {reduced})
    return f"'{others[0]}' would be reduced too" if others else None


def filters(scope: Scope) -> Iterator[SourceError]:
    """A filter mentions a reduced variable, and its statement has one reduction operator that is not topk."""
    for einsum, reads in zip(scope.einsums, scope.reads, strict=True):
        filtered = [access for access in reads if any(index.filter is not None for index in access.indices)]
        if not filtered:
            continue
        reduced = variables_of((einsum.right,)) - variables_of(einsum.left)
        written = {variable for reduction in einsum.reductions for variable in reduction.variables}
        operators = {reduction.operator for reduction in einsum.reductions} | ({"+"} if reduced - written else set())
        for access in filtered:
            problem = _filter_misuse(access, reduced, operators)
            if problem:
                yield scope.error(access.span, problem)


def _filter_misuse(access: Access, reduced: frozenset[str], operators: set[str]) -> str | None:
    for index in access.indices:
        if index.filter is not None and not variables_of((index.filter,)) & reduced:
            return f"the filter of '{access.tensor}' mentions no reduced variable"
    if operators & set(SELECTIONS):
        return f"a filter cannot stand beside topk, found one in '{access.tensor}'"
    if len(operators) > 1:
        names = ", ".join(sorted(operators))
        return f"a filter needs a statement with one reduction operator, found {names}"
    return None
