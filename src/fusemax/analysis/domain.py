"""How many points a statement has, as a polynomial in the ranks and as a number.

Without filters it is the product of the ranks of its variables. A filter's points are counted at small sizes and
a polynomial is fitted, then checked at more sizes; where none fits (or the filter reads data), the product is an
upper bound and is marked as one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fusemax.analysis.expression import Scope, evaluate
from fusemax.cascade.ir import Access, Cascade, Constant, Einsum, Expr, Number, ParameterUse, Shape, Variable, walk
from fusemax.cascade.positions import equal_classes
from fusemax.cascade.ranks import canonical, factors_of, rank_of, rank_of_variable

if TYPE_CHECKING:
    import sympy

MOST_ENUMERATED = 5 * 10**7
"""Filters over more points than this are not enumerated."""
MOST_COEFFICIENTS = 64


@dataclass(frozen=True)
class Domain:
    """A number of points: `formula` in the ranks' symbols, a bound from above unless `exact`; `number` if known."""

    formula: sympy.Expr
    exact: bool
    number: int | None


def variables_of(*exprs: Expr) -> tuple[str, ...]:
    """The variables of some expressions, gathers and filters included, first seen first."""
    nodes = (node for expr in exprs for node in walk(expr))
    return tuple(dict.fromkeys(node.name for node in nodes if isinstance(node, Variable)))


def filters_of(einsum: Einsum) -> list[Expr]:
    """Every filter on the right side of a statement."""
    accesses = (node for node in walk(einsum.right) if isinstance(node, Access))
    return [index.filter for access in accesses for index in access.indices if index.filter is not None]


def symbol(rank: str) -> sympy.Symbol:
    """The symbol of a rank: a positive integer."""
    import sympy

    return sympy.Symbol(rank, integer=True, positive=True)


def readable(cascade: Cascade, formula: sympy.Expr) -> sympy.Expr:
    """The same formula with the outermost factor of each partition as whole / other factors.

    Only where an input carries the whole: `M1*M0` then reads `M`.
    """
    import sympy

    carried = {rank_of_variable(cascade, v) for declaration in cascade.inputs for v in declaration.variables}
    for partition in cascade.partitions:
        whole, (outer, *inner) = canonical(cascade, partition.rank), partition.factors
        if whole in carried:
            rest = prod((symbol(canonical(cascade, factor)) for factor in inner), start=sympy.Integer(1))
            formula = formula.subs(symbol(canonical(cascade, outer)), symbol(whole) / rest)
    return sympy.expand(formula)


def domain(
    cascade: Cascade, variables: Sequence[str], filters: Sequence[Expr], sizes: Mapping[str, int] | None,
    parameters: Mapping[str, float],
) -> Domain:  # fmt: skip
    """The points of some variables that the filters leave. `sizes` are all ranks' sizes, None for no number."""
    import sympy

    inside = [v for v in variables_of(*filters) if v in variables] if filters else []
    outside = [v for v in variables if v not in inside]
    free: Any = prod((symbol(rank_of_variable(cascade, v)) for v in outside), start=sympy.Integer(1))
    number = None if sizes is None else prod(sizes[rank_of(v)] for v in outside)
    if not filters:
        return Domain(free, True, number)
    full = prod((symbol(rank_of_variable(cascade, v)) for v in inside), start=sympy.Integer(1))
    if any(isinstance(node, Access) for f in filters for node in walk(f)):
        return Domain(free * full, False, None)  # it depends on data
    fitted = _fit(cascade, inside, filters, parameters)
    kept = None if sizes is None else _kept(cascade, inside, filters, sizes, parameters, fitted)
    if sizes is not None and fitted is not None and kept != _at(cascade, fitted, sizes):
        fitted = None  # these sizes are smaller than the constants in the filter
    number = None if number is None or kept is None else number * kept
    return Domain(free * (full if fitted is None else fitted), fitted is not None, number)


def _kept(
    cascade: Cascade, inside: Sequence[str], filters: Sequence[Expr], sizes: Mapping[str, int],
    parameters: Mapping[str, float], fitted: sympy.Expr | None,
) -> int | None:  # fmt: skip
    """The points that the filters leave at given sizes: enumerated, or by the formula when they are too many."""
    extents = {v: sizes[rank_of(v)] for v in inside}
    if prod(extents.values()) <= MOST_ENUMERATED:
        return enumerate_points(extents, filters, sizes, parameters)
    if fitted is None:
        return None
    return _at(cascade, fitted, sizes)


def _at(cascade: Cascade, formula: sympy.Expr, sizes: Mapping[str, int]) -> int:
    return int(formula.subs({symbol(canonical(cascade, rank)): size for rank, size in sizes.items()}))


def enumerate_points(
    extents: Mapping[str, int], filters: Sequence[Expr], sizes: Mapping[str, int], parameters: Mapping[str, float]
) -> int:
    """How many points of a box all filters leave; the filters read no tensor."""
    first, *others = extents
    total, rows = 0, max(1, (1 << 20) // max(1, prod(extents[v] for v in others)))
    for start in range(0, extents[first], rows):
        count = min(rows, extents[first] - start)
        shape = (count, *(extents[v] for v in others))
        axes = [np.arange(n, dtype=float) for n in shape]
        axes[0] += start
        meshes = dict(zip(extents, np.ix_(*axes), strict=True))
        scope = Scope(meshes, sizes, parameters, _no_read)
        with np.errstate(all="ignore"):
            keep = np.ones(shape, dtype=bool)
            for each in filters:
                keep &= np.not_equal(evaluate(each, scope), 0)
        total += int(keep.sum())
    return total


def _no_read(access: Access) -> Any:
    raise AssertionError(f"a filter that reads {access.tensor} is not enumerated")


def _fit(
    cascade: Cascade, inside: Sequence[str], filters: Sequence[Expr], parameters: Mapping[str, float]
) -> sympy.Expr | None:
    """The polynomial in the ranks that counts the points a filter leaves, from some small size on."""
    import sympy

    nodes = [node for f in filters for node in walk(f)]
    ranks = {rank_of_variable(cascade, v) for v in inside} | {
        canonical(cascade, node.rank) for node in nodes if isinstance(node, Shape)
    }
    formulas = {rank: _size_formula(cascade, rank, ranks) for rank in ranks}
    bases = sorted({s for formula in formulas.values() for s in formula.free_symbols}, key=str)
    degree = {s: sum(s in formulas[rank_of_variable(cascade, v)].free_symbols for v in inside) for s in bases}
    if prod(d + 1 for d in degree.values()) > MOST_COEFFICIENTS:
        return None
    numbers = [abs(float(node.value)) for node in nodes if isinstance(node, Number)]
    numbers += [abs(parameters[node.name]) for node in nodes if isinstance(node, ParameterUse)]
    numbers += [0.0 for node in nodes if isinstance(node, Constant)]
    least = 2 + int(min(sum(numbers), 20.0))  # past the constants, so that no edge of the space is special
    if len(bases) > 1:
        least = min(least, 4)

    def count(point: Sequence[int]) -> int:
        at = dict(zip(bases, point, strict=True))
        small = {rank: int(formula.subs(at)) for rank, formula in formulas.items()}
        named = {alias.name: small[alias.target] for alias in cascade.aliases if alias.target in small} | small
        return enumerate_points({v: named[rank_of(v)] for v in inside}, filters, named, parameters)

    grid = list(itertools.product(*(range(least, least + degree[s] + 1) for s in bases)))
    terms = [
        sympy.prod([s**e for s, e in zip(bases, exponents, strict=True)])
        for exponents in itertools.product(*(range(degree[s] + 1) for s in bases))
    ]
    matrix = sympy.Matrix([[term.subs(dict(zip(bases, point, strict=True))) for term in terms] for point in grid])
    solution = matrix.LUsolve(sympy.Matrix([count(point) for point in grid]))
    found = sum((c * term for c, term in zip(solution, terms, strict=True)), start=sympy.Integer(0))
    beyond = [[least + degree[s] + extra for s in bases] for extra in (1, 2, 3)]
    beyond += [[least + (degree[s] + 2 if s == odd else 0) for s in bases] for odd in bases]
    if any(found.subs(dict(zip(bases, point, strict=True))) != count(point) for point in beyond):
        return None
    return sympy.factor(found)


def _size_formula(cascade: Cascade, rank: str, ranks: set[str]) -> Any:
    """A rank's size in independent symbols: a partitioned rank as the product of its factors, `equal` ranks alike."""
    classes = equal_classes(cascade)
    alike = [r for r in (rank, *sorted(ranks | set(classes))) if classes.get(r, r) == classes.get(rank, rank)]
    for other in alike:
        factors = [canonical(cascade, factor) for factor in factors_of(cascade, other)]
        if any(factor in ranks for factor in factors):
            return prod((symbol(factor) for factor in factors[1:]), start=symbol(factors[0]))
    return symbol(min(alike))
