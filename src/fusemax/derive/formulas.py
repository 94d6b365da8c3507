"""Counts that grow with a rank, compared at one size of all ranks."""

from __future__ import annotations

from functools import cache

from fusemax.cascade.ir import Expr
from fusemax.cascade.parse import parse
from fusemax.derive.points import doubles, evaluate


@cache
def formula_at(text: str, size: int) -> int:
    """The value of a formula like `(I+1)//2` with every rank of one size; 10^6 for `unknown`."""
    import re

    names = sorted(set(re.findall(r"[A-Z][A-Za-z0-9_]*", text)))
    if not names or text == "unknown":
        return 10**6
    header = f"cascade c\ninput X[{', '.join(n[0].lower() + n[1:] for n in names)}]\noutput Y\nY = {text}\n"
    expr = parse(header).einsums[0].right

    def read(_: Expr) -> float:
        return float(size)

    return int(evaluate(expr, read, doubles()))


