"""Inputs on which two cascades are compared: random ones, and those on which algebra and rounding fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.cascade.ir import Access, Binary, Cascade, Declaration, Expr, Variable, children, walk
from fusemax.cascade.ranks import rank_of_variable
from fusemax.cascade.sizes import known_sizes
from fusemax.derive.roles import walks

Array = NDArray[np.float64]
DEFAULT_SIZE = 5


@dataclass(frozen=True)
class Sample:
    """Input arrays. `is_stress`: exact arithmetic would agree, doubles or less may not."""

    name: str
    inputs: dict[str, Array]
    is_stress: bool = False


def sizes_for(cascade: Cascade) -> dict[str, int]:
    """Sizes of all ranks: the defaults, and a few elements where there is no default."""
    given: dict[str, int] = {}
    while True:
        sizes, missing = known_sizes(cascade, None, given)
        if not missing:
            return sizes
        is_whole = any(p.rank == missing[0] for p in cascade.partitions)
        given[missing[0]] = 2 * DEFAULT_SIZE if is_whole else DEFAULT_SIZE


def samples_for(cascade: Cascade, rank: str, *, sizes: Mapping[str, int] | None = None) -> list[Sample]:
    """The same inputs every time: benign ones first, then those meant to strain the arithmetic.

    An input is masked (-inf at the first coordinates of the rank) when it is nowhere a factor: masks are added.
    """
    sizes = sizes or sizes_for(cascade)
    picked = coordinates(cascade)
    maker = _Maker(cascade, rank, dict(sizes), picked)
    found = [
        maker.make("normal", lambda rng, shape: rng.normal(size=shape)),
        maker.make("normal again", lambda rng, shape: rng.normal(size=shape)),
        maker.make("positive", lambda rng, shape: np.abs(rng.normal(size=shape)) + 0.1),
        maker.make("small integers", lambda rng, shape: rng.integers(-1, 2, size=shape).astype(float)),
        maker.make("more small integers", lambda rng, shape: rng.integers(-1, 2, size=shape).astype(float)),
        maker.make("ties", lambda rng, shape: rng.integers(0, 2, size=shape).astype(float)),
        maker.make("equal elements", lambda rng, shape: np.full(shape, 0.7)),
    ]
    found += maker.masked()
    found += [
        maker.make("large", lambda rng, shape: 30 * rng.normal(size=shape), True),
        maker.make("far from zero", lambda rng, shape: 10_000 + rng.normal(size=shape), True),
        maker.outlier(),
    ]
    return found


def coordinates(cascade: Cascade) -> dict[str, str]:
    """Inputs used as coordinates, with the rank they point into."""
    found: dict[str, str] = {}
    inputs = {d.tensor for d in cascade.inputs}
    positions = position_ranks(cascade)
    for einsum in cascade.einsums:
        for node in walk(einsum.right):
            if not isinstance(node, Access):
                continue
            for k, index in enumerate(node.indices):
                for inner in walk(index.value):
                    if isinstance(inner, Access) and inner.tensor in inputs:
                        ranks = positions.get(node.tensor, ())
                        found[inner.tensor] = ranks[k] if k < len(ranks) else ""
    return found


def is_factor(cascade: Cascade, tensor: str) -> bool:
    """Is a tensor somewhere multiplied, divided or divided by?"""

    def inside(expr: Expr, under_product: bool) -> bool:
        if isinstance(expr, Access):
            return under_product and expr.tensor == tensor
        product = isinstance(expr, Binary) and expr.operator in ("*", "/", "//", "%")
        return any(inside(child, under_product or product) for child in children(expr))

    return any(inside(einsum.right, False) for einsum in cascade.einsums)


def position_ranks(cascade: Cascade) -> dict[str, tuple[str, ...]]:
    """The rank of every position of every tensor, empty where no variable says it."""
    found = {d.tensor: tuple(rank_of_variable(cascade, v) for v in d.variables) for d in cascade.inputs}
    for einsum in cascade.einsums:
        names = [[n.name for n in walk(i) if isinstance(n, Variable)] for i in einsum.left]
        ranks = tuple(rank_of_variable(cascade, n[0]) if n else "" for n in names)
        found.setdefault(einsum.tensor, ranks)
    return found


class _Maker:
    def __init__(self, cascade: Cascade, rank: str, sizes: dict[str, int], picked: dict[str, str]) -> None:
        self.cascade, self.rank, self.sizes, self.picked = cascade, rank, sizes, picked
        self.count = 0

    def shape(self, declaration: Declaration) -> tuple[int, ...]:
        return tuple(self.sizes[rank_of_variable(self.cascade, v)] for v in declaration.variables)

    def make(self, name: str, draw: Any, is_stress: bool = False) -> Sample:
        self.count += 1
        rng = np.random.default_rng(self.count)
        inputs: dict[str, Array] = {}
        for declaration in self.cascade.inputs:
            shape = self.shape(declaration)
            if declaration.tensor in self.picked:
                largest = self.sizes.get(self.picked[declaration.tensor], 1)
                inputs[declaration.tensor] = rng.integers(0, largest, size=shape).astype(float)
            else:
                inputs[declaration.tensor] = np.asarray(draw(rng, shape), dtype=float)
        return Sample(name, inputs, is_stress)

    def masked(self) -> list[Sample]:
        """One input at a time is -inf at the first coordinates of the rank."""
        found = []
        for declaration in self.cascade.inputs:
            axes = [k for k, v in enumerate(declaration.variables) if walks(self.cascade, self.rank, v)]
            if len(axes) != 1 or declaration.tensor in self.picked or is_factor(self.cascade, declaration.tensor):
                continue
            sample = self.make(f"masked {declaration.tensor}", lambda rng, shape: rng.normal(size=shape))
            array = np.moveaxis(sample.inputs[declaration.tensor], axes[0], 0)
            array[: max(1, len(array) // 2)] = -np.inf
            found.append(sample)
        return found

    def outlier(self) -> Sample:
        sample = self.make("one outlier", lambda rng, shape: rng.normal(size=shape), True)
        for declaration in self.cascade.inputs:
            array = sample.inputs[declaration.tensor]
            if array.size and declaration.tensor not in self.picked:
                array.flat[array.size // 2] = 100.0
        return sample
