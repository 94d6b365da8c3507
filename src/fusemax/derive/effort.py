"""Operation counts and live elements of a cascade, to rank equal forms."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from fusemax.cascade.ir import Binary, Call, Cascade, Einsum, Unary, Variable, walk
from fusemax.cascade.ranks import canonical, rank_of, rank_of_variable
from fusemax.derive.normal import reduced_variables

KINDS = {"+": "add", "-": "add", "*": "mul", "/": "div", "//": "div", "%": "div"}
COST = {"add": 1, "mul": 1, "max": 1, "div": 8, "exp": 6, "other": 1}


def operations(cascade: Cascade, sizes: Mapping[str, int]) -> dict[str, int]:
    """Operations by kind (add, mul, div, max, exp, other) at given sizes, index arithmetic left out."""
    found = dict.fromkeys(COST, 0)
    for section in cascade.sections:
        for einsum in section.einsums:
            for kind, count in _of_statement(cascade, einsum, sizes, section.variable).items():
                found[kind] += count
    return found


def _of_statement(
    cascade: Cascade, einsum: Einsum, sizes: Mapping[str, int], step: str | None
) -> dict[str, int]:
    variables = {n.name for part in (*einsum.left, einsum.right) for n in walk(part) if isinstance(n, Variable)}
    variables |= {v for r in einsum.reductions for v in r.variables} | ({step} if step else set())
    points = prod(_size(cascade, v, sizes) for v in variables)
    cells = prod(_size(cascade, v, sizes) for v in variables - set(reduced_variables(einsum)))
    found: dict[str, int] = {}

    def count(kind: str, number: int) -> None:
        found[kind] = found.get(kind, 0) + number

    stack = [einsum.right]
    while stack:
        node = stack.pop()
        match node:
            case Binary():
                count(KINDS.get(node.operator, "other"), points)
                stack += [node.left, node.right]
            case Unary():
                stack.append(node.operand)
            case Call():
                kind = {"max": "max", "min": "max", "relu": "max", "div0": "div"}.get(node.function, "exp")
                count("other" if node.function in ("where", "abs", "floor", "ceil", "round") else kind, points)
                stack += node.arguments
    operators = {r.operator for r in einsum.reductions}
    if points > cells:
        is_order = operators & {"max", "min", "topk", "argtopk"}
        count("max" if is_order else "mul" if "*" in operators else "add", points - cells)
    return found


def _size(cascade: Cascade, variable: str, sizes: Mapping[str, int]) -> int:
    return sizes.get(rank_of_variable(cascade, variable), sizes.get(canonical(cascade, rank_of(variable)), 1))


def effort(cascade: Cascade, sizes: Mapping[str, int]) -> int:
    """One number: operations weighed by how many multiply-adds they take."""
    return sum(COST[kind] * count for kind, count in operations(cascade, sizes).items())
