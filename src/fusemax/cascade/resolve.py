"""Give every capitalised name of a freshly read cascade its meaning: a rank's size, a parameter or a tensor."""

from __future__ import annotations

from collections.abc import Callable, Container
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
    Shape,
    Unary,
    Unknown,
    Variable,
    walk,
)
from fusemax.cascade.ranks import declared_ranks, rank_of


def rewrite(expr: Expr, leaf: Callable[[Expr], Expr]) -> Expr:
    """The same expression with `leaf` applied to every node, innermost first; unchanged parts are shared."""
    match expr:
        case Access(indices=indices):
            changed = tuple(_rewrite_index(index, leaf) for index in indices)
            same = all(new is old for new, old in zip(changed, indices, strict=True))
            return leaf(expr if same else Access(expr.tensor, changed, expr.span))
        case Unary():
            operand = rewrite(expr.operand, leaf)
            return leaf(expr if operand is expr.operand else Unary(expr.operator, operand, expr.span))
        case Binary():
            return _rewrite_binary(expr, leaf)
        case Call(arguments=arguments):
            parts = tuple(rewrite(argument, leaf) for argument in arguments)
            same = all(new is old for new, old in zip(parts, arguments, strict=True))
            return leaf(expr if same else Call(expr.function, parts, expr.span, expr.merge))
        case _:
            return leaf(expr)


def _rewrite_binary(expr: Binary, leaf: Callable[[Expr], Expr]) -> Expr:
    # A long sum leans left and may be hundreds of operations deep: that side is walked without recursion.
    spine = [expr]
    while isinstance(spine[-1].left, Binary):
        spine.append(spine[-1].left)
    left = rewrite(spine[-1].left, leaf)
    for node in reversed(spine):
        right = rewrite(node.right, leaf)
        same = left is node.left and right is node.right
        left = leaf(node if same else Binary(node.operator, left, right, node.span))
    return left


def _rewrite_index(index: Index, leaf: Callable[[Expr], Expr]) -> Index:
    value = rewrite(index.value, leaf)
    condition = None if index.filter is None else rewrite(index.filter, leaf)
    return index if value is index.value and condition is index.filter else Index(value, condition)


def _meaning(ranks: Container[str], parameters: Container[str], tensors: Container[str]) -> Callable[[Expr], Expr]:
    def leaf(expr: Expr) -> Expr:
        if not isinstance(expr, Unknown):
            return expr
        if expr.name in ranks:
            return Shape(expr.name, expr.span)
        if expr.name in parameters:
            return ParameterUse(expr.name, expr.span)
        return Access(expr.name, (), expr.span) if expr.name in tensors else expr

    return leaf


def _resolve_einsum(einsum: Einsum, leaf: Callable[[Expr], Expr]) -> Einsum:
    left, right = tuple(rewrite(index, leaf) for index in einsum.left), rewrite(einsum.right, leaf)
    return Einsum(einsum.tensor, left, right, einsum.reductions, einsum.span)


def resolve(cascade: Cascade) -> Cascade:
    """Replace each `Unknown` that is known after all; what stays `Unknown` is an error the rules report."""
    tensors = {d.tensor for d in (*cascade.inputs, *cascade.outputs)} | {e.tensor for e in cascade.einsums}
    leaf = _meaning(declared_ranks(cascade), {p.name for p in cascade.parameters}, tensors)

    def claim(c: Claim) -> Claim:
        return c if c.count is None else replace(c, count=rewrite(c.count, leaf))

    return replace(
        cascade,
        sections=tuple(
            replace(s, einsums=tuple(_resolve_einsum(e, leaf) for e in s.einsums)) for s in cascade.sections
        ),
        claims=tuple(claim(c) for c in cascade.claims),
    )


def resolve_einsum(einsum: Einsum) -> Einsum:
    """A statement on its own: capitals are sizes of the ranks it walks, else 0-rank tensors."""
    nodes = [node for expr in (*einsum.left, einsum.right) for node in walk(expr)]
    ranks = {rank_of(node.name) for node in nodes if isinstance(node, Variable)}
    scalars = {node.name for node in nodes if isinstance(node, Unknown)}
    return _resolve_einsum(einsum, _meaning(ranks, (), scalars))
