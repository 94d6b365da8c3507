"""How large tensors are at given sizes, without running anything."""

from __future__ import annotations

from collections.abc import Mapping

from fusemax.cascade.ir import Binary, Cascade, Expr, Number, ParameterUse, Shape, Unary, Variable
from fusemax.cascade.ranks import rank_of, rank_of_variable

Range = tuple[int, int]


def extents(cascade: Cascade, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Tensor -> extent of each position; of a written one, the largest index written there plus 1.

    `sizes` has every rank, aliases too.
    """
    found = {d.tensor: tuple(sizes[rank_of_variable(cascade, v)] for v in d.variables) for d in cascade.inputs}
    for einsum in cascade.einsums:
        here = tuple(_range(cascade, index, sizes)[1] + 1 for index in einsum.left)
        found[einsum.tensor] = tuple(map(max, found.get(einsum.tensor, here), here))
    return found


def _range(cascade: Cascade, index: Expr, sizes: Mapping[str, int]) -> Range:
    """Smallest and largest value of a left index (exact for a variable plus or minus a constant)."""
    match index:
        case Number(value=value):
            return int(value), int(value)
        case Variable(name=name):
            return 0, sizes[rank_of(name)] - 1
        case Shape(rank=rank):
            return sizes[rank], sizes[rank]
        case ParameterUse(name=name):
            value = int(next(p.value for p in cascade.parameters if p.name == name))
            return value, value
        case Unary(operand=operand):
            low, high = _range(cascade, operand, sizes)
            return -high, -low
        case Binary(operator=operator, left=left, right=right):
            return _combined(operator, _range(cascade, left, sizes), _range(cascade, right, sizes))
        case _:
            raise ValueError(f"{index} is no index of a left side")


def _combined(operator: str, left: Range, right: Range) -> Range:
    match operator:
        case "+":
            return left[0] + right[0], left[1] + right[1]
        case "-":
            return left[0] - right[1], left[1] - right[0]
        case "*":
            products = [a * b for a in left for b in right]
            return min(products), max(products)
        case "//" if right[0] > 0:
            quotients = [a // b for a in left for b in right]
            return min(quotients), max(quotients)
        case "%" if right[0] > 0:
            return 0, min(left[1], right[1] - 1) if left[0] >= 0 else right[1] - 1
        case _:
            raise ValueError(f"an index with {operator} on the left")
