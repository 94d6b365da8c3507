"""Expression -> normal form: reads of tensors get a side, and definitions are put in where a law needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Constant,
    Einsum,
    Expr,
    Index,
    Number,
    ParameterUse,
    Shape,
    Unary,
    Variable,
    walk,
)
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive import signs
from fusemax.derive.algebra import (
    MIXED,
    ONE,
    ZERO,
    Base,
    Mono,
    Poly,
    add,
    exponential_base,
    inverse,
    number,
    of_base,
    opaque,
    poly,
    scale,
    subtract,
    times,
    times_flat,
)
from fusemax.derive.functions import call, comparison, indicator

COMPARISONS = ("<=", "<", ">=", ">", "==", "!=")


def free_variables(expr: Expr) -> frozenset[str]:
    """The rank variables an expression uses, those inside indices and filters too."""
    return frozenset(node.name for node in walk(expr) if isinstance(node, Variable))


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """The expression with rank variables replaced."""
    if not values:
        return expr
    return rewrite(expr, lambda node: values.get(node.name, node) if isinstance(node, Variable) else node)


def simple_access(tensor: str, *indices: Expr) -> Access:
    """A read of a tensor at plain index expressions."""
    return Access(tensor, tuple(Index(index) for index in indices))


class Normal:
    """Turns expressions into Polys.

    `side` says what an expression's leaf needs; `define` gives the statement to put in for a read, or None to keep
    the read as an atom.
    """

    def __init__(
        self,
        side: Callable[[Expr], int],
        define: Callable[[Access], Einsum | None],
        sign: Callable[[Expr], int],
    ) -> None:
        self._side = side
        self._define = define
        self._sign = sign
        self._known: dict[str, Poly] = {}

    def __call__(self, expr: Expr) -> Poly:
        """The normal form. Raises TooLarge when an expansion explodes."""
        key = print_expr(expr)
        if key not in self._known:
            self._known[key] = self._of(expr)
        return self._known[key]

    def atom(self, expr: Expr) -> Poly:
        """A leaf as a base of its own."""
        return of_base(Base(print_expr(expr), "atom", self._side(expr), self._sign(expr), expr=expr))

    def _of(self, expr: Expr) -> Poly:
        match expr:
            case Number():
                return number(expr.value)
            case Constant() | Variable() | Shape() | ParameterUse():
                return self.atom(expr)
            case Access():
                definition = self._define(expr)
                return self.atom(expr) if definition is None else self.inlined(expr, definition)
            case Unary(operator="-"):
                return scale(self(expr.operand), -1)
            case Unary():
                return self._opposite(expr)
            case Binary():
                return self._of_binary(expr)
            case Call():
                return call(expr.function, tuple(self(argument) for argument in expr.arguments))
            case _:
                return self.atom(expr)

    def _opposite(self, expr: Unary) -> Poly:
        return of_base(opaque("not", (indicator(self(expr.operand)),), signs.NOT_NEGATIVE))

    def _of_binary(self, expr: Binary) -> Poly:
        left, right = self(expr.left), self(expr.right)
        match expr.operator:
            case "+":
                return add(left, right)
            case "-":
                return subtract(left, right)
            case "*":
                return times(left, right)
            case "/":
                return times(left, inverse(right))
            case "//" | "%":
                return of_base(opaque(expr.operator, (left, right)))
            case "and":
                return times_flat(indicator(left), indicator(right))
            case "or":
                return of_base(opaque("or", (indicator(left), indicator(right)), signs.NOT_NEGATIVE))
            case _:
                return comparison(expr.operator, left, right)

    def inlined(self, access: Access, definition: Einsum) -> Poly:
        """The normal form of what `access` reads, its statement put in."""
        values = {
            v.name: i.value for v, i in zip(definition.left, access.indices, strict=True) if isinstance(v, Variable)
        }
        body = self(substitute(definition.right, values))
        reduced = reduced_variables(definition)
        for operator, variables in reductions_of(definition, reduced):
            body = nested(operator, variables, body)
        return body


def loose(p: Poly) -> Poly:
    """The sum with every denominator as a negative power, so that it cancels: where it is taken not to be 0."""
    found = ZERO
    for mono, coefficient in p.terms:
        term = Poly((((), coefficient),))
        for base, power in mono:
            if base.kind == "inverse":
                term = times_flat(term, of_base(base.parts[0].terms[0][0][0][0], -power))
            else:
                term = times_flat(term, of_base(base, power))
        found = add(found, term)
    return found


def opened(p: Poly) -> Poly:
    """Nested sums opened as long as there are any; the caller reduces over their ranks as well."""
    while True:
        found, variables = lifted(p, (0, 1, 2, MIXED))
        if not variables:
            return found
        p = found


def inverse_of(p: Poly) -> Poly:
    """1 / p for a product whose factors are taken not to be 0."""
    mono, coefficient = p.terms[0]
    found = number(1 / coefficient)
    for base, power in mono:
        if base.kind in ("exp", "exp2"):
            found = times_flat(found, of_base(exponential_base(base.kind, scale(base.parts[0], -1))))
        elif base.kind == "inverse":
            found = times_flat(found, base.parts[0])
        else:
            found = times_flat(found, of_base(base, -power))
    return found


def reduced_variables(einsum: Einsum) -> tuple[str, ...]:
    """The variables on the right and not on the left, in the order they are first used."""
    left = {node.name for index in einsum.left for node in walk(index) if isinstance(node, Variable)}
    kept = {r.variables[1] for r in einsum.reductions if r.operator in ("topk", "argtopk")}
    seen = [node.name for node in walk(einsum.right) if isinstance(node, Variable)]
    return tuple(dict.fromkeys(v for v in seen if v not in left and v not in kept))


def reductions_of(einsum: Einsum, reduced: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """All reductions of a statement in the order they apply, the unwritten sum first."""
    named = {v for r in einsum.reductions for v in r.variables}
    rest = tuple(v for v in reduced if v not in named)
    first = [("+", rest)] if rest else []
    return first + [(r.operator, r.variables) for r in einsum.reductions]


def nested(operator: str, variables: tuple[str, ...], body: Poly) -> Poly:
    """A reduction over some ranks: sums are split term by term, and what lacks the ranks moves out."""
    if operator != "+":
        inner = body.terms[0][0][0][0] if len(body.terms) == 1 and len(body.terms[0][0]) == 1 else None
        if inner is not None and inner.kind == "nested" and inner.name == operator and body.terms[0][1] == 1:
            return of_base(_nested_base(operator, (*variables, *inner.variables), inner.parts[0]))
        return of_base(_nested_base(operator, variables, body))
    found: list[Poly] = []
    for mono, coefficient in body.terms:
        inside = tuple(p for p in mono if base_variables(p[0]) & set(variables))
        outside = tuple(p for p in mono if not base_variables(p[0]) & set(variables))
        term = Poly(((outside, coefficient),))
        used = frozenset().union(*(base_variables(b) for b, _ in inside)) & set(variables)
        for variable in variables:
            if variable not in used:  # summing a constant: times the size
                term = times_flat(term, _size_of(variable))
        if used:
            kept = tuple(v for v in variables if v in used)
            term = times_flat(term, of_base(_nested_base("+", kept, Poly(((inside, number(1).terms[0][1]),)))))
        found.append(term)
    return add(*found) if found else ZERO


def _size_of(variable: str) -> Poly:
    rank = variable[:1].upper() + variable[1:]
    return of_base(Base(rank, "atom", 0, signs.PLUS, expr=Shape(rank)))


def _nested_base(operator: str, variables: tuple[str, ...], body: Poly) -> Base:
    names = ", ".join(sorted(variables))
    sign = body.sign if operator in ("max", "min") else signs.total(body.sign, body.sign)
    text = f"[{operator} {names}: {body.text}]"
    return Base(text, "nested", body.side, sign, operator, parts=(body,), variables=tuple(sorted(variables)))


def base_variables(base: Base) -> frozenset[str]:
    """The rank variables a base depends on."""
    if base.expr is not None:
        return free_variables(base.expr)
    inner: frozenset[str] = frozenset()
    for part in base.parts:
        inner |= poly_variables(part)
    return inner - set(base.variables)


def mono_variables(mono: Mono) -> frozenset[str]:
    """The rank variables of a product."""
    return reduce(lambda seen, power: seen | base_variables(power[0]), mono, frozenset[str]())


def poly_variables(p: Poly) -> frozenset[str]:
    """The rank variables of a sum."""
    return reduce(lambda seen, term: seen | mono_variables(term[0]), p.terms, frozenset[str]())


def lifted(p: Poly, sides: tuple[int, ...] = (MIXED,)) -> tuple[Poly, tuple[str, ...]]:
    """The sum with top-level nested sums of some sides opened, and the variables now to be reduced as well.

    Terms that had a nested sum cannot be mixed with terms that had none; the caller reduces each term over the
    variables it has. Raises ValueError when two sums over one rank multiply.
    """
    variables: list[str] = []
    terms: list[Poly] = []
    for mono, coefficient in p.terms:
        term = Poly((((), coefficient),))
        used: set[str] = set()
        for base, power in mono:
            if base.kind == "nested" and base.name == "+" and base.side in sides and power == 1:
                if used & set(base.variables):
                    raise ValueError("two sums over one rank multiply")
                used |= set(base.variables)
                term = times(term, base.parts[0])
            else:
                term = times(term, of_base(base, power))
        variables += [v for v in sorted(used) if v not in variables]
        terms.append(term)
    return (add(*terms) if terms else ZERO), tuple(variables)


__all__ = ["ONE", "Normal", "free_variables", "nested", "poly", "replace", "simple_access", "substitute"]
