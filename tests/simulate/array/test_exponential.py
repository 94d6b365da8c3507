from __future__ import annotations

import numpy as np
import pytest

from fusemax.base.errors import UnknownName
from fusemax.simulate.array.exponential import METHODS, evaluate, method

RANGED = [name for name in METHODS if name not in ("squarings", "taylor6")]
# Relative error on [-16, 0] of the best polynomial or lines on [-1/2, 1/2], and what float32 adds.
MOST = {
    "poly2": 2e-3, "poly3": 1.1e-4, "poly4": 5e-6, "poly5": 3e-6, "poly6": 3e-6, "linear4": 2.6e-3, "linear8": 6.5e-4,
    "linear16": 1.7e-4, "linear32": 4.3e-5, "unit": 1e-7,
}  # fmt: skip


@pytest.mark.parametrize("name", RANGED)
def test_error_alone_is_that_of_the_approximation(name: str) -> None:
    x = np.linspace(-16, 0, 20001).astype(np.float32)
    error = np.abs(evaluate(method(name), x).astype(np.float64) / np.exp(x.astype(np.float64)) - 1).max()
    assert error <= MOST[name]


@pytest.mark.parametrize("name", RANGED)
def test_nothing_is_exactly_nothing_and_far_below_too(name: str) -> None:
    found = evaluate(method(name), np.array([-np.inf, -200.0, -88.0, 0.0], np.float32))
    assert found[0] == 0.0
    assert found[1] == 0.0
    assert 0.0 <= found[2] < 1e-37
    assert found[3] == pytest.approx(1.0, rel=MOST[name])


def test_six_multiply_adds_without_range_reduction_are_no_exp() -> None:
    for name in ("squarings", "taylor6"):
        how = method(name)
        assert how.num_operations == 6
        assert evaluate(how, np.array([-0.01], np.float32))[0] == pytest.approx(np.exp(-0.01), rel=1e-4)
        assert evaluate(how, np.array([-80.0], np.float32))[0] > 1.0


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'poly5'"):
        method("poly55")


@pytest.mark.parametrize("name", RANGED)
def test_exp_of_nothing_is_one_to_the_bit_or_old_tiles_would_fade(name: str) -> None:
    assert evaluate(method(name), np.array([0.0], np.float32))[0] == 1.0
