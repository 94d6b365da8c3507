"""Sums of products through matrix multiplication.

`Z[m, n] = A[m, k] * B[k, n]` is one call of BLAS. More factors, divisors and filters are taken apart into pairs,
cheapest pair first; that changes the order of multiplications and sums, which is allowed as long as nothing
overflows on the way. So the magnitudes of the factors are looked at first, and where they are too large (or not
finite) the points are walked one by one instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isnan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.execute.functions import OPERATORS, UNARY
from fusemax.execute.kernels import Fold, Kernel, blocks, masked, whole_block
from fusemax.execute.storage import Axes, Block
from fusemax.execute.terms import Apply, Term

Array = NDArray[Any]
SAFE = {"float64": 2.0**500, "float32": 2.0**64}
"""The product of all factors' largest magnitudes, and the number of points, may come to this."""


@dataclass
class Product:
    """A term taken apart: `prod(factors) / prod(divisors)`, with its sign."""

    factors: list[Term] = field(default_factory=list)
    divisors: list[Term] = field(default_factory=list)
    negative: bool = False


def product_of(term: Term) -> Product:
    """The factors and divisors of a term, in text order."""
    found = Product()
    stack = [(term, False)]
    while stack:
        node, below = stack.pop()
        function = node.function if isinstance(node, Apply) else None
        if isinstance(node, Apply) and function is OPERATORS["*"]:
            stack += [(node.arguments[1], below), (node.arguments[0], below)]
        elif isinstance(node, Apply) and function is OPERATORS["/"]:
            stack += [(node.arguments[1], not below), (node.arguments[0], below)]
        elif isinstance(node, Apply) and function is UNARY["-"]:
            found.negative = not found.negative
            stack.append((node.arguments[0], below))
        else:
            (found.divisors if below else found.factors).append(node)
    return found


@dataclass(frozen=True)
class Pair:
    """Factors `left` and `right` (places in the list of factors) become one that is put at its end.

    The axes by their role in a matrix product; without `contracted` the factors are just multiplied.
    """

    left: int
    right: int
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    contracted: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """How a product is computed: where the filters' mask and each divisor go (None: divide the result), the pairs.

    `variables` are those of each factor once it holds mask and divisors.
    """

    masked: int | None
    divided: tuple[int | None, ...]
    variables: tuple[frozenset[int], ...]
    pairs: tuple[Pair, ...]


@dataclass
class Contract(Kernel):
    """A sum of products. `strict` walks the points; it is the same statement without reordering."""

    product: Product
    plan: Plan
    axes: Axes
    num_left: int
    tile: tuple[int, ...]
    dtype: np.dtype[Any]
    strict: Fold

    def compute(self, target: Array, step: int) -> None:
        """Tiles over the left axes are separate; those over reduced axes add up."""
        if self.tile == self.axes.sizes:
            self._into(target, whole_block(self.axes, step))
            return
        reduced = range(self.num_left, len(self.axes.names))
        for place, block in blocks(self.axes, self.tile, range(self.num_left), step):
            part = target[place] if place else target
            inner = [b for _, b in blocks(self.axes, self.tile, reduced, step, block)]
            if len(inner) == 1:
                self._into(part, inner[0])
                continue
            total, more = np.zeros(part.shape, self.dtype), np.empty(part.shape, self.dtype)
            for each in inner:
                self._into(more, each)
                np.add(total, more, out=total)
            np.copyto(part, total, casting="unsafe")

    def _into(self, part: Array, block: Block) -> None:
        mask = masked(self.strict.filters, block)
        if mask is not None and not mask.any():
            part[...] = 0
            return
        factors = [self._array(term, block) for term in self.product.factors]
        divisors = [self._array(term, block) for term in self.product.divisors]
        if (len(factors) > 2 or divisors or mask is not None) and not self._is_safe(factors, divisors, block):
            self.strict.compute_block(part, block)
            return
        if mask is not None and self.plan.masked is not None:
            factors[self.plan.masked] = np.where(mask, factors[self.plan.masked], self.dtype.type(0))
        for divisor, place in zip(divisors, self.plan.divided, strict=True):
            if place is not None:
                factors[place] = factors[place] / divisor
        self._multiply(factors, part)
        for divisor, place in zip(divisors, self.plan.divided, strict=True):
            if place is None:
                np.divide(part, divisor.reshape(divisor.shape[: self.num_left]), out=part)
        if self.product.negative:
            np.negative(part, out=part)

    def _array(self, term: Term, block: Block) -> Array:
        value = np.asarray(term.value(block), dtype=self.dtype)
        return value if value.ndim else value.reshape((1,) * len(self.axes.names))

    def _is_safe(self, factors: Sequence[Array], divisors: Sequence[Array], block: Block) -> bool:
        """Whether no order of the multiplications and sums can overflow (NaN and infinity never are safe)."""
        bound = float(prod(block.sizes[self.num_left :]))
        for values in factors:
            bound *= max(1.0, _largest(values))
        for values in divisors:
            smallest = float(np.abs(values).min())
            bound *= max(1.0, _largest(values), 1.0 / smallest if smallest else inf)
        return bound <= SAFE[self.dtype.name]

    def _multiply(self, factors: list[Array], part: Array) -> None:
        arrays: dict[int, Array] = dict(enumerate(factors))
        result = len(factors)
        for pair in self.plan.pairs:
            left, right = arrays.pop(pair.left), arrays.pop(pair.right)
            if not pair.contracted:
                arrays[result] = np.multiply(left, right)
            elif not arrays and _matmul_into(pair, left, right, part):
                return
            else:
                arrays[result] = _matmul(pair, left, right)
            result += 1
        value = arrays[result - 1]
        np.copyto(part, value.reshape(value.shape[: self.num_left]), casting="unsafe")


def plan_product(
    product: Product, filters: Sequence[Term], axes: Axes, num_left: int, strides: Sequence[int]
) -> Plan | None:
    """How to compute a sum of products; None when matrix products gain nothing over walking the points.

    Of the pairs of factors, the one with the smallest result is multiplied first. Gain is a matrix product: two
    factors that share a reduced axis and do not run over the same axes. `strides` of the target's axes put the
    slower ones into the rows.
    """
    places = {name: i for i, name in enumerate(axes.names)}
    live = [frozenset(places[v] for v in factor.variables) for factor in product.factors]

    def size(found: frozenset[int]) -> int:
        return prod(axes.sizes[axis] for axis in found)

    def absorb(more: frozenset[int]) -> int:
        best = min(range(len(live)), key=lambda i: (size(live[i] | more), i))
        live[best] |= more
        return best

    if len(live) < 2:
        return None
    into = absorb(frozenset(places[v] for f in filters for v in f.variables)) if filters else None
    divided: list[int | None] = []
    for divisor in product.divisors:
        below = frozenset(places[v] for v in divisor.variables)
        late = all(axis < num_left for axis in below) and not any(below <= found for found in live)
        divided.append(None if late else absorb(below))
    pairs = _pairs(dict(enumerate(live)), axes, num_left, strides)
    return None if pairs is None else Plan(into, tuple(divided), tuple(live), pairs)


def _pairs(
    live: dict[int, frozenset[int]], axes: Axes, num_left: int, strides: Sequence[int]
) -> tuple[Pair, ...] | None:
    pairs: list[Pair] = []
    gain, result = False, len(live)
    while len(live) > 1:
        options = []
        for a, b in itertools.combinations(live, 2):
            needed = frozenset(range(num_left)).union(*(live[c] for c in live if c not in (a, b)))
            kept = (live[a] | live[b]) & needed
            options.append((prod(axes.sizes[axis] for axis in kept), a, b, kept))
        _, a, b, kept = min(options, key=lambda option: option[:3])
        summed = (live[a] | live[b]) - kept
        if summed - (live[a] & live[b]):
            return None  # a factor alone would be summed
        gain = gain or (bool(summed) and live[a] != live[b])
        pairs.append(_pair(a, b, live.pop(a), live.pop(b), summed, strides))
        live[result] = kept
        result += 1
    return tuple(pairs) if gain else None


def tile_of(
    product: Product, plan: Plan, axes: Axes, dtype: np.dtype[Any], budget: int, storage: np.dtype[Any]
) -> tuple[int, ...]:
    """A tile whose computed factors and intermediate products fit the budget (bytes).

    Tensors of another `storage` than the accumulator's dtype are converted, and so count as computed.
    """
    computed = [
        found
        for i, (term, found) in enumerate(zip(product.factors, plan.variables, strict=True))
        if term.operations or i == plan.masked or i in plan.divided or storage != dtype
    ]
    computed += [frozenset((*p.batch, *p.rows, *p.columns)) for p in plan.pairs[:-1]]
    sizes = list(axes.sizes)

    def cells(found: frozenset[int]) -> int:
        return prod(sizes[axis] for axis in found)

    while computed and sum(map(cells, computed)) * dtype.itemsize > budget:
        biggest = max(computed, key=cells)
        axis = max(biggest, key=lambda axis: sizes[axis], default=None)
        if axis is None or sizes[axis] == 1:
            break
        sizes[axis] = (sizes[axis] + 1) // 2
    return tuple(sizes)


def _pair(
    a: int, b: int, of_a: frozenset[int], of_b: frozenset[int], summed: frozenset[int], strides: Sequence[int]
) -> Pair:
    def slow_first(found: frozenset[int]) -> tuple[int, ...]:
        return tuple(sorted(found, key=lambda axis: (-abs(strides[axis]) if axis < len(strides) else 0, axis)))

    rows, columns = slow_first(of_a - of_b), slow_first(of_b - of_a)
    if rows and columns and slow_first(frozenset((rows[0], columns[0])))[0] != rows[0]:
        a, b, rows, columns = b, a, columns, rows
    return Pair(a, b, slow_first((of_a & of_b) - summed), rows, columns, tuple(sorted(summed)))


def _matrices(pair: Pair, left: Array, right: Array) -> tuple[Array, Array, tuple[int, ...]]:
    """Both factors as (stacks of) matrices, and the sizes of batch, row and column axes."""

    def arranged(array: Array, order: tuple[int, ...], shape: tuple[int, ...]) -> Array:
        rest = tuple(axis for axis in range(array.ndim) if axis not in order)
        return _for_blas(array.transpose(order + rest).reshape(shape))

    def sizes(array: Array, axes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(array.shape[axis] for axis in axes)

    batch, rows = sizes(left, pair.batch), sizes(left, pair.rows)
    columns, inner = sizes(right, pair.columns), sizes(left, pair.contracted)
    head = (prod(batch),) if batch else ()
    first = arranged(left, pair.batch + pair.rows + pair.contracted, (*head, prod(rows), prod(inner)))
    second = arranged(right, pair.batch + pair.contracted + pair.columns, (*head, prod(inner), prod(columns)))
    return first, second, (*batch, *rows, *columns)


def _matmul(pair: Pair, left: Array, right: Array) -> Array:
    """The product over all axes, size 1 where it does not vary."""
    first, second, shape = _matrices(pair, left, right)
    result = np.matmul(first, second)
    order = pair.batch + pair.rows + pair.columns
    rest = tuple(axis for axis in range(left.ndim) if axis not in order)
    back = np.argsort(order + rest)
    wide: Array = result.reshape(shape + (1,) * len(rest)).transpose(back)
    return wide


def _matmul_into(pair: Pair, left: Array, right: Array, part: Array) -> bool:
    """The last product straight into the target; False when the target's cells do not lie like a matrix."""
    order = pair.batch + pair.rows + pair.columns
    if len(order) != part.ndim or part.dtype != left.dtype:
        return False
    first, second, _ = _matrices(pair, left, right)
    cells = part.transpose(order)
    out = cells.reshape((*first.shape[:-1], second.shape[-1]))
    if not np.may_share_memory(out, part):
        return False
    np.matmul(first, second, out=out)
    return True


def _for_blas(array: Array) -> Array:
    """The same matrices where BLAS can take them: one of the two last axes contiguous (a copy only if not)."""
    size, (rows, columns), (down, along) = array.itemsize, array.shape[-2:], array.strides[-2:]
    if along == size and down % size == 0 and down >= columns * size:
        return array
    if down == size and along % size == 0 and along >= rows * size:
        return array
    return np.ascontiguousarray(array)


def _largest(values: Array) -> float:
    """The largest magnitude, infinity when one value is NaN."""
    most, least = float(values.max()), float(values.min())
    return inf if isnan(most) else max(most, -least)
