from __future__ import annotations

import numpy as np
import pytest

from fusemax.simulate.array.attention import Execution, Inputs, draw, execute
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.load import load_binding
from fusemax.simulate.array.stream import Mask, Work


def executed(
    edge: int = 4, size: int = 8, *, binding: str = "fusemax-pipelined", words: str = "float32", exp: str = "poly5",
    work: Work | None = None, engine: str = "compiled",
) -> Execution:  # fmt: skip
    job = Work(4, 2) if work is None else work
    sizes = Sizes(edge, size, size, method(exp), conditions=job.mask.conditions)
    return execute(load_binding(binding), sizes, job, words=words, engine=engine)


@pytest.mark.parametrize(("words", "exp", "most"), [("float32", "poly5", 1e-5), ("bfloat16", "poly2", 1e-2)])
def test_the_pipelined_binding_computes_attention(words: str, exp: str, most: float) -> None:
    found = executed(words=words, exp=exp)
    assert found.counts.late == 0
    assert found.max_error <= most


@pytest.mark.parametrize("mask", [Mask(causal=True), Mask(causal=True, window=5), Mask(keys=13)])
@pytest.mark.parametrize("skip", [True, False])
def test_masked_keys_and_wholly_masked_first_tiles_are_exact(mask: Mask, skip: bool) -> None:
    found = executed(work=Work(4, 2, mask=mask, skip=skip))
    assert found.counts.late == 0
    assert found.max_error <= 1e-6


def test_errors_do_not_grow_with_the_length() -> None:
    short, long = (executed(4, 4, exp="poly2", words="bfloat16", work=Work(tiles, 1)).max_error for tiles in (16, 3000))
    assert long < 1e-2
    assert long < 5 * short


@pytest.mark.parametrize(("words", "exp"), [("float32", "poly5"), ("bfloat16", "poly2"), ("float16", "poly3")])
@pytest.mark.parametrize(("mask", "unseen"), [(Mask(keys=7), slice(2, 4)), (Mask(causal=True, window=2), slice(0, 1))])
def test_not_one_bit_comes_from_masked_first_or_last_tiles(words: str, exp: str, mask: Mask, unseen: slice) -> None:
    sizes, work = Sizes(4, 8, 8, method(exp), conditions=mask.conditions), Work(4, 2, mask=mask, skip=False)
    plain = draw(sizes, work, words)
    other = Inputs(plain.queries, plain.keys.copy(), plain.values.copy())
    other.keys[unseen], other.values[unseen] = other.keys[unseen] * 64, -other.values[unseen]
    one, two = (execute(load_binding("fusemax-pipelined"), sizes, work, words=words, inputs=i) for i in (plain, other))
    assert one.counts.late == two.counts.late == 0
    assert np.array_equal(one.output, two.output)
