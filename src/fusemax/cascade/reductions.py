"""Which variables a statement reduces, by which operator, in which order."""

from __future__ import annotations

from typing import NamedTuple

from fusemax.cascade.ir import Einsum, Variable, walk

SELECTIONS = ("topk", "argtopk")


class Step(NamedTuple):
    """One reduction of a statement: `operator` over `variables`; topk and argtopk keep the variables `kept`."""

    operator: str
    variables: tuple[str, ...]
    kept: tuple[str, ...] = ()


def right_variables(einsum: Einsum) -> tuple[str, ...]:
    """The variables of the right side (gathers and filters included), in the order of their first use."""
    return tuple(dict.fromkeys(node.name for node in walk(einsum.right) if isinstance(node, Variable)))


def left_variables(einsum: Einsum) -> tuple[str, ...]:
    """The variables of the left side, in the order of their first use."""
    nodes = (node for index in einsum.left for node in walk(index))
    return tuple(dict.fromkeys(node.name for node in nodes if isinstance(node, Variable)))


def summed_variables(einsum: Einsum) -> tuple[str, ...]:
    """The variables that are summed without being named: on the right, not on the left, in no reduction."""
    named = {variable for reduction in einsum.reductions for variable in reduction.variables}
    left = set(left_variables(einsum))
    return tuple(v for v in right_variables(einsum) if v not in left and v not in named)


def all_reductions(einsum: Einsum) -> tuple[Step, ...]:
    """Every reduction in the order it is done: the implicit sum, then the written ones from left to right."""
    summed = summed_variables(einsum)
    steps = [Step("+", summed)] if summed else []
    for reduction in einsum.reductions:
        if reduction.operator in SELECTIONS:
            steps.append(Step(reduction.operator, reduction.variables[:1], reduction.variables[1:]))
        else:
            steps.append(Step(reduction.operator, reduction.variables))
    return tuple(steps)
