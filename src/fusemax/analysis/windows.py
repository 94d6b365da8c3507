"""Long constant windows made short: what a window reaches does not change how often a longer rank is walked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fusemax.cascade.ir import Access, Binary, Cascade, Einsum, Expr, Index, Number, ParameterUse, Unary, Variable, walk
from fusemax.cascade.resolve import rewrite

SHORT = 6
"""Constants up to here stay as they are."""


def shortened(cascade: Cascade) -> Cascade:
    """The cascade with the long constants of filters and index offsets replaced by short ones, in the same order.

    Ranks are unrolled longer than any constant window. A window of 4096 and one of 7 leave out coordinates of
    such a rank alike, but 7 is what can be unrolled. Constants that scale an index (`m1*128+m0`) stay.
    """
    long = sorted({abs(size) for size in _constants(cascade) if abs(size) > SHORT})
    if not long:
        return cascade
    short = {size: SHORT + 1 + i for i, size in enumerate(long)}
    scaling = {p.name for p in cascade.parameters if p.name in _scaling(cascade)}
    parameters = tuple(
        replace(p, value=_sign(p.value) * short[abs(p.value)])
        if abs(p.value) in short and p.name not in scaling and p.name in _offset_parameters(cascade)
        else p
        for p in cascade.parameters
    )

    def leaf(expr: Expr) -> Expr:
        return replace(expr, value=short[expr.value]) if isinstance(expr, Number) and expr.value in short else expr

    def offset(expr: Expr) -> Expr:
        """An index with its added constants shortened."""
        match expr:
            case Binary(operator="+" | "-", left=left, right=right):
                return replace(expr, left=offset(left), right=offset(right))
            case Binary(operator="%", left=left):
                return replace(expr, left=offset(left))
            case Unary(operand=operand):
                return replace(expr, operand=offset(operand))
            case Number():
                return leaf(expr)
            case _:
                return expr

    def access(expr: Expr) -> Expr:
        if not isinstance(expr, Access):
            return expr
        indices = tuple(
            Index(offset(i.value), None if i.filter is None else rewrite(i.filter, leaf)) for i in expr.indices
        )
        return replace(expr, indices=indices)

    def einsum(e: Einsum) -> Einsum:
        return replace(e, right=rewrite(e.right, access))

    sections = tuple(replace(s, einsums=tuple(einsum(e) for e in s.einsums)) for s in cascade.sections)
    return replace(cascade, sections=sections, parameters=parameters)


def _sign(value: float) -> int:
    return -1 if value < 0 else 1


def _indices(cascade: Cascade) -> Iterator[Index]:
    """Every index of a read that is more than a variable."""
    for einsum in cascade.einsums:
        for node in walk(einsum.right):
            if isinstance(node, Access):
                for index in node.indices:
                    if type(index.value) is not Variable or index.filter is not None:
                        yield index


def _constants(cascade: Cascade) -> Iterator[float]:
    """Constants of filters, and those added in indices."""
    values = {p.name: p.value for p in cascade.parameters}
    for index in _indices(cascade):
        nodes = list(_added(index.value)) + ([] if index.filter is None else list(walk(index.filter)))
        for node in nodes:
            if isinstance(node, Number):
                yield node.value
            elif isinstance(node, ParameterUse):
                yield values[node.name]


def _offset_parameters(cascade: Cascade) -> set[str]:
    found = set()
    for index in _indices(cascade):
        nodes = list(_added(index.value)) + ([] if index.filter is None else list(walk(index.filter)))
        found |= {node.name for node in nodes if isinstance(node, ParameterUse)}
    return found


def _scaling(cascade: Cascade) -> set[str]:
    """Parameters that scale an index somewhere."""
    return {
        node.name
        for index in _indices(cascade)
        for node in walk(index.value)
        if isinstance(node, ParameterUse) and node not in list(_added(index.value))
    }


def _added(index: Expr) -> Iterator[Expr]:
    """The constants that are added in an index: 2 in `(k+2)%K`."""
    match index:
        case Number() | ParameterUse():
            yield index
        case Binary(operator="+" | "-", left=left, right=right):
            yield from _added(left)
            yield from _added(right)
        case Binary(operator="%", left=left):
            yield from _added(left)
        case Unary(operand=operand):
            yield from _added(operand)
