from __future__ import annotations

import pytest

from fusemax.simulate.array.attention import execute
from fusemax.simulate.array.binding import load_binding


@pytest.mark.parametrize(("words", "exp", "most"), [("float32", "poly5", 1e-5), ("bfloat16", "poly2", 1e-2)])
def test_the_pipelined_binding_computes_attention(words: str, exp: str, most: float) -> None:
    found = execute(
        load_binding("fusemax-pipelined"), array=4, head_size=8, value_head_size=8, key_tiles=4, queries=2, exp=exp,
        words=words,
    )  # fmt: skip
    assert found.late == 0
    assert found.max_error <= most
