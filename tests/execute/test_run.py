"""The executor against the definition, on the catalogue and on texts that use each rule."""

from __future__ import annotations

import numpy as np
import pytest

from fusemax.cascade import catalogue, load
from fusemax.execute import run
from fusemax.execute.trial import gathered
from tests.execute.cases import agree, normal, oracle_outputs


@pytest.mark.parametrize("name", catalogue())
def test_catalogue_agrees_with_the_definition(name: str) -> None:
    c = load(name)
    inputs = normal(c, seed=len(name))
    for tensor in gathered(c) & inputs.keys():
        inputs[tensor] = np.zeros_like(inputs[tensor])
    agree(run(c, inputs), oracle_outputs(c, inputs), 1e-11)
