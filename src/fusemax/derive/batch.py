"""Run one cascade on many inputs at once: every tensor gets a first rank that counts the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fusemax.cascade.ir import Access, Cascade, Declaration, Einsum, Expr, Index, Variable
from fusemax.cascade.ranks import variable_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.names import Names
from fusemax.derive.samples import Sample
from fusemax.execute import run

Outputs = dict[str, NDArray[np.float64]]


def batched(cascade: Cascade) -> Cascade:
    """The cascade on a batch: each tensor with one more rank, first, which all statements share."""
    variable = variable_of(Names(cascade).rank("BATCH"))
    first = Index(Variable(variable))

    def leaf(node: Expr) -> Expr:
        return replace(node, indices=(first, *node.indices)) if isinstance(node, Access) else node

    def einsum(e: Einsum) -> Einsum:
        return replace(e, left=(Variable(variable), *e.left), right=rewrite(e.right, leaf))

    def declaration(d: Declaration) -> Declaration:
        return replace(d, variables=(variable, *d.variables), variable_spans=())

    return replace(
        cascade,
        inputs=tuple(declaration(d) for d in cascade.inputs),
        outputs=tuple(declaration(d) for d in cascade.outputs),
        sections=tuple(replace(s, einsums=tuple(map(einsum, s.einsums))) for s in cascade.sections),
        claims=(),
        origin=None,
    )


def run_all(cascade: Cascade, samples: Sequence[Sample], dtype: str = "float64") -> Outputs:
    """The outputs on all samples, the samples along the first axis."""
    inputs = {name: np.stack([s.inputs[name] for s in samples]) for name in samples[0].inputs}
    return run(batched(cascade), inputs, dtype=dtype)
