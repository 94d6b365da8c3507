"""Cascade -> Unicode text for reading, close to the printed notation; no reader takes it back."""

from __future__ import annotations

from typing import ClassVar

from fusemax.cascade.ir import Call, Cascade, Einsum, Section
from fusemax.cascade.print import Form, print_header
from fusemax.cascade.reductions import all_reductions


class UnicodeForm(Form):
    """`×`, `≤`, `∞`, `e^(x)`, and every reduction as `⋁m max`."""

    symbols: ClassVar = {
        "*": "×", "/": "÷", "-": "−", "<=": "≤", ">=": "≥", "!=": "≠", "and": "∧", "or": "∨", "not": "¬", "inf": "∞",
        "pi": "π",
    }  # fmt: skip

    def call(self, expr: Call, tight: bool) -> str:
        """`e^(x)` for `exp(x)`."""
        return f"e^{super().call(expr, tight)[3:]}" if expr.function == "exp" else super().call(expr, tight)

    def reductions(self, einsum: Einsum) -> str:
        """All reductions in order, the implicit sum first."""
        return " ".join(
            f"⋁{','.join(variables)} {self.word(operator)}" + (f" {','.join(kept)}" if kept else "")
            for operator, variables, kept in all_reductions(einsum)
        )

    def heading(self, section: Section) -> str:
        """An iteration by its stopping condition."""
        if section.kind != "iterate":
            return super().heading(section)
        end = f"≥ {section.until}" if section.until is not None else "< 0"
        return f"⋄ {section.variable} {end}:"


UNICODE = UnicodeForm()


def print_unicode(cascade: Cascade) -> str:
    """The cascade in Unicode notation; its header as in the canonical text."""
    return f"{print_header(cascade)}\n\n{UNICODE.body(cascade)}\n"
