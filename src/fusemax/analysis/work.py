"""Operation counts of a cascade, per Einsum and kind, as formulas in the ranks and as numbers.

Every map action of a statement is done once at each of its points, every reduction once for each value it takes
in. A sum of products is one `mac` per point in place of a `mul` and an `add`; `exp(a - b)` of two tensors is one
`exp` (the paper's sub-then-exp). Arithmetic on coordinates, sizes and parameters alone is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fusemax.analysis.domain import Domain, domain, filters_of, readable, variables_of
from fusemax.base.result import Result
from fusemax.cascade.edge import SUB_THEN_EXP, Action, map_actions
from fusemax.cascade.ir import Binary, Call, Cascade, Einsum, Expr, Section, Unary
from fusemax.cascade.reductions import all_reductions
from fusemax.cascade.sizes import known_sizes, resolve_sizes
from fusemax.cascade.tokens import FUNCTIONS

if TYPE_CHECKING:
    import sympy

KINDS: Mapping[str, str] = {
    "+": "add", "-": "add", "*": "mul", "/": "div", "div0": "div", "//": "div", "%": "mod", SUB_THEN_EXP: "exp",
    "expsub": "exp", "relu": "max", "where": "select", "argtopk": "topk", "and": "logic", "or": "logic", "not": "logic",
    **dict.fromkeys(("<=", "<", ">=", ">", "==", "!="), "compare"),
}  # fmt: skip
"""Compute -> kind of operation; any other function is a kind of its own."""
ORDER = ("mac", "add", "mul", "max", "min", "exp", "div")
"""The kinds that come first in every listing; the others follow by name."""
KNOWN_KINDS = frozenset((*ORDER, "neg", *KINDS.values(), *(KINDS.get(name, name) for name in (*FUNCTIONS, "topk"))))
"""Every kind the language's own operators and functions can have."""


@dataclass(frozen=True)
class Count:
    """Operations of one kind in one Einsum. The formula is a bound from above unless `exact`; `number` if known."""

    einsum: str
    kind: str
    formula: sympy.Expr
    exact: bool
    number: int | None


@dataclass(frozen=True)
class Work(Result):
    """The operation counts of a cascade, statement by statement; `kind` narrows what is shown to one kind."""

    command: ClassVar[str] = "work"
    cascade: str
    sizes: Mapping[str, int] | None
    counts: Sequence[Count]
    kind: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in the order of every listing."""
        found = {count.kind for count in self.counts}
        return (*(kind for kind in ORDER if kind in found), *sorted(found.difference(ORDER)))

    def total(self, kind: str) -> Count:
        """All operations of a kind: 0 when none is done, number unknown when one Einsum's is."""
        import sympy

        chosen = [count for count in self.counts if count.kind == kind]
        numbers = [count.number for count in chosen]
        known = [number for number in numbers if number is not None]
        return Count(
            "total",
            kind,
            sympy.expand(sum((count.formula for count in chosen), start=sympy.Integer(0))),
            all(count.exact for count in chosen),
            sum(known) if len(known) == len(numbers) and self.sizes is not None else None,
        )

    def _shown(self) -> tuple[str, ...]:
        return self.kinds if self.kind is None else (self.kind,)

    def rows(self) -> list[dict[str, object]]:
        """One row per Einsum and kind in text order, then a total per kind."""
        shown = self._shown()
        counts = [count for count in self.counts if count.kind in shown] + [self.total(kind) for kind in shown]
        return [{"cascade": self.cascade, **_row(count)} for count in counts]

    def columns(self) -> Sequence[str]:
        """Everything but the cascade, which the headline names."""
        return ("einsum", "kind", "formula", "operations")

    def document(self) -> Mapping[str, object]:
        """Counts per Einsum and totals per kind."""
        return {
            "cascade": self.cascade,
            "sizes": self.sizes,
            "einsums": [_row(count) for count in self.counts if count.kind in self._shown()],
            "total": {kind: _row(self.total(kind)) for kind in self._shown()},
        }

    def headline(self) -> str:
        """The totals in one line."""
        totals = "; ".join(f"{kind} {_formula(self.total(kind))}" for kind in self._shown())
        return f"{self.cascade}: {totals or 'no operations'}"

    def notes(self) -> Sequence[str]:
        """The sizes behind the numbers."""
        if self.sizes is None:
            return ("operations unknown: the file gives no sizes for every rank (--size R=N)",)
        return ("at " + ", ".join(f"{rank} = {size}" for rank, size in self.sizes.items()),)


def _row(count: Count) -> dict[str, object]:
    return {
        "einsum": count.einsum,
        "kind": count.kind,
        "formula": _formula(count),
        "exact": count.exact,
        "operations": count.number,
    }


def _formula(count: Count) -> str:
    return str(count.formula) if count.exact else f"at most {count.formula}"


def work(
    cascade: Cascade, sizes: Mapping[str, int] | None = None, parameters: Mapping[str, float] | None = None
) -> Work:
    """Count a cascade's operations. `sizes` add to and override the header's (as `--size`).

    Numbers are unknown when a rank has no size. Raises `SourceError` and `UsageError` for sizes that cannot be.
    """
    found, missing = known_sizes(cascade, None, sizes)
    known = None if missing and sizes is None else resolve_sizes(cascade, None, sizes) if missing else found
    values = {p.name: float(p.value) for p in cascade.parameters} | dict(parameters or {})
    counts = [
        count
        for section in cascade.sections
        for einsum in section.einsums
        for count in _counts(cascade, section, einsum, known, values)
    ]
    return Work(cascade.name, known, tuple(counts))


def _counts(
    cascade: Cascade, section: Section, einsum: Einsum, sizes: Mapping[str, int] | None, values: Mapping[str, float]
) -> list[Count]:
    left = variables_of(*einsum.left)
    loop = [] if section.variable is None else [section.variable]
    stages = all_reductions(einsum)
    selected = {v for stage in stages for v in stage.kept}
    variables = [v for v in dict.fromkeys((*left, *loop, *variables_of(einsum.right))) if v not in selected]
    filters = filters_of(einsum)

    def points(names: Sequence[str], kept_by: Sequence[Expr]) -> Domain:
        return domain(cascade, names, kept_by, sizes, values)

    every = points(variables, filters)
    found: list[tuple[str, Domain]] = []
    for expr, action in map_actions(einsum):
        found += [(_kind(expr, action), every)] * _operations(expr)
    remaining = variables
    for number, stage in enumerate(stages):
        taken = every if number == 0 else points(remaining, ())
        if number == 0 and stage.operator == "+" and found and found[-1][0] == "mul" and _is_product(einsum):
            found[-1] = ("mac", every)
        else:
            found.append((KINDS.get(stage.operator, stage.operator), taken))
        remaining = [v for v in remaining if v not in stage.variables]
    return _merged(cascade, einsum, found)


def _is_product(einsum: Einsum) -> bool:
    """Whether the last map action of the statement multiplies: what is summed is a product."""
    return isinstance(einsum.right, Binary) and einsum.right.operator == "*"


def _kind(expr: Expr, action: Action) -> str:
    if isinstance(expr, Unary) and expr.operator == "-":
        return "neg"
    return KINDS.get(action.compute, action.compute)


def _operations(expr: Expr) -> int:
    """How many binary operations an action is: `max(a, b, c)` is two."""
    is_fold = isinstance(expr, Call) and expr.function in ("max", "min")
    return len(expr.arguments) - 1 if isinstance(expr, Call) and is_fold else 1


def _merged(cascade: Cascade, einsum: Einsum, found: Sequence[tuple[str, Domain]]) -> list[Count]:
    import sympy

    counts = []
    for kind in dict.fromkeys(kind for kind, _ in found):
        parts = [part for each, part in found if each == kind]
        numbers = [part.number for part in parts if part.number is not None]
        formula = sum((part.formula for part in parts), start=sympy.Integer(0))
        counts.append(
            Count(
                einsum.tensor,
                kind,
                readable(cascade, formula),
                all(part.exact for part in parts),
                sum(numbers) if len(numbers) == len(parts) else None,
            )
        )
    return counts
