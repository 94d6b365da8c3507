"""Cascade -> canonical text: `parse(print_cascade(c)) == c`."""

from __future__ import annotations

from collections.abc import Iterable

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


def print_expr(expr: Expr, *, tight: bool = False) -> str:
    """Text of an expression with the fewest parentheses; `tight` leaves out spaces, as inside index brackets."""

    def inner(child: Expr, least: int) -> str:
        text = print_expr(child, tight=tight)
        return text if precedence(child) >= least else f"({text})"

    match expr:
        case Number():
            return print_number(expr.value)
        case Constant() | Variable() | ParameterUse() | Unknown():
            return expr.name
        case Shape():
            return expr.rank
        case Access():
            return expr.tensor + (f"[{', '.join(map(print_index, expr.indices))}]" if expr.indices else "")
        case Call():
            # A comma has no tight form and arguments are whole expressions, whatever stands around them.
            return f"{expr.function}({', '.join(print_expr(a, tight=tight) for a in expr.arguments)})"
        case Unary(operator="not"):
            return f"not {inner(expr.operand, _PRECEDENCE['not'])}"
        case Unary():
            return f"-{inner(expr.operand, _NEGATIVE)}"
        case Binary():
            left, right = operand_precedence(expr)
            space = "" if tight and _PRECEDENCE[expr.operator] > _COMPARISON else " "
            return f"{inner(expr.left, left)}{space}{expr.operator}{space}{inner(expr.right, right)}"


def print_index(index: Index) -> str:
    """One index of an access on the right, its filter spaced normally."""
    text = print_expr(index.value, tight=True)
    return text if index.filter is None else f"{text} : {print_expr(index.filter)}"


def print_einsum(einsum: Einsum) -> str:
    """One statement on one line."""
    left = einsum.tensor
    if einsum.left:
        left += f"[{', '.join(print_expr(index, tight=True) for index in einsum.left)}]"
    text = f"{left} = {print_expr(einsum.right)}"
    if einsum.reductions:
        text += " :: " + " ".join(f"{r.operator}({', '.join(r.variables)})" for r in einsum.reductions)
    return text


def print_declaration(declaration: Declaration) -> str:
    """`Q[e, p]`, or the bare name of a scalar."""
    return declaration.tensor + (f"[{', '.join(declaration.variables)}]" if declaration.variables else "")


def print_claim(claim: Claim) -> str:
    """One entry of `expect`."""
    if claim.count is None:
        return f"conflict {claim.rank}"
    return f"{'sweeps ' if claim.kind == 'sweeps' else ''}{claim.rank} = {print_expr(claim.count, tight=True)}"


def heading(section: Section) -> str:
    """`init:`, `iterate m1 until M1:`, `iterate i downto 0:` or `then:`."""
    if section.kind != "iterate":
        return f"{section.kind}:"
    end = "downto 0" if section.until is None else f"until {section.until}"
    return f"iterate {section.variable} {end}:"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _header(cascade: Cascade) -> str:
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
    if all(section.kind == "flat" for section in cascade.sections):
        return "\n".join(map(print_einsum, cascade.einsums))
    return "\n\n".join(
        "\n".join([heading(section), *(f"  {print_einsum(einsum)}" for einsum in section.einsums)])
        for section in cascade.sections
    )


def print_cascade(cascade: Cascade) -> str:
    """The canonical text of a cascade, its last line ended."""
    return f"{_header(cascade)}\n\n{print_body(cascade)}\n"
