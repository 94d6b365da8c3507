"""Every catalogue cascade computes what its reference says, to 1e-12, by the product's executor and by unrolling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from fusemax.cascade import Cascade, catalogue, load
from fusemax.cascade.sizes import resolve_sizes
from fusemax.execute import run
from tests.analysis.unrolled import array_of, unroll, unrolling_sizes
from tests.catalogue.references import attention, linear, softmaxes, statistics
from tests.catalogue.references.inputs import make_inputs
from tests.catalogue.references.registry import REFERENCES, Array, Case

MODULES = (attention, linear, softmaxes, statistics)  # importing them registers the references
TOLERANCE = 1e-12


def test_every_cascade_has_a_reference() -> None:
    assert sorted(REFERENCES) == sorted(catalogue())


def case(cascade: Cascade, sizes: Mapping[str, int], **changed: float) -> Case:
    parameters = {p.name: float(p.value) for p in cascade.parameters} | changed
    return Case(make_inputs(cascade, sizes, seed=len(cascade.name)), sizes, parameters)


def free_ranks(cascade: Cascade) -> list[str]:
    """The ranks that `sizes` gives: the others follow from them."""
    return [size.rank for size in cascade.sizes]


def agree(got: Mapping[str, Array], want: Mapping[str, Array]) -> None:
    assert sorted(got) == sorted(want)
    for name, array in want.items():
        scale = float(np.max(np.abs(array)))
        np.testing.assert_allclose(got[name], array, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=name)


def by_unrolling(cascade: Cascade, c: Case) -> dict[str, Array]:
    run = unroll(cascade, c.sizes, c.arrays, c.parameters)
    return {d.tensor: array_of(run, d.tensor) for d in cascade.outputs}


@pytest.mark.parametrize("name", catalogue())
def test_unrolled_at_default_sizes(name: str) -> None:
    cascade = load(name)
    c = case(cascade, resolve_sizes(cascade))
    agree(by_unrolling(cascade, c), REFERENCES[name](c))


@pytest.mark.parametrize("name", catalogue())
def test_unrolled_at_other_sizes_and_scale(name: str) -> None:
    cascade = load(name)
    changed = {p.name: 0.5 for p in cascade.parameters if p.name == "SCALE"}
    c = case(cascade, unrolling_sizes(cascade), **changed)
    agree(by_unrolling(cascade, c), REFERENCES[name](c))


@pytest.mark.parametrize("name", catalogue())
def test_run_at_default_sizes(name: str) -> None:
    cascade = load(name)
    c = case(cascade, resolve_sizes(cascade))
    agree(run(cascade, c.arrays), REFERENCES[name](c))


@pytest.mark.parametrize("larger", [0, 2])
@pytest.mark.parametrize("name", catalogue())
def test_run_at_other_sizes_and_scale(name: str, larger: int) -> None:
    cascade = load(name)
    changed = {p.name: 0.5 for p in cascade.parameters if p.name == "SCALE"}
    c = case(cascade, unrolling_sizes(cascade, larger), **changed)
    given = {rank: c.sizes[rank] for rank in free_ranks(cascade)}
    agree(run(cascade, c.arrays, sizes=given, parameters=changed), REFERENCES[name](c))
