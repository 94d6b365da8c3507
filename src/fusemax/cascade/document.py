"""A cascade as JSON, and back.

An expression is a number, or an object told by its key: `constant`, `variable`, `size` (of a rank), `parameter`,
`tensor` with `indices`, `operator` with one or two `operands`, `function` with `arguments`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from fusemax.base.errors import UsageError
from fusemax.cascade import ir
from fusemax.cascade.parse import MAX_DEPTH, parse
from fusemax.cascade.print import OPERATORS, print_cascade, print_claim, print_einsum

__all__ = ["from_document", "to_document"]

T = TypeVar("T")
Json = Any
Path = tuple[str | int, ...]

# ------------------------------------------------------------------------------------------------- writing


def to_document(cascade: ir.Cascade) -> dict[str, Json]:
    """Plain dictionaries, lists, texts and numbers; `text` and `line` are there for people and not read back."""
    return {
        "cascade": cascade.name,
        "title": cascade.title,
        "source": cascade.source,
        "note": cascade.note,
        "inputs": [_declaration(d) for d in cascade.inputs],
        "outputs": [_declaration(d) for d in cascade.outputs],
        "partitions": [{"rank": p.rank, "factors": list(p.factors)} for p in cascade.partitions],
        "aliases": [{"rank": a.name, "target": a.target} for a in cascade.aliases],
        "equal": [[e.left, e.right] for e in cascade.equalities],
        "parameters": [{"name": p.name, "value": p.value} for p in cascade.parameters],
        "sizes": [{"rank": s.rank, "size": s.value} for s in cascade.sizes],
        "expect": [_claim(claim) for claim in cascade.claims],
        "sections": [_section(section) for section in cascade.sections],
    }


def _declaration(declaration: ir.Declaration) -> dict[str, Json]:
    return {"tensor": declaration.tensor, "variables": list(declaration.variables)}


def _claim(claim: ir.Claim) -> dict[str, Json]:
    count = None if claim.count is None else _expr(claim.count)
    return {"kind": claim.kind, "rank": claim.rank, "count": count, "text": print_claim(claim)}


def _section(section: ir.Section) -> dict[str, Json]:
    return {
        "kind": section.kind,
        "variable": section.variable,
        "until": section.until,
        "einsums": [
            {
                "tensor": e.tensor,
                "left": [_expr(index) for index in e.left],
                "right": _expr(e.right),
                "reductions": [{"operator": r.operator, "variables": list(r.variables)} for r in e.reductions],
                "text": print_einsum(e),
                "line": e.span.line or None,
            }
            for e in section.einsums
        ],
    }


def _expr(expr: ir.Expr) -> Json:
    match expr:
        case ir.Number():
            return expr.value
        case ir.Constant():
            return {"constant": expr.name}
        case ir.Variable():
            return {"variable": expr.name}
        case ir.Shape():
            return {"size": expr.rank}
        case ir.ParameterUse() | ir.Unknown():
            return {"parameter": expr.name}
        case ir.Access():
            return {"tensor": expr.tensor, "indices": [_index(index) for index in expr.indices]}
        case ir.Unary():
            return {"operator": expr.operator, "operands": [_expr(expr.operand)]}
        case ir.Binary():
            return {"operator": expr.operator, "operands": [_expr(expr.left), _expr(expr.right)]}
        case ir.Call():
            return {"function": expr.function, "arguments": [_expr(argument) for argument in expr.arguments]}


def _index(index: ir.Index) -> dict[str, Json]:
    found = {"value": _expr(index.value)}
    return found if index.filter is None else {**found, "filter": _expr(index.filter)}


# ------------------------------------------------------------------------------------------------- reading


def from_document(document: Mapping[str, Json]) -> ir.Cascade:
    """The cascade that `to_document` wrote. The rules are `check_rules`, not this.

    Raises UsageError with the path of what is missing or of another type, SourceError in the cascade's canonical
    text for what the language does not have (a reserved word as a variable, an unknown function).
    """
    read = _Reader(document)
    cascade = ir.Cascade(
        name=read.text(("cascade",)),
        inputs=read.each(("inputs",), read.declaration),
        outputs=read.each(("outputs",), read.declaration),
        sections=read.each(("sections",), read.section),
        title=read.optional_text(("title",)),
        source=read.optional_text(("source",)),
        note=read.optional_text(("note",)),
        partitions=read.each(("partitions",), read.partition),
        aliases=read.each(("aliases",), lambda at: ir.Alias(read.text((*at, "rank")), read.text((*at, "target")))),
        equalities=read.each(("equal",), lambda at: ir.Equality(read.text((*at, 0)), read.text((*at, 1)))),
        parameters=read.each(("parameters",), read.parameter),
        sizes=read.each(("sizes",), lambda at: ir.Size(read.text((*at, "rank")), read.integer((*at, "size")))),
        claims=read.each(("expect",), read.claim),
    )  # fmt: skip
    return parse(print_cascade(cascade), cascade.name)


class _Reader:
    """Values of a document by path, of the type asked for."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        self.document = document

    def find(self, at: Path) -> Json:
        """What is there; None when it is missing."""
        value: Json = self.document
        for key in at:
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def fail(self, at: Path, wanted: str) -> NoReturn:
        """Say what is at a path and what should be."""
        found = self.find(at)
        shown = "nothing" if found is None else f"{type(found).__name__} {str(found)[:40]!r}"
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in at).lstrip(".")
        raise UsageError(f"cascade document: {path or 'the whole'}: expected {wanted}, found {shown}")

    def text(self, at: Path) -> str:
        """A text."""
        value = self.find(at)
        return value if isinstance(value, str) and "\n" not in value else self.fail(at, "a text of one line")

    def optional_text(self, at: Path) -> str | None:
        """A text or nothing."""
        return None if self.find(at) is None else self.text(at)

    def number(self, at: Path) -> int | float:
        """A number, not a truth value."""
        value = self.find(at)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
        self.fail(at, "a finite number")

    def integer(self, at: Path) -> int:
        """An integer that is not negative."""
        value = self.number(at)
        return value if isinstance(value, int) and value >= 0 else self.fail(at, "an integer from 0 on")

    def each(self, at: Path, one: Callable[[Path], T]) -> tuple[T, ...]:
        """Every entry of a list read by `one`; a missing list is empty."""
        values = self.find(at)
        if values is None:
            return ()
        if not isinstance(values, list):
            self.fail(at, "a list")
        return tuple(one((*at, number)) for number in range(len(values)))

    def texts(self, at: Path) -> tuple[str, ...]:
        """A list of texts."""
        return self.each(at, self.text)

    def declaration(self, at: Path) -> ir.Declaration:
        """An input or output."""
        return ir.Declaration(self.text((*at, "tensor")), self.texts((*at, "variables")))

    def partition(self, at: Path) -> ir.Partition:
        """A partition."""
        return ir.Partition(self.text((*at, "rank")), self.texts((*at, "factors")))

    def parameter(self, at: Path) -> ir.Parameter:
        """A parameter with its default."""
        return ir.Parameter(self.text((*at, "name")), self.number((*at, "value")))

    def claim(self, at: Path) -> ir.Claim:
        """An entry of `expect`."""
        kind = self.text((*at, "kind"))
        if kind not in ("passes", "sweeps", "conflict"):
            self.fail((*at, "kind"), "'passes', 'sweeps' or 'conflict'")
        count = None if kind == "conflict" else self.expr(self.find((*at, "count")), (*at, "count"), 1)
        return ir.Claim(kind, self.text((*at, "rank")), count)

    def section(self, at: Path) -> ir.Section:
        """A section with its statements."""
        kind = self.text((*at, "kind"))
        if kind not in ("flat", "init", "iterate", "then"):
            self.fail((*at, "kind"), "'flat', 'init', 'iterate' or 'then'")
        variable = self.text((*at, "variable")) if kind == "iterate" else None
        return ir.Section(kind, self.each((*at, "einsums"), self.einsum), variable, self.optional_text((*at, "until")))

    def einsum(self, at: Path) -> ir.Einsum:
        """A statement."""
        left = self.each((*at, "left"), lambda there: self.expr(self.find(there), there, 1))
        right = self.expr(self.find((*at, "right")), (*at, "right"), 1)
        return ir.Einsum(self.text((*at, "tensor")), left, right, self.each((*at, "reductions"), self.reduction))

    def reduction(self, at: Path) -> ir.Reduction:
        """An explicit reduction."""
        return ir.Reduction(self.text((*at, "operator")), self.texts((*at, "variables")))

    def expr(self, value: Json, at: Path, depth: int) -> ir.Expr:
        """An expression, found at a path."""
        if depth > MAX_DEPTH:
            self.fail(at[:8], f"at most {MAX_DEPTH} operations inside each other")
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = self.number(at)
            return ir.Number(number) if number >= 0 else ir.Unary("-", ir.Number(-number))
        if not isinstance(value, Mapping):
            self.fail(at, "an expression")

        def parts(key: str) -> tuple[ir.Expr, ...]:
            return self.each((*at, key), lambda there: self.expr(value[key][there[-1]], there, depth + 1))

        if "operator" in value:
            operator, operands = self.text((*at, "operator")), parts("operands")
            if len(operands) == 1 and operator in ("-", "not"):
                return ir.Unary(operator, operands[0])
            if len(operands) == 2 and operator in OPERATORS:
                return ir.Binary(operator, *operands)
            self.fail((*at, "operator"), f"an operator of {len(operands)} operands")
        if "function" in value:
            return ir.Call(self.text((*at, "function")), parts("arguments"))
        if "tensor" in value:
            return ir.Access(
                self.text((*at, "tensor")), self.each((*at, "indices"), lambda there: self.index(there, depth))
            )
        for key, make in _LEAVES.items():
            if key in value:
                return make(self.text((*at, key)))
        self.fail(at, "an expression")

    def index(self, at: Path, depth: int) -> ir.Index:
        """An index of a tensor that is read, perhaps with a filter."""
        condition = self.find((*at, "filter"))
        value = self.expr(self.find((*at, "value")), (*at, "value"), depth + 1)
        return ir.Index(value, None if condition is None else self.expr(condition, (*at, "filter"), depth + 1))


_LEAVES: dict[str, Callable[[str], ir.Expr]] = {
    "constant": ir.Constant, "variable": ir.Variable, "size": ir.Shape, "parameter": ir.ParameterUse,
}  # fmt: skip
