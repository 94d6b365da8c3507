"""Cascade -> canonical text: `parse(print_cascade(c)) == c`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Claim,
    Constant,
    Declaration,
    Einsum,
    Expr,
    Index,
    Number,
    ParameterUse,
    Section,
    Shape,
    Unary,
    Unknown,
    Variable,
)

_PRECEDENCE = {
    "or": 1, "and": 2, "not": 3, "<=": 4, "<": 4, ">=": 4, ">": 4, "==": 4, "!=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6,
}  # fmt: skip
OPERATORS = frozenset(_PRECEDENCE) - {"not"}
"""The operators of two operands."""
_COMPARISON, _NEGATIVE, _PRIMARY = 4, 7, 8


def precedence(expr: Expr) -> int:
    """How tightly an expression binds, from 1 (`or`) to 8 (names, calls, brackets)."""
    match expr:
        case Binary():
            return _PRECEDENCE[expr.operator]
        case Unary():
            return _PRECEDENCE["not"] if expr.operator == "not" else _NEGATIVE
        case _:
            return _PRIMARY


def operand_precedence(expr: Binary) -> tuple[int, int]:
    """The least precedence of the left and right operand that needs no parentheses."""
    own = precedence(expr)
    return (own + 1 if own == _COMPARISON else own), own + 1


def print_number(value: int | float) -> str:
    """Integers as they are, other numbers in the shortest form that reads back."""
    return str(value) if isinstance(value, int) else repr(value)


class Form:
    """How expressions and statements are written. This one is canonical; subclasses change symbols and shapes."""

    symbols: ClassVar[Mapping[str, str]] = {}
    """Operator, constant or function -> what stands for it, where it is not itself."""

    def word(self, name: str) -> str:
        """An operator, constant or function as written here."""
        return self.symbols.get(name, name)

    def precedence(self, expr: Expr) -> int:
        """How tightly an expression binds as written here."""
        return precedence(expr)

    def operand_precedence(self, expr: Binary) -> tuple[int, int]:
        """The least precedence of the left and right operand that needs no parentheses here."""
        return operand_precedence(expr)

    def expr(self, expr: Expr, tight: bool = False) -> str:
        """Text of an expression with the fewest parentheses; `tight` leaves out spaces, as inside index brackets."""
        match expr:
            case Binary():
                return self._binary(expr, tight)
            case Unary(operator="not"):
                return f"{self.word('not')} {self._inner(expr.operand, _PRECEDENCE['not'], tight)}"
            case Unary():
                return f"{self.word('-')}{self._inner(expr.operand, _NEGATIVE, tight)}"
            case Call():
                return self.call(expr, tight)
            case Access():
                return self.access(expr.tensor, [self.index(index) for index in expr.indices])
            case Number():
                return self.number(expr.value)
            case Constant():
                return self.word(expr.name)
            case Variable() | Shape() | ParameterUse() | Unknown():
                return self.name(expr)

    def _inner(self, expr: Expr, least: int, tight: bool) -> str:
        text = self.expr(expr, tight)
        return text if self.precedence(expr) >= least else self.group(text)

    def group(self, text: str) -> str:
        """Parentheses around something."""
        return f"({text})"

    def _binary(self, expr: Binary, tight: bool) -> str:
        # A long sum leans left and may be hundreds of operations deep: that side is walked without recursion.
        spine = [expr]
        while isinstance(spine[-1].left, Binary):
            spine.append(spine[-1].left)
        text = self.expr(spine[-1].left, tight)
        for node in reversed(spine):
            left, right = self.operand_precedence(node)
            text = text if self.precedence(node.left) >= left else self.group(text)
            text = self.operation(node, text, self._inner(node.right, right, tight), tight)
        return text

    def operation(self, expr: Binary, left: str, right: str, tight: bool) -> str:
        """An operation on two written operands."""
        space = "" if tight and _PRECEDENCE[expr.operator] > _COMPARISON else " "
        return f"{left}{space}{self.word(expr.operator)}{space}{right}"

    def call(self, expr: Call, tight: bool) -> str:
        """A function call."""
        return f"{self.word(expr.function)}({', '.join(self.expr(a, tight) for a in expr.arguments)})"

    def number(self, value: int | float) -> str:
        """A literal."""
        return print_number(value)

    def name(self, expr: Variable | Shape | ParameterUse | Unknown) -> str:
        """A rank variable, a rank's size, a parameter."""
        return expr.rank if isinstance(expr, Shape) else expr.name

    def access(self, tensor: str, indices: list[str]) -> str:
        """A tensor with its written indices."""
        return tensor + (f"[{', '.join(indices)}]" if indices else "")

    def index(self, index: Index) -> str:
        """One index of an access on the right, its filter spaced normally."""
        text = self.arithmetic(index.value)
        return text if index.filter is None else f"{text} : {self.expr(index.filter)}"

    def arithmetic(self, expr: Expr) -> str:
        """An expression where the grammar takes arithmetic only: tight, anything else in parentheses."""
        return self._inner(expr, _COMPARISON + 1, tight=True)

    def reductions(self, einsum: Einsum) -> str:
        """What follows `::`; empty for nothing."""
        return " ".join(f"{r.operator}({', '.join(r.variables)})" for r in einsum.reductions)

    def left(self, einsum: Einsum) -> str:
        """The left side of a statement."""
        return self.access(einsum.tensor, [self.arithmetic(index) for index in einsum.left])

    def einsum(self, einsum: Einsum) -> str:
        """One statement on one line."""
        reductions = self.reductions(einsum)
        return f"{self.left(einsum)} = {self.expr(einsum.right)}" + (f" :: {reductions}" if reductions else "")

    def heading(self, section: Section) -> str:
        """The line over a section."""
        return heading(section)

    def body(self, cascade: Cascade) -> str:
        """The statements, in sections when there are any."""
        if all(section.kind == "flat" for section in cascade.sections):
            return "\n".join(map(self.einsum, cascade.einsums))
        return "\n\n".join(
            "\n".join([self.heading(section), *(f"  {self.einsum(einsum)}" for einsum in section.einsums)])
            for section in cascade.sections
        )


CANONICAL = Form()


def print_expr(expr: Expr, *, tight: bool = False) -> str:
    """Text of an expression with the fewest parentheses; `tight` leaves out spaces, as inside index brackets."""
    return CANONICAL.expr(expr, tight)


def print_einsum(einsum: Einsum) -> str:
    """One statement on one line."""
    return CANONICAL.einsum(einsum)


def print_declaration(declaration: Declaration) -> str:
    """`Q[e, p]`, or the bare name of a scalar."""
    return declaration.tensor + (f"[{', '.join(declaration.variables)}]" if declaration.variables else "")


def print_claim(claim: Claim) -> str:
    """One entry of `expect`."""
    if claim.count is None:
        return f"conflict {claim.rank}"
    return f"{'sweeps ' if claim.kind == 'sweeps' else ''}{claim.rank} = {CANONICAL.arithmetic(claim.count)}"


def heading(section: Section) -> str:
    """`init:`, `iterate m1 until M1:`, `iterate i downto 0:` or `then:`."""
    if section.kind != "iterate":
        return f"{section.kind}:"
    end = "downto 0" if section.until is None else f"until {section.until}"
    return f"iterate {section.variable} {end}:"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def print_header(cascade: Cascade) -> str:
    """The fields before the body."""

    def line(keyword: str, items: Iterable[str]) -> list[str]:
        text = ", ".join(items)
        return [f"{keyword:<9} {text}"] if text else []

    texts = [("title", cascade.title), ("source", cascade.source), ("note", cascade.note)]
    first = [f"{'cascade':<9} {cascade.name}"]
    first += [f"{keyword:<9} {_quoted(text)}" for keyword, text in texts if text is not None]
    rest = [
        *line("input", map(print_declaration, cascade.inputs)),
        *line("output", map(print_declaration, cascade.outputs)),
        *line("partition", (f"{p.rank} = {' * '.join(p.factors)}" for p in cascade.partitions)),
        *line("alias", (f"{a.name} = {a.target}" for a in cascade.aliases)),
        *line("equal", (f"{e.left} = {e.right}" for e in cascade.equalities)),
        *line("parameter", (f"{p.name} = {print_number(p.value)}" for p in cascade.parameters)),
        *line("sizes", (f"{s.rank} = {s.value}" for s in cascade.sizes)),
        *line("expect", map(print_claim, cascade.claims)),
    ]
    return "\n".join(first) + ("\n\n" + "\n".join(rest) if rest else "")


def print_body(cascade: Cascade) -> str:
    """The statements, in sections when there are any."""
    return CANONICAL.body(cascade)


def print_cascade(cascade: Cascade) -> str:
    """The canonical text of a cascade, its last line ended."""
    return f"{print_header(cascade)}\n\n{print_body(cascade)}\n"
