"""The Einsums of a cascade as a mapping sees them: ranks, operands, operations per point.

An Einsum that only renames coordinates (``BK[e, m1, m0] = K[e, m1*M0+m0]``) or sets a constant costs nothing
and is left out; its tensor stands for the tensor it views. A running tensor read at the coordinate that the
iteration has not yet replaced (``RM[m1, p]`` where ``RM[m1+1, p]`` is written) is the operand ``RMold``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Einsum,
    Expr,
    Reduction,
    Section,
    Variable,
    children,
    walk,
)
from fusemax.cascade.ranks import rank_of_variable

__all__ = ["EinsumSpec", "Operand", "batched", "einsums_of", "views_of"]

_COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}
_BINARY = {"+": "add", "-": "add", "*": "mul", "/": "div"} | dict.fromkeys(_COMPARISONS, "max")  # a comparator
_CALLS = {"max": "max", "min": "max", "exp": "exp", "div0": "div", "relu": "max"}
_REDUCE = {"+": "add", "*": "mul", "max": "max", "min": "max"}


@dataclass(frozen=True)
class Operand:
    """A tensor as one Einsum touches it. ``tensor`` is what is stored: ``RMold`` and ``RM`` are both RM."""

    label: str
    tensor: str
    ranks: frozenset[str]


@dataclass(frozen=True)
class EinsumSpec:
    """One Einsum: its iteration ranks, operands and operations per point (operation -> times)."""

    name: str
    ranks: tuple[str, ...]
    inputs: tuple[Operand, ...]
    output: Operand
    operations: tuple[tuple[str, int], ...]
    section: str = "flat"

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Inputs in text order, then the output."""
        return (*self.inputs, self.output)


def einsums_of(cascade: Cascade) -> tuple[EinsumSpec, ...]:
    """The Einsums of a cascade that compute something, in text order."""
    views = views_of(cascade)
    running = {e.tensor for s in cascade.sections for e in s.einsums if _is_running(s, e)}
    found = []
    for section in cascade.sections:
        for einsum in section.einsums:
            if einsum.tensor in views or not any(isinstance(node, Access) for node in walk(einsum.right)):
                continue
            found.append(_spec(cascade, section, einsum, running))
    return tuple(found)


def views_of(cascade: Cascade) -> dict[str, str]:
    """Tensors that only rename the coordinates of another -> the tensor they view."""
    viewed = {e.tensor: _viewed(e) for s in cascade.sections for e in s.einsums}
    return {view: of for view, of in viewed.items() if of is not None}


def batched(spec: EinsumSpec, batch: tuple[str, ...]) -> EinsumSpec:
    """``spec`` with ranks that every operand has, none reduced."""

    def more(operand: Operand) -> Operand:
        return Operand(operand.label, operand.tensor, operand.ranks | frozenset(batch))

    return EinsumSpec(
        spec.name,
        (*batch, *spec.ranks),
        tuple(map(more, spec.inputs)),
        more(spec.output),
        spec.operations,
        spec.section,
    )


def _viewed(einsum: Einsum) -> str | None:
    """The tensor that an Einsum only renames coordinates of, or None."""
    right = einsum.right
    if isinstance(right, Access) and right.indices and not einsum.reductions:
        left = {node.name for index in einsum.left for node in walk(index) if isinstance(node, Variable)}
        read = {node.name for node in _index_nodes(right) if isinstance(node, Variable)}
        gathers = any(isinstance(node, Access) for node in _index_nodes(right))
        filtered = any(index.filter is not None for index in right.indices)
        moved = any(not isinstance(i.value, Variable) for i in right.indices)
        whole = all(any(isinstance(node, Variable) for node in walk(i.value)) for i in right.indices)
        if left == read and whole and not gathers and not filtered and moved:
            return right.tensor
    return None


def _is_running(section: Section, einsum: Einsum) -> bool:
    """Whether an Einsum writes coordinate ``v+1`` of the iteration variable ``v``."""
    return section.kind == "iterate" and any(
        isinstance(index, Binary) and index.operator == "+" and index.left == Variable(str(section.variable))
        for index in einsum.left
    )


def _spec(cascade: Cascade, section: Section, einsum: Einsum, running: set[str]) -> EinsumSpec:
    left = [node.name for index in einsum.left for node in walk(index) if isinstance(node, Variable)]
    right = [node.name for node in walk(einsum.right) if isinstance(node, Variable)]
    variables = dict.fromkeys([*left, *right])
    inputs: dict[str, Operand] = {}
    for node in walk(einsum.right):
        if isinstance(node, Access):
            operand = _operand(cascade, section, node.tensor, [i.value for i in node.indices], running)
            inputs.setdefault(operand.label, operand)
    output = _operand(cascade, None, einsum.tensor, list(einsum.left), running)
    return EinsumSpec(
        einsum.tensor,
        tuple(dict.fromkeys(rank_of_variable(cascade, v) for v in variables)),
        tuple(inputs.values()),
        output,
        _operations(einsum, left, right),
        section.kind,
    )


def _operand(cascade: Cascade, section: Section | None, tensor: str, indices: list[Expr], running: set[str]) -> Operand:
    variables = [node.name for index in indices for node in walk(index) if isinstance(node, Variable)]
    old = (
        section is not None
        and section.kind == "iterate"
        and tensor in running
        and any(index == Variable(str(section.variable)) for index in indices)
    )
    ranks = frozenset(rank_of_variable(cascade, v) for v in variables)
    return Operand(f"{tensor}old" if old else tensor, tensor, ranks)


def _index_nodes(access: Access) -> Iterator[Expr]:
    for part in children(access):
        yield from walk(part)


def _operations(einsum: Einsum, left: list[str], right: list[str]) -> tuple[tuple[str, int], ...]:
    """Operations per point of the iteration space; a product under a sum is one multiply-add."""
    counts: dict[str, int] = {}

    def add(name: str, times: int = 1) -> None:
        counts[name] = counts.get(name, 0) + times

    for name, times in _of_expression(einsum.right):
        add(name, times)
    named = {v for reduction in einsum.reductions for v in reduction.variables}
    summed = [v for v in dict.fromkeys(right) if v not in left and v not in named]
    reductions = [*([Reduction("+", tuple(summed))] if summed else []), *einsum.reductions]
    for reduction in reductions:
        name = _REDUCE.get(reduction.operator, reduction.operator)
        if name == "add" and counts.get("mul", 0):
            counts["mul"] -= 1
            add("mac")
        else:
            add(name)
    return tuple((name, times) for name, times in counts.items() if times)


def _of_expression(expr: Expr) -> Iterator[tuple[str, int]]:
    """Operations on tensor values; arithmetic on coordinates only is addressing, not work."""
    if isinstance(expr, Access) or not any(isinstance(node, Access) for node in walk(expr)):
        return
    if isinstance(expr, Binary):
        yield _BINARY.get(expr.operator, expr.operator), 1
    elif isinstance(expr, Call):
        if expr.function == "expsub":
            yield "add", 1
            yield "exp", 1
        elif expr.function in ("max", "min"):
            yield "max", len(expr.arguments) - 1
        elif expr.function != "where":
            yield _CALLS.get(expr.function, expr.function), 1
    for child in children(expr):
        yield from _of_expression(child)
