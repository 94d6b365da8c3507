"""Give every capitalised name of a freshly read cascade its meaning: a rank's size, a parameter or a tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Claim,
    Einsum,
    Expr,
    Index,
    ParameterUse,
    Section,
    Shape,
    Unary,
    Unknown,
)
from fusemax.cascade.ranks import declared_ranks


def rewrite(expr: Expr, leaf: Callable[[Expr], Expr]) -> Expr:
    """The same expression with `leaf` applied to every node, innermost first."""
    match expr:
        case Access():
            indices = tuple(
                Index(rewrite(i.value, leaf), None if i.filter is None else rewrite(i.filter, leaf))
                for i in expr.indices
            )
            return leaf(replace(expr, indices=indices))
        case Unary():
            return leaf(replace(expr, operand=rewrite(expr.operand, leaf)))
        case Binary():
            return leaf(replace(expr, left=rewrite(expr.left, leaf), right=rewrite(expr.right, leaf)))
        case Call():
            return leaf(replace(expr, arguments=tuple(rewrite(a, leaf) for a in expr.arguments)))
        case _:
            return leaf(expr)


def resolve(cascade: Cascade) -> Cascade:
    """Replace each `Unknown` that is known after all; what stays `Unknown` is an error the rules report."""
    ranks = declared_ranks(cascade)
    parameters = {parameter.name for parameter in cascade.parameters}
    tensors = {d.tensor for d in (*cascade.inputs, *cascade.outputs)} | {e.tensor for e in cascade.einsums}

    def leaf(expr: Expr) -> Expr:
        if not isinstance(expr, Unknown):
            return expr
        if expr.name in ranks:
            return Shape(expr.name, expr.span)
        if expr.name in parameters:
            return ParameterUse(expr.name, expr.span)
        return Access(expr.name, (), expr.span) if expr.name in tensors else expr

    def einsum(e: Einsum) -> Einsum:
        return replace(e, left=tuple(rewrite(i, leaf) for i in e.left), right=rewrite(e.right, leaf))

    def section(s: Section) -> Section:
        return replace(s, einsums=tuple(einsum(e) for e in s.einsums))

    def claim(c: Claim) -> Claim:
        return c if c.count is None else replace(c, count=rewrite(c.count, leaf))

    return replace(
        cascade,
        sections=tuple(section(s) for s in cascade.sections),
        claims=tuple(claim(c) for c in cascade.claims),
    )
