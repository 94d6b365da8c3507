"""The trial run: what it runs, what it skips, and that it is quick where every command needs it."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fusemax.base.errors import SourceError
from fusemax.cascade import catalogue, load
from fusemax.execute import load_tried, trial_run
from fusemax.execute.trial import gathered, random_inputs
from tests.execute.cases import cascade


@pytest.mark.parametrize("name", catalogue())
def test_every_shipped_cascade_passes(name: str) -> None:
    assert trial_run(load(name))
    assert load_tried(name) == load(name)


def test_it_needs_every_size() -> None:
    text = "input X[m]\noutput Z[m]\nZ[m] = X[m+1]\n"
    assert not trial_run(cascade(text))
    with pytest.raises(SourceError, match="out of range"):
        trial_run(cascade(text.replace("output", "sizes M = 3\noutput")))


@pytest.mark.parametrize(
    "text",
    [
        "input X[m]\noutput Z[m]\nsizes M = 10000000\nZ[m] = X[m+1]\n",
        "input X[m]\noutput Z\nsizes M = 1000000000\nY[m] = X[m+1]\nZ = Y[m]\n",
        "input X[a, b], Y[c, d]\noutput Z\nsizes A = 1000, B = 1000, C = 1000, D = 1000\nZ = X[a, b+1] * Y[c, d]\n",
        "input X[m]\noutput Z[n]\nsizes M = 4, N = 99999\nZ[m*99999999] = X[m+1]\n",
        "input X[i]\noutput Y[i]\nsizes I = 999999\niterate i until I:\n  Y[i] = X[i+1]\n",
    ],
)
def test_it_is_skipped_where_it_would_be_long(text: str) -> None:
    begin = time.monotonic()
    assert not trial_run(cascade(text))
    assert time.monotonic() - begin < 2


def test_inputs_used_in_gathers_are_zero() -> None:
    c = cascade("input X[m], I[m], S\noutput Z[m]\nsizes M = 3\nZ[m] = X[I[m]] + X[S+m-m]\n")
    assert gathered(c) == {"I", "S"}
    inputs = random_inputs(c)
    assert not inputs["I"].any()
    assert inputs["S"] == 0
    assert inputs["X"].all()
    np.testing.assert_array_equal(random_inputs(c)["X"], inputs["X"])


def test_the_catalogue_is_tried_in_well_under_a_second() -> None:
    cascades = [load(name) for name in catalogue()]
    begin = time.process_time()
    for c in cascades:
        trial_run(c)
    assert (time.process_time() - begin) / len(cascades) < 0.02
