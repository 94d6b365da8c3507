"""The frozen data a cascade text becomes: one class per form of the grammar, spans beside it.

A span tells where a node stood in its text. Spans never take part in comparison, so two cascades are equal
when they say the same thing, wherever it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: line and column start at 1, columns and length count characters."""

    line: int
    column: int
    length: int = 1


NOWHERE = Span(0, 0, 0)


# ---------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; an `int` when it was written with digits only, else a `float`."""

    value: int | float
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """`inf` or `pi`."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """A rank variable; its value is the coordinate as a number."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Shape:
    """A rank's name used as a value: the rank's size."""

    rank: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ParameterUse:
    """A parameter's name used as a value."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A capitalised name that is no rank, 0-rank tensor or parameter; only illegal cascades hold one."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """One position of an access on the right: an expression, and perhaps a filter."""

    value: Expr
    filter: Expr | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """A tensor read; `indices` is empty for a 0-rank tensor. The span is that of the tensor's name."""

    tensor: str
    indices: tuple[Index, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-` or `not`."""

    operator: str
    operand: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`+ - * / // %`, a comparison, `and` or `or`."""

    operator: str
    left: Expr
    right: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of section 'Expressions' of the language, or a registered one, with its arguments.

    `merge` is the merge operator of a registered function; that of the language's own follows from the name.
    """

    function: str
    arguments: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    merge: str | None = None


Expr = Number | Constant | Variable | Shape | ParameterUse | Unknown | Access | Unary | Binary | Call


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct subexpressions, in text order; an access gives its index expressions and filters."""
    match expr:
        case Access():
            return tuple([part for index in expr.indices for part in (index.value, index.filter) if part is not None])
        case Unary():
            return (expr.operand,)
        case Binary():
            return (expr.left, expr.right)
        case Call():
            return expr.arguments
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node of an expression in text order, the expression itself first (gathers and filters included)."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if type(node) is not Variable:  # most are
            stack += children(node)[::-1]


def start(expr: Expr) -> Span:
    """Where an expression begins: the span of its leftmost token (parentheses aside)."""
    while isinstance(expr, Binary):
        expr = expr.left
    return expr.span


# ------------------------------------------------------------------------------------------------ statements


@dataclass(frozen=True, slots=True)
class Reduction:
    """`op(v, ...)` after `::`; for `topk` and `argtopk` the variables are (reduced, kept)."""

    operator: str
    variables: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    variable_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Einsum:
    """One statement `T[left] = right :: reductions`. A scalar has no left indices."""

    tensor: str
    left: tuple[Expr, ...]
    right: Expr
    reductions: tuple[Reduction, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Section:
    """A run of statements. `kind` is `flat`, `init`, `iterate` or `then`.

    For `iterate`, `variable` walks 0, 1, ... until `until` (a rank), or, when `until` is None, downto 0.
    """

    kind: str
    einsums: tuple[Einsum, ...]
    variable: str | None = None
    until: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    variable_span: Span = field(default=NOWHERE, compare=False, repr=False)
    until_span: Span = field(default=NOWHERE, compare=False, repr=False)


# ---------------------------------------------------------------------------------------------------- header


@dataclass(frozen=True, slots=True)
class Declaration:
    """An input or output with its rank variables, e.g. `Q[e, p]`."""

    tensor: str
    variables: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    variable_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Partition:
    """`M = M1 * M0`: `factors` from the outermost in."""

    rank: str
    factors: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    factor_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Alias:
    """`I = K`: rank `name` is another name of `target`."""

    name: str
    target: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    target_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Equality:
    """`equal P = M`: two distinct ranks of one size."""

    left: str
    right: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    right_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named constant with its default."""

    name: str
    value: int | float
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Size:
    """A default size of a rank."""

    rank: str
    value: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    value_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """One entry of `expect`: `kind` is `passes`, `sweeps` or `conflict` (then `count` is None)."""

    kind: str
    rank: str
    count: Expr | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    rank_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """The text a cascade was read from, kept for error messages."""

    file: str
    text: str

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its end; empty past the last."""
        start = 0
        for _ in range(number - 1):
            start = self.text.find("\n", start) + 1
            if start == 0:
                return ""
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r") if number > 0 else ""


@dataclass(frozen=True, slots=True)
class Cascade:
    """A whole cascade. `origin` is the text it came from, or None when it was made by a transform."""

    name: str
    inputs: tuple[Declaration, ...]
    outputs: tuple[Declaration, ...]
    sections: tuple[Section, ...]
    title: str | None = None
    source: str | None = None
    note: str | None = None
    partitions: tuple[Partition, ...] = ()
    aliases: tuple[Alias, ...] = ()
    equalities: tuple[Equality, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    sizes: tuple[Size, ...] = ()
    claims: tuple[Claim, ...] = ()
    origin: Source | None = field(default=None, compare=False, repr=False)
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def einsums(self) -> tuple[Einsum, ...]:
        """All statements in text order, whatever their section."""
        if len(self.sections) == 1:
            return self.sections[0].einsums
        return tuple(einsum for section in self.sections for einsum in section.einsums)

    @property
    def file(self) -> str:
        """Where the text came from, or the cascade's name."""
        return self.origin.file if self.origin else self.name
