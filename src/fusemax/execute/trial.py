"""The trial run: a cascade at its default sizes on random inputs, to find broken cell rules early."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UsageError
from fusemax.cascade import load
from fusemax.cascade.ir import Access, Cascade, Index, walk
from fusemax.cascade.ranks import rank_of
from fusemax.cascade.sizes import known_sizes, resolve_sizes
from fusemax.execute.cells import is_plainly_sound
from fusemax.execute.choose import Settings
from fusemax.execute.formats import number_format
from fusemax.execute.functions import FUNCTIONS
from fusemax.execute.layout import lay_out
from fusemax.execute.run import BUDGET_BYTES, run_at

Array = NDArray[Any]
MAX_CELLS = 10**7
"""A trial is skipped when the tensors have more cells than this."""
MAX_POINTS = 10**9
"""A trial is skipped when the statements together run over more points than this."""
MAX_EXECUTIONS = 3 * 10**4
"""A trial is skipped when its statements would be executed more often than this: a few seconds."""


PLAIN_POINTS = 10**5
"""Below this a trial takes no care of speed: planning would take longer than running."""
MOST_RANDOM = 2**30


def trial_run(cascade: Cascade) -> bool:
    """Run a cascade at its default sizes on random inputs; inputs used in gathers are 0.

    Where no index is gathered, values do not matter and following the cells is mostly enough.
    False when it was skipped: a size is not given, or the run would be too large (`MAX_CELLS`,
    `MAX_POINTS`, `MAX_EXECUTIONS`). Raises `SourceError` at the place of a broken cell rule.
    """
    sizes, missing = known_sizes(cascade)
    if missing:
        return False
    layout = lay_out(cascade, sizes)
    cells = sum(prod(sizes[rank_of(v)] for v in declaration.variables) for declaration in cascade.inputs)
    cells += sum(prod(extents) for extents in layout.written.values())
    executions = sum(part.last + 1 for part in layout.statements)
    points = sum(prod(part.axes.sizes) * (part.last + 1) for part in layout.statements)
    if cells > MAX_CELLS:
        return False
    if is_plainly_sound(cascade, sizes, layout):
        return True
    if executions > MAX_EXECUTIONS or points > MAX_POINTS:
        return False
    parameters = {parameter.name: float(parameter.value) for parameter in cascade.parameters}
    number = number_format("float64")
    settings = Settings(parameters, number, number, FUNCTIONS, BUDGET_BYTES, plain=points < PLAIN_POINTS)
    run_at(cascade, _random(cascade, sizes, 0), sizes, settings, layout)
    return True


def random_inputs(cascade: Cascade, seed: int = 0, sizes: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Uniform random inputs between 0 and 1 at the default sizes, or those given; 0 for inputs used in gathers.

    Raises `UsageError` for inputs of more than `MOST_RANDOM` numbers together, and as `resolve_sizes` does.
    """
    found = resolve_sizes(cascade, None, sizes)
    count = sum(prod(found[rank_of(v)] for v in declaration.variables) for declaration in cascade.inputs)
    if count > MOST_RANDOM:
        raise UsageError(f"the inputs of {cascade.name} have {count} numbers at these sizes, at most {MOST_RANDOM}")
    return _random(cascade, found, seed)


def _random(cascade: Cascade, sizes: Mapping[str, int], seed: int) -> dict[str, Array]:
    generator, zero = np.random.default_rng(seed), gathered(cascade)
    arrays = {}
    for declaration in cascade.inputs:
        shape = tuple(sizes[rank_of(variable)] for variable in declaration.variables)
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
