"""Change the atoms of a normal form: read a reference at another state, an access under another name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fusemax.cascade.ir import Expr
from fusemax.cascade.print import print_expr
from fusemax.derive.algebra import Base, Mono, Poly, exponential_base, poly


def map_atoms(p: Poly, change: Callable[[Expr], Expr]) -> Poly:
    """The sum with the expression of every atom replaced; texts, and so identities, follow."""
    return poly((_mono(mono, change), c) for mono, c in p.terms)


def _mono(mono: Mono, change: Callable[[Expr], Expr]) -> Mono:
    return tuple((_base(base, change), power) for base, power in mono)


def _base(base: Base, change: Callable[[Expr], Expr]) -> Base:
    if base.expr is not None:
        expr = change(base.expr)
        return replace(base, text=print_expr(expr), expr=expr)
    parts = tuple(map_atoms(p, change) for p in base.parts)
    if base.kind in ("exp", "exp2"):
        return exponential_base(base.kind, parts[0])
    if base.kind == "group":
        return replace(base, text=parts[0].text, parts=parts)
    if base.kind == "nested":
        text = f"[{base.name} {', '.join(base.variables)}: {parts[0].text}]"
        return replace(base, text=text, parts=parts)
    if base.kind == "inverse":
        return replace(base, text=f"1/{parts[0].text}", parts=parts)
    return replace(base, text=f"{base.name}({', '.join(q.text for q in parts)})", parts=parts)
