from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from fusemax.base.errors import MissingExtra, UnknownName
from fusemax.simulate.array import compiled
from fusemax.simulate.array import engine as engines
from fusemax.simulate.array.attention import execute
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import METHODS, method
from fusemax.simulate.array.load import binding_names, load_binding
from fusemax.simulate.array.stream import Mask, Work

PIPELINED = load_binding("fusemax-pipelined")


@pytest.mark.parametrize("name", binding_names())
@pytest.mark.parametrize("words", ["float32", "bfloat16", "float16"])
def test_both_engines_compute_the_same_bits_and_counts(name: str, words: str) -> None:
    sizes = Sizes(4, 4, 6, method("linear8"))
    binding = load_binding(name)
    one, other = (execute(binding, sizes, Work(3, 2), words=words, engine=e) for e in ("compiled", "vectors"))
    assert np.array_equal(one.output, other.output)
    assert one.counts == other.counts


def test_both_engines_mask_alike_and_compute_every_exp_alike() -> None:
    mask = Mask(causal=True, window=6)
    for exp in METHODS:
        sizes = Sizes(3, 5, 4, method(exp), conditions=mask.conditions)
        work = Work(4, 2, heads=2, mask=mask, skip=False)
        one, other = (execute(PIPELINED, sizes, work, engine=e) for e in ("compiled", "vectors"))
        assert np.array_equal(one.output, other.output, equal_nan=True), exp
        assert one.counts == other.counts


def test_without_numba_numpy_steps_the_array_and_asking_for_compiled_code_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _name: None)
    monkeypatch.setattr(engines, "SMALL", 0)
    engines.engine.cache_clear()
    sizes = Sizes(4, 4, 4, method("poly2"))
    assert execute(PIPELINED, sizes, Work(1, 1)).max_error < 1e-2
    with pytest.raises(MissingExtra, match=r"fusemax\[simulate\]"):
        execute(PIPELINED, sizes, Work(1, 1), engine="compiled")
    with pytest.raises(UnknownName, match="did you mean 'vectors'"):
        execute(PIPELINED, sizes, Work(1, 1), engine="vector")
    engines.engine.cache_clear()


def test_no_directory_for_compiled_code_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = numba.njit

    def njit(**options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled._compiled(lambda x: x + 1)(1) == 2
