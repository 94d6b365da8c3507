"""Is a merge operator associative? Proved with symbols, on the exact part (no masks, no empty parts)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Constant,
    Einsum,
    Expr,
    Number,
    ParameterUse,
    Shape,
    Unary,
    Variable,
)
from fusemax.derive.normal import reduced_variables

State = dict[str, Any]


def is_associative(operator: Cascade, wholes: Mapping[str, str]) -> bool | None:
    """Are merge(merge(a, b), c) and merge(a, merge(b, c)) the same? None when the symbols do not settle it.

    `wholes`: input that holds a state -> output that holds the merged one.

    Every rank but that of the parts is taken with one coordinate: merging acts on each cell by itself. A maximum is a
    symbol of its own for each set of parts, since corrections hold for any references.
    """
    import sympy

    maker = _Merger(operator, wholes, sympy)
    a, b, c = (maker.part(name) for name in "abc")
    left = maker.merged([maker.merged([a, b]), c])
    right = maker.merged([a, maker.merged([b, c])])
    for name in left:
        difference = sympy.simplify(sympy.expand(sympy.powsimp(sympy.expand(left[name] - right[name]))))
        if difference != 0:
            return None if difference.has(sympy.Piecewise) else False
    return True


class _Merger:
    def __init__(self, operator: Cascade, wholes: Mapping[str, str], sympy: Any) -> None:
        self.operator, self.wholes, self.sympy = operator, wholes, sympy
        parts = {v for d in operator.inputs for v in d.variables}
        self.over = next((v for v in parts if self._is_over(v)), "")
        self.states = [d.tensor for d in operator.inputs if self.over in d.variables]
        self.counter = count()
        self.extremes: dict[tuple[str, frozenset[Any]], Any] = {}

    def _is_over(self, variable: str) -> bool:
        outputs = {v for d in self.operator.outputs for v in d.variables}
        return variable not in outputs and any(s.rank == variable[:1].upper() + variable[1:] and s.value == 2
                                               for s in self.operator.sizes)  # fmt: skip

    def part(self, name: str) -> State:
        """The state of one part, by symbols; each state is named as the operator's output that takes its place."""
        return {t: self.sympy.Symbol(f"{t}_{name}", positive=True) for t in self.states}

    def merged(self, parts: list[State]) -> State:
        """The state of several parts, under the names of the inputs."""
        values: dict[str, Any] = {}
        for einsum in self.operator.einsums:
            values[einsum.tensor] = self._statement(einsum, parts, values)
        return {state: values[self.wholes[state]] for state in self.states}

    def _statement(self, einsum: Einsum, parts: list[State], values: dict[str, Any]) -> Any:
        over = [i for i in einsum.left if i == Variable(self.over)]
        each = [self._value(einsum.right, part, {k: v[n] if isinstance(v, list) else v for k, v in values.items()})
                for n, part in enumerate(parts)]  # fmt: skip
        if over:
            return each
        reduced = self.over in reduced_variables(einsum) or any(self.over in r.variables for r in einsum.reductions)
        if not reduced:
            return each[0]
        operator = einsum.reductions[0].operator if einsum.reductions else "+"
        if operator == "+":
            return self.sympy.Add(*each)
        if operator == "*":
            return self.sympy.Mul(*each)
        members: frozenset[Any] = frozenset()
        for value in each:
            known = next((k[1] for k, v in self.extremes.items() if v == value and k[0] == operator), None)
            members |= known if known is not None else frozenset([value])
        key = operator, members
        if key not in self.extremes:
            self.extremes[key] = self.sympy.Symbol(f"{operator}{next(self.counter)}", real=True)
        return self.extremes[key]

    def _value(self, expr: Expr, part: State, values: dict[str, Any]) -> Any:
        sympy = self.sympy

        def of(e: Expr) -> Any:
            return self._value(e, part, values)

        match expr:
            case Number():
                return sympy.Rational(repr(expr.value)) if isinstance(expr.value, float) else sympy.Integer(expr.value)
            case Constant():
                return sympy.oo if expr.name == "inf" else sympy.pi
            case Access():
                known = {**values, **part}
                return known[expr.tensor] if expr.tensor in known else sympy.Symbol(expr.tensor, real=True)
            case Shape() | Variable() | ParameterUse():
                return sympy.Symbol(getattr(expr, "rank", getattr(expr, "name", "x")), positive=True)
            case Unary():
                return -of(expr.operand)
            case Binary("+"):
                return of(expr.left) + of(expr.right)
            case Binary("-"):
                return of(expr.left) - of(expr.right)
            case Binary("*"):
                return of(expr.left) * of(expr.right)
            case Binary("/"):
                return of(expr.left) / of(expr.right)
            case Call("exp", (a,)):
                return sympy.exp(of(a))
            case Call("exp2", (a,)):
                return sympy.Integer(2) ** of(a)
            case Call("expsub", (a, b)):
                return sympy.exp(of(a) - of(b))
            case Call("div0", (a, b)):
                return of(a) / of(b)
            case Call("where", (_, _, b)):  # a guard: the exact part is the other branch
                return of(b)
            case Call("max", args):
                return sympy.Max(*map(of, args))
            case Call("min", args):
                return sympy.Min(*map(of, args))
            case Call("sqrt", (a,)):
                return sympy.sqrt(of(a))
            case Call("log", (a,)):
                return sympy.log(of(a))
            case _:
                return sympy.Function("f")(*(of(c) for c in getattr(expr, "arguments", ())))
