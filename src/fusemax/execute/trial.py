"""The trial run: a cascade at its default sizes on random inputs, to find broken cell rules early."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.cascade import load
from fusemax.cascade.ir import Access, Cascade, Index, walk
from fusemax.cascade.ranks import rank_of_variable
from fusemax.cascade.sizes import known_sizes, resolve_sizes
from fusemax.execute.layout import cells_of, extents_of, statements
from fusemax.execute.run import run

Array = NDArray[Any]
MAX_CELLS = 10**7
"""A trial is skipped when the tensors have more cells than this, or a statement more points than 100 times it."""
MAX_EXECUTIONS = 2 * 10**5
"""A trial is skipped when its statements would be executed more often than this: some seconds."""


def trial_run(cascade: Cascade) -> bool:
    """Run a cascade at its default sizes on random inputs; inputs used in gathers are 0.

    False when it was skipped: a size is not given, or the run would be too large (`MAX_CELLS`,
    `MAX_EXECUTIONS`). Raises `SourceError` at the place of a broken cell rule.
    """
    sizes, missing = known_sizes(cascade)
    if missing:
        return False
    parts = statements(cascade, sizes)
    shapes = {d.tensor: tuple(sizes[rank_of_variable(cascade, v)] for v in d.variables) for d in cascade.inputs}
    extents = shapes | extents_of(cascade, sizes, parts)
    executions = sum(part.last + 1 for part in parts)
    points = sum(prod(part.axes.sizes) * (part.last + 1) for part in parts)
    if sum(map(cells_of, extents.values())) > MAX_CELLS or executions > MAX_EXECUTIONS or points > 100 * MAX_CELLS:
        return False
    run(cascade, random_inputs(cascade))
    return True


def random_inputs(cascade: Cascade, seed: int = 0, sizes: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Uniform random inputs between 0 and 1 at the default sizes, or those given; 0 for inputs used in gathers."""
    found = resolve_sizes(cascade, None, sizes)
    generator, zero = np.random.default_rng(seed), gathered(cascade)
    arrays = {}
    for declaration in cascade.inputs:
        shape = tuple(found[rank_of_variable(cascade, variable)] for variable in declaration.variables)
        arrays[declaration.tensor] = np.zeros(shape) if declaration.tensor in zero else generator.random(shape)
    return arrays


def load_tried(reference: str) -> Cascade:
    """`fusemax.cascade.load`, and then the trial run: the cascade of a file, `-` or a catalogue name."""
    cascade = load(reference)
    trial_run(cascade)
    return cascade


def gathered(cascade: Cascade) -> frozenset[str]:
    """The tensors that are read inside an index of another."""
    accesses = (node for einsum in cascade.einsums for node in walk(einsum.right) if isinstance(node, Access))
    return frozenset(name for access in accesses for index in access.indices for name in _tensors(index))


def _tensors(index: Index) -> list[str]:
    return [node.tensor for node in walk(index.value) if isinstance(node, Access)]
