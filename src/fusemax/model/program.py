"""A design's formulas as one straight program: the engine run once on terms, then on any values.

The program is a Python function without branches or loops, one line per operation, equal subexpressions once. It
runs on Python numbers (one design point in microseconds, exact integers) and on NumPy arrays (many points at once).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fusemax.design import arithmetic
from fusemax.design.arithmetic import Number
from fusemax.design.term import Term
from fusemax.model.masks import empty_epochs, floor_sum

__all__ = ["Program", "compile_program"]

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(arithmetic, name) for name in arithmetic.__all__ if callable(getattr(arithmetic, name))},
    "empty_epochs": empty_epochs,
    "floor_sum": floor_sum,
}
_INFIX = {"+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|"}


class Program:
    """``inputs`` are the names of the values it needs, ``outputs`` of those it gives; ``source`` is its text."""

    def __init__(self, source: str, inputs: tuple[str, ...], outputs: tuple[str, ...], constants: list[object]) -> None:
        self.source = source
        self.inputs = inputs
        self.outputs = outputs
        names: dict[str, Any] = dict(_FUNCTIONS) | {f"c{i}": value for i, value in enumerate(constants)}
        exec(compile(source, "<design program>", "exec"), names)  # the text is written below, from terms alone
        self._run: Callable[..., tuple[Number, ...]] = names["run"]

    def __call__(self, values: Mapping[str, Number]) -> dict[str, Number]:
        """The outputs by name. KeyError for a missing input."""
        found = self._run(*(values[name] for name in self.inputs))
        return dict(zip(self.outputs, found, strict=True))


def compile_program(outputs: Mapping[str, Number]) -> Program:
    """The program that computes ``outputs`` (terms or plain numbers)."""
    writer = _Writer()
    for value in outputs.values():
        writer.visit(value)
    return writer.program(outputs)


class _Writer:
    """Terms in an order in which each follows its operands, and their names."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.order: list[Term] = []
        self.inputs: list[str] = []
        self.constants: list[object] = []
        self.tables: dict[tuple[object, ...], str] = {}
        self.lines: list[tuple[str, str, tuple[str, ...]]] = []

    def visit(self, root: Any) -> None:
        """Write a term and what it needs, without recursion: formulas are deeper than Python's stack."""
        stack = [(root, False)]
        while stack:
            term, ready = stack.pop()
            if not isinstance(term, Term) or id(term) in self.names:
                continue
            if ready:
                self._write(term)
            else:
                stack.append((term, True))
                stack.extend((argument, False) for argument in reversed(term.arguments))

    def _write(self, term: Term) -> None:
        if term.operation == "variable":
            name = f"x{len(self.inputs)}"
            self.inputs.append(str(term.arguments[0]))
            self.names[id(term)] = name
            return
        if term.operation == "sram":
            self.names[id(term)] = self._table(term)
            return
        operands = tuple(self._operand(argument) for argument in term.arguments)
        name = f"v{len(self.lines)}"
        self.names[id(term)] = name
        if term.operation in _INFIX:
            text = f"{operands[0]} {term.operation} {operands[1]}"
        elif term.operation == "//":
            text = f"floor_div({', '.join(operands)})"
        elif term.operation == "neg":
            text = f"-{operands[0]}"
        else:
            text = f"{term.operation}({', '.join(operands)})"
        self.lines.append((name, text, operands))

    def _table(self, term: Term) -> str:
        """The five values of a table are looked up together."""
        use, which, *arguments = term.arguments
        operands = tuple(self._operand(argument) for argument in arguments)
        key = (use, *operands)
        if key not in self.tables:
            name = f"t{len(self.lines)}"
            self.lines.append((name, f"{self._operand(use)}({', '.join(operands)})", operands))
            self.tables[key] = name
        name = f"v{len(self.lines)}"
        self.lines.append((name, f"{self.tables[key]}[{which}]", (self.tables[key],)))
        return name

    def _operand(self, value: Any) -> str:
        if isinstance(value, Term):
            return self.names[id(value)]
        if isinstance(value, bool | int) or (
            isinstance(value, float) and value == value and abs(value) != float("inf")
        ):
            return f"({value!r})" if value < 0 else repr(value)
        if value not in self.constants:
            self.constants.append(value)
        return f"c{self.constants.index(value)}"

    def program(self, outputs: Mapping[str, Number]) -> Program:
        """The text: every name is let go after its last use, so that arrays are reused while they are warm."""
        results = [self._operand(value) for value in outputs.values()]
        last = {name: i for i, (_, _, operands) in enumerate(self.lines) for name in operands}
        kept = set(results)
        ends: dict[int, list[str]] = {}
        for i, (name, _, _) in enumerate(self.lines):
            if name not in kept:
                ends.setdefault(last.get(name, i), []).append(name)
        text = [f"def run({', '.join(f'x{i}' for i in range(len(self.inputs)))}):"]
        for i, (name, line, _) in enumerate(self.lines):
            text.append(f"    {name} = {line}")
            if i in ends:
                text.append(f"    del {', '.join(ends[i])}")
        text.append(f"    return ({', '.join(results)},)")
        return Program("\n".join(text), tuple(self.inputs), tuple(outputs), self.constants)
