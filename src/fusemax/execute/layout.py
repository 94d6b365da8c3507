"""Before a run: each statement's axes and index forms, and each written tensor's extents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Access, Binary, Cascade, Einsum, Expr, Section, Shape, Unary, Variable, walk
from fusemax.cascade.ir import Number as Literal
from fusemax.cascade.located import at
from fusemax.cascade.ranks import rank_of
from fusemax.execute.affine import EXACT, Affine, affine
from fusemax.execute.storage import Axes

Array = NDArray[Any]
MAX_AXES = 30
"""Most variables one statement may run over: NumPy's limit, less what a selection adds."""


@dataclass(frozen=True)
class Statement:
    """An Einsum with what is known of it before the run.

    `axes` are the left variables, then the reduced ones; `left_axes` those of the left side alone, where a
    selection (topk, argtopk) has the variable it keeps as the last one. `left` holds the affine left indices, or
    None when one is not affine. `last` is the largest value of the iteration variable, 0 outside `iterate`.
    `accesses` are all on the right side, gathers and filters included.
    """

    einsum: Einsum
    section: Section
    axes: Axes
    left_axes: Axes
    left: tuple[Affine, ...] | None
    last: int = 0
    accesses: tuple[Access, ...] = ()

    @property
    def num_left(self) -> int:
        """How many of `axes` are on the left."""
        return sum(name in self.left_axes.names for name in self.axes.names)

    @property
    def reach(self) -> dict[str, int]:
        """The size of every variable on the left, the iteration variable too."""
        found = dict(zip(self.left_axes.names, self.left_axes.sizes, strict=True))
        return found if self.axes.fixed is None else found | {self.axes.fixed: self.last + 1}


def variables_of(expr: Expr) -> Iterator[str]:
    """The variables of an expression in text order, gathers and filters included."""
    return (node.name for node in walk(expr) if isinstance(node, Variable))


def statements(cascade: Cascade, sizes: Mapping[str, int]) -> list[Statement]:
    """Every statement of the cascade, in text order."""
    return [_statement(cascade, sizes, section, e) for section in cascade.sections for e in section.einsums]


def _statement(cascade: Cascade, sizes: Mapping[str, int], section: Section, einsum: Einsum) -> Statement:
    fixed = section.variable
    kept = next((r.variables[1] for r in einsum.reductions if r.operator in ("topk", "argtopk")), None)
    left = [v for index in einsum.left for v in variables_of(index)]
    nodes = list(walk(einsum.right))
    right = [node.name for node in nodes if isinstance(node, Variable)]
    names = [v for v in dict.fromkeys((*left, *right)) if v not in (fixed, kept)]
    if len(names) > MAX_AXES:
        raise at(cascade, einsum.span, f"the statement runs over {len(names)} variables, at most {MAX_AXES} can be run")

    def axes(variables: list[str]) -> Axes:
        if not variables and not names:
            return Axes(("",), (1,), fixed)
        return Axes(tuple(variables), tuple(sizes[rank_of(v)] for v in variables), fixed)

    left_names = [v for v in names if v in left]
    forms = [affine(index, sizes) for index in einsum.left]
    known = tuple(form for form in forms if form is not None)
    return Statement(
        einsum,
        section,
        axes(names),
        axes(left_names if kept is None else [*left_names, kept]),
        known if len(known) == len(forms) else None,
        sizes[rank_of(fixed)] - 1 if fixed else 0,
        tuple(node for node in nodes if isinstance(node, Access)),
    )


@dataclass(frozen=True)
class Layout:
    """The statements of a cascade at known sizes, and the extents of the tensors they write."""

    statements: list[Statement]
    written: dict[str, tuple[int, ...]]


def lay_out(cascade: Cascade, sizes: Mapping[str, int]) -> Layout:
    """Raises `SourceError` for a left index that is no cell."""
    parts = statements(cascade, sizes)
    return Layout(parts, extents_of(cascade, sizes, parts))


def extents_of(cascade: Cascade, sizes: Mapping[str, int], program: list[Statement]) -> dict[str, tuple[int, ...]]:
    """The extents of every written tensor: per position the largest index written there, plus 1.

    Raises `SourceError` at the left side for a negative index.
    """
    largest: dict[str, list[int]] = {}
    for statement in program:
        known = largest.setdefault(statement.einsum.tensor, [0] * len(statement.einsum.left))
        reach = statement.reach
        for position, index in enumerate(statement.einsum.left):
            form = None if statement.left is None else statement.left[position]
            low, high = _reached(index, sizes, reach) if form is None else form.span(reach)
            if low < 0 or not high < EXACT:
                raise outside(cascade, statement.einsum, low if low < 0 else high)
            known[position] = max(known[position], int(high) + 1)
    return {tensor: tuple(known) for tensor, known in largest.items()}


def outside(cascade: Cascade, einsum: Einsum, index: float) -> SourceError:
    """The error for a left index that is no cell."""
    return at(cascade, einsum.span, f"index {index:.17g} on the left side is out of range")


def _reached(index: Expr, sizes: Mapping[str, int], reach: Mapping[str, int]) -> tuple[float, float]:
    form = affine(index, sizes)
    if form is not None:
        return form.span(reach)
    values = grid(index, sizes, tuple(dict.fromkeys(variables_of(index))), reach)
    return (np.nan, np.nan) if np.isnan(values).any() else (float(values.min()), float(values.max()))


def grid(
    index: Expr, sizes: Mapping[str, int], names: tuple[str, ...], reach: Mapping[str, int],
    fixed: Mapping[str, int] | None = None,
) -> Array:  # fmt: skip
    """A left index at all values of the variables `names`, one dimension each, truncated to whole numbers.

    Any other variable has its value in `fixed`.
    """
    shape = tuple(reach[v] for v in names)

    def value(expr: Expr) -> Any:
        match expr:
            case Literal(number):
                return np.float64(number)
            case Shape(rank):
                return np.float64(sizes[rank])
            case Variable(name) if fixed and name in fixed:
                return np.float64(fixed[name])
            case Variable(name):
                place = [1] * len(names)
                place[names.index(name)] = reach[name]
                return np.arange(reach[name], dtype=np.float64).reshape(place)
            case Unary("-", operand):
                return -value(operand)
            case Binary("+" | "-" | "*" | "/" | "//" | "%" as operator, left, right):
                return _ARITHMETIC[operator](value(left), value(right))
            case _:
                return np.float64(np.nan)

    with np.errstate(all="ignore"):
        return np.broadcast_to(np.trunc(value(index)), shape)


_ARITHMETIC = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "//": np.floor_divide, "%": np.remainder,
}  # fmt: skip


def collapsed(layout: Layout) -> dict[str, tuple[bool, ...]]:
    """Written tensor -> per position, whether every execution of every statement that writes it covers it whole."""
    found: dict[str, tuple[bool, ...]] = {}
    for part in layout.statements:
        name = part.einsum.tensor
        covers = collapsed_positions(part, layout.written[name])
        before = found.get(name, covers)
        found[name] = tuple(a and b for a, b in zip(before, covers, strict=True))
    return found


def steps_of(sizes: Mapping[str, int], section: Section) -> range:
    """The values of a section's iteration variable in order; one step outside `iterate`."""
    if section.variable is None:
        return range(1)
    last = sizes[rank_of(section.variable)]
    return range(last) if section.until is not None else range(last - 1, -1, -1)


def collapsed_positions(statement: Statement, extents: tuple[int, ...]) -> tuple[bool, ...]:
    """Per position, whether each execution of the statement covers it whole, whatever the other positions are."""
    if statement.left is None:
        return (False,) * len(extents)
    sizes = dict(zip(statement.left_axes.names, statement.left_axes.sizes, strict=True))
    used = [v for form in statement.left for v in form.variables]
    found = []
    for form, extent in zip(statement.left, extents, strict=True):
        plain = form.constant == 0 and len(form.coefficients) == 1 and form.coefficients[0][1] == 1
        variable = form.coefficients[0][0] if plain else ""
        found.append(extent == 1 or (plain and used.count(variable) == 1 and sizes.get(variable) == extent))
    return tuple(found)


def is_injective(statement: Statement) -> bool:
    """Whether it is plain that the left indices send different points to different cells.

    It is when each variable is in one position, and several in a position are like the digits of a number.
    """
    if statement.left is None:
        return False
    sizes, used = statement.reach, []
    for form in statement.left:
        digits = [(v, c) for v, c in form.coefficients if v != statement.axes.fixed]
        reach = 0
        for variable, coefficient in sorted(digits, key=lambda digit: abs(digit[1])):
            if abs(coefficient) <= reach and sizes[variable] > 1:
                return False
            reach += abs(coefficient) * (sizes[variable] - 1)
        used += [v for v, _ in digits]
    return len(used) == len(set(used)) == sum(1 for name in statement.left_axes.names if name)
