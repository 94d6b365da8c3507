"""The trial run: a cascade at its default sizes on random inputs, to find broken cell rules early."""

from __future__ import annotations

from math import prod

import numpy as np

from fusemax.cascade import load
from fusemax.cascade.ir import Access, Cascade, Index, walk
from fusemax.cascade.ranks import rank_of_variable
from fusemax.cascade.sizes import known_sizes
from fusemax.execute.layout import cells_of, extents_of, statements
from fusemax.execute.run import run

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
    generator = np.random.default_rng(0)
    zero = gathered(cascade)
    inputs = {name: np.zeros(s) if name in zero else generator.random(s) for name, s in shapes.items()}
    run(cascade, inputs)
    return True


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
