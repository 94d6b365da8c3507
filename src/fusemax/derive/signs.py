"""Which signs a value can have: the facts that let a factor be cancelled, a logarithm split, a maximum scaled.

A sign is a set of `-`, `0`, `+` held in three bits. Facts are about exact arithmetic: `exp(x)` is positive although
it may underflow.
"""

from __future__ import annotations

from functools import reduce

from fusemax.cascade.ir import Access, Binary, Call, Constant, Einsum, Expr, Number, Shape, Unary, Variable, walk
from fusemax.cascade.print import print_expr

MINUS, ZERO, PLUS = 1, 2, 4
ANY = MINUS | ZERO | PLUS
NOT_NEGATIVE = ZERO | PLUS


def of_number(value: float) -> int:
    """The sign of one number (NaN can be anything)."""
    return PLUS if value > 0 else MINUS if value < 0 else ZERO if value == 0 else ANY


def negated(sign: int) -> int:
    """The signs of -x."""
    return (sign & ZERO) | (PLUS if sign & MINUS else 0) | (MINUS if sign & PLUS else 0)


def product(first: int, second: int) -> int:
    """The signs of x * y."""
    found = 0
    for a in (MINUS, ZERO, PLUS):
        for b in (MINUS, ZERO, PLUS):
            if first & a and second & b:
                found |= ZERO if ZERO in (a, b) else PLUS if a == b else MINUS
    return found


def total(first: int, second: int) -> int:
    """The signs of x + y."""
    found = 0
    for a in (MINUS, ZERO, PLUS):
        for b in (MINUS, ZERO, PLUS):
            if first & a and second & b:
                found |= b if a == ZERO else a if b in (ZERO, a) else ANY
    return found


def is_positive(sign: int) -> bool:
    """Never zero, never negative."""
    return sign == PLUS


def is_not_negative(sign: int) -> bool:
    """Zero or positive."""
    return sign & MINUS == 0


def is_not_zero(sign: int) -> bool:
    """Never zero."""
    return sign & ZERO == 0


def largest(first: int, second: int) -> int:
    """The signs of max(x, y)."""
    if PLUS in (first, second):
        return PLUS
    joined = first | second
    return joined & ~MINUS if is_not_negative(first) or is_not_negative(second) else joined


def smallest(first: int, second: int) -> int:
    """The signs of min(x, y)."""
    return negated(largest(negated(first), negated(second)))


class Signs:
    """Signs of the tensors of a cascade, found once by going through the statements until nothing changes."""

    def __init__(self, einsums: tuple[Einsum, ...]) -> None:
        self.tensors: dict[str, int] = {}
        written = {einsum.tensor for einsum in einsums}
        self._written = written
        for _ in range(4):  # a lattice of height 3
            before = dict(self.tensors)
            for einsum in einsums:
                found = self.of_statement(einsum)
                self.tensors[einsum.tensor] = self.tensors.get(einsum.tensor, 0) | found
            if self.tensors == before:
                break

    def of_statement(self, einsum: Einsum) -> int:
        """The signs of what a statement writes."""
        sign = self.of(einsum.right)
        operators = [r.operator for r in einsum.reductions]
        reads = [n for n in walk(einsum.right) if isinstance(n, Access)]
        empty = any(i.filter is not None for access in reads for i in access.indices)
        if not operators or "+" in operators:
            sign = total(sign, sign)
        if "*" in operators:
            sign = sign | product(sign, sign) if sign & MINUS else sign
        if "argtopk" in operators:
            sign = NOT_NEGATIVE
        if empty:
            sign |= {"+": ZERO, "*": PLUS, "max": MINUS, "min": PLUS}.get(operators[0] if operators else "+", ANY)
        return sign

    def of(self, expr: Expr) -> int:
        """The signs an expression can have."""
        match expr:
            case Number():
                return of_number(expr.value)
            case Constant() | Shape():
                return PLUS
            case Variable():
                return NOT_NEGATIVE
            case Access():
                return self.tensors.get(expr.tensor, 0) if expr.tensor in self._written else ANY
            case Unary(operator="-"):
                return negated(self.of(expr.operand))
            case Unary():
                return NOT_NEGATIVE
            case Binary():
                return self._of_binary(expr)
            case Call():
                return self._of_call(expr)
            case _:
                return ANY

    def _of_binary(self, expr: Binary) -> int:
        left, right = self.of(expr.left), self.of(expr.right)
        match expr.operator:
            case "*":
                found = product(left, right)
                return found & ~MINUS if print_expr(expr.left) == print_expr(expr.right) else found
            case "/":
                return product(left, right | (PLUS if right == ZERO else 0))
            case "+":
                return total(left, right)
            case "-":
                return total(left, negated(right))
            case "//":
                return product(left, right) | ZERO
            case "%":
                return right | ZERO
            case _:
                return NOT_NEGATIVE

    def _of_call(self, expr: Call) -> int:
        signs = [self.of(argument) for argument in expr.arguments]
        match expr.function:
            case "exp" | "exp2" | "sigmoid":
                return PLUS
            case "expsub":
                return NOT_NEGATIVE
            case "sqrt" | "abs" | "relu":
                return PLUS if signs[0] == PLUS or (expr.function == "abs" and not signs[0] & ZERO) else NOT_NEGATIVE
            case "tanh":
                return signs[0]
            case "floor" | "round":
                return signs[0] | ZERO | (MINUS if expr.function == "floor" and signs[0] & MINUS else 0)
            case "ceil":
                return signs[0] | ZERO if signs[0] != PLUS else PLUS
            case "max":
                return reduce(largest, signs)
            case "min":
                return reduce(smallest, signs)
            case "where":
                return signs[1] | signs[2]
            case "div0":
                return product(signs[0], signs[1]) | (ZERO if signs[1] & ZERO else 0)
            case _:
                return ANY
