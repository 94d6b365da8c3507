r"""Cascade -> LaTeX for reading: an `align*` environment for amsmath."""

from __future__ import annotations

import re
from typing import ClassVar

from fusemax.cascade.ir import (
    Binary,
    Call,
    Cascade,
    Einsum,
    Expr,
    ParameterUse,
    Section,
    Shape,
    Unknown,
    Variable,
)
from fusemax.cascade.print import Form, print_header, print_number
from fusemax.cascade.reductions import all_reductions

_PRIMARY = 8


class LatexForm(Form):
    r"""`\mathit{BK}_{e,m_{1},m_{0}}`, fractions, `e^{x}`, and every reduction as `\bigvee_{m} \max`."""

    symbols: ClassVar = {
        "*": r"\times", "%": r"\bmod", "<=": r"\leq", ">=": r"\geq", "!=": r"\neq", "==": "=", "and": r"\land",
        "or": r"\lor", "not": r"\lnot", "inf": r"\infty", "pi": r"\pi", "max": r"\max", "min": r"\min", "log": r"\log",
        "log2": r"\log_{2}", "tanh": r"\tanh",
    }  # fmt: skip

    _brackets: ClassVar = {"floor": (r"\lfloor", r"\rfloor"), "ceil": (r"\lceil", r"\rceil"), "abs": ("|", "|")}

    def precedence(self, expr: Expr) -> int:
        """Fractions and floors bracket themselves."""
        return _PRIMARY if isinstance(expr, Binary) and expr.operator in ("/", "//") else super().precedence(expr)

    def operand_precedence(self, expr: Binary) -> tuple[int, int]:
        """Nothing inside a fraction needs parentheses."""
        return (0, 0) if expr.operator in ("/", "//") else super().operand_precedence(expr)

    def operation(self, expr: Binary, left: str, right: str, tight: bool) -> str:
        """A division is a fraction, `//` its floor."""
        if expr.operator == "/":
            return rf"\frac{{{left}}}{{{right}}}"
        if expr.operator == "//":
            return rf"\left\lfloor \frac{{{left}}}{{{right}}} \right\rfloor"
        # A command name runs into a following letter, so only signs are written tight.
        return super().operation(expr, left, right, tight and expr.operator in "+-")

    def group(self, text: str) -> str:
        """Parentheses as high as what they hold."""
        return rf"\left({text}\right)"

    def call(self, expr: Call, tight: bool) -> str:
        """Functions with a notation of their own have it."""
        arguments = [self.expr(argument, tight) for argument in expr.arguments]
        if expr.function in ("exp", "exp2"):
            return f"{'e' if expr.function == 'exp' else '2'}^{{{arguments[0]}}}"
        if expr.function == "sqrt":
            return rf"\sqrt{{{arguments[0]}}}"
        if expr.function in self._brackets:
            opening, closing = self._brackets[expr.function]
            return rf"\left{opening} {arguments[0]} \right{closing}"
        name = self.symbols.get(expr.function, rf"\operatorname{{{expr.function}}}")
        return f"{name}{self.group(', '.join(arguments))}"

    def number(self, value: int | float) -> str:
        """A number, its exponent as a power of ten."""
        digits, _, exponent = print_number(value).partition("e")
        return rf"{digits} \times 10^{{{int(exponent)}}}" if exponent else digits

    def name(self, expr: Variable | Shape | ParameterUse | Unknown) -> str:
        """Ranks and variables with their number as a subscript, parameters upright."""
        if isinstance(expr, Shape):
            return subscripted(expr.rank)
        return subscripted(expr.name) if isinstance(expr, Variable) else rf"\mathrm{{{escaped(expr.name)}}}"

    def access(self, tensor: str, indices: list[str]) -> str:
        """A tensor in italics, its indices below it."""
        return rf"\mathit{{{escaped(tensor)}}}" + (f"_{{{','.join(indices)}}}" if indices else "")

    def reductions(self, einsum: Einsum) -> str:
        """All reductions in order, the implicit sum first."""
        return " ".join(
            rf"\bigvee_{{{_list(variables)}}} "
            + (rf"\operatorname{{{operator}}}_{{{_list(kept)}}}" if kept else self.word(operator))
            for operator, variables, kept in all_reductions(einsum)
        )

    def heading(self, section: Section) -> str:
        """An iteration by its stopping condition."""
        if section.variable is None:
            return rf"\text{{{section.kind}:}}"
        end = "< 0" if section.until is None else rf"\geq {subscripted(section.until)}"
        return rf"\diamond : {subscripted(section.variable)} {end}"


LATEX = LatexForm()


def escaped(name: str) -> str:
    """A name in which `_` prints as itself."""
    return name.replace("_", r"\_")


def subscripted(name: str) -> str:
    r"""A rank or rank variable: `m1` as `m_{1}`, longer names in italics.

    >>> subscripted("m1"), subscripted("M"), subscripted("row12")
    ('m_{1}', 'M', '\\mathit{row}_{12}')
    """
    match = re.fullmatch(r"(.*?[A-Za-z_])([0-9]*)", name)
    letters, digits = match.groups() if match else (name, "")
    text = letters if len(letters) == 1 else rf"\mathit{{{escaped(letters)}}}"
    return text + (f"_{{{digits}}}" if digits else "")


def _list(variables: tuple[str, ...]) -> str:
    return ",".join(map(subscripted, variables))


def print_latex(cascade: Cascade) -> str:
    """The cascade as an `align*` environment, one statement per line; the header is in comments."""
    lines = []
    for number, section in enumerate(cascade.sections):
        flat = section.kind == "flat"
        if not flat:
            lines.append(("[1ex]" if number else "", LATEX.heading(section)))
        lines += [("", ("" if flat else r"\quad ") + LATEX.einsum(einsum)) for einsum in section.einsums]
    gaps = [gap for gap, _ in lines[1:]]
    ends = [*(rf" \\{gap}" for gap in gaps), ""]
    body = "\n".join(f"  & {text}{end}" for (_, text), end in zip(lines, ends, strict=True))
    header = "\n".join(f"% {line}".rstrip() for line in print_header(cascade).split("\n"))
    return f"{header}\n\\begin{{align*}}\n{body}\n\\end{{align*}}\n"
