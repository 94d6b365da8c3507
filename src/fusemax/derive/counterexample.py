"""The smallest inputs found on which two cascades differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fusemax.base.errors import FusemaxError
from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import rank_of_variable
from fusemax.cascade.sizes import known_sizes
from fusemax.derive.check import Check, Difference, Reference
from fusemax.derive.samples import Sample, coordinates
from fusemax.derive.step import equal_ranks

TRIES = 80
LENGTHS = (2, 3, 4)


def counterexample(first: Cascade, second: Cascade, rank: str) -> Difference | None:
    """Small integers on a short fiber on which `second` differs from `first`; None when none is found."""
    for sample in _samples(first, second, rank):
        try:
            check: Check = Reference(first, [sample]).check(second)
        except FusemaxError:
            continue
        if check.difference is not None:
            return check.difference
    return None


def _samples(first: Cascade, second: Cascade, rank: str) -> Iterator[Sample]:
    fixed = {r for pair in first.equalities for r in (pair.left, pair.right)}
    fixed |= {r for cascade in (first, second) for p in cascade.partitions for r in (p.rank, *p.factors)}
    names = list(dict.fromkeys(rank_of_variable(first, v) for d in first.inputs for v in d.variables))
    known, _ = known_sizes(first, None, None)
    picked = coordinates(first)
    rng = np.random.default_rng(1)
    for length in LENGTHS:
        sizes = {n: known.get(n, 2) if n in fixed else 1 for n in names}
        sizes |= {n: length for n in equal_ranks(first, rank) if not (second.partitions or first.partitions)}
        for _ in range(TRIES):
            inputs = {}
            for declaration in first.inputs:
                shape = [sizes[rank_of_variable(first, v)] for v in declaration.variables]
                low, high = (0, 1) if declaration.tensor in picked else (-1, 2)
                inputs[declaration.tensor] = rng.integers(low, high, size=shape).astype(float)
            yield Sample(f"small integers, {rank} = {length}", inputs)
