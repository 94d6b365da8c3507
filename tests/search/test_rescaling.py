"""How often a reference moves, counted by executing the cascade."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fusemax.base.errors import UsageError
from fusemax.cascade.ir import Cascade
from fusemax.design.load import load_design
from fusemax.search.rescaling import rescaling


def cascade() -> Cascade:
    return load_design("fusemax-lazy").cascade


def test_the_share_of_the_shipped_design_is_what_is_measured() -> None:
    design = load_design("fusemax-lazy")
    found = rescaling(cascade(), "bert", "4K")
    assert found.shares == {"RM": Fraction(1, 16)}
    assert set(design.schedule.shares.values()) == {found.shares["RM"]}
    assert found.rows()[0]["rescaled"] == 16
    assert "threshold 8 (natural logarithm)" in found.headline()


def test_counted_by_hand() -> None:
    """Maxima of tiles one after another, by NumPy alone."""
    found = rescaling(cascade(), "bert", 512, deviation=8, key_tile=32, together=64, seed=3)
    random = np.random.default_rng(3)
    scale = (8 / 8) ** 0.5
    q, k = random.standard_normal((64, 512)) * scale, random.standard_normal((64, 512)) * scale
    tops = (k.T @ q).reshape(16, 32, 512).max(axis=1)
    reference, moved = np.full(512, -np.inf), []
    for top in tops:
        moved.append(top - reference > 8)
        reference = np.where(moved[-1], top, reference)
    assert (np.array(moved) == found.moved["RM"]).all()
    assert found.shares["RM"] == Fraction(int(np.array(moved).reshape(16, 8, 64).any(axis=2).sum()), 128)
    assert 0 < found.shares_of_rows["RM"] < found.shares["RM"] < 1


def test_more_rows_together_move_more_often_and_a_threshold_less() -> None:
    few, many = (rescaling(cascade(), "bert", "1K", deviation=4, together=n, key_tile=64) for n in (1, 256))
    assert few.shares["RM"] == few.shares_of_rows["RM"] < many.shares["RM"]
    higher = rescaling(cascade(), "bert", "1K", deviation=4, key_tile=64, threshold=16)
    assert higher.shares["RM"] == Fraction(1, 16) < many.shares["RM"]


def test_as_it_is_the_maximum_moves_nearly_everywhere() -> None:
    """Where only an unmoved maximum may be skipped, and 256 rows go together, nothing is."""
    assert rescaling("attn_1pass_fusemax", "bert", "1K").shares == {"RM": 1}


def test_refusals() -> None:
    with pytest.raises(UsageError, match="attn_3pass has no running reference"):
        rescaling("attn_3pass", "bert", "1K")
    with pytest.raises(UsageError, match="above 0"):
        rescaling(cascade(), "bert", "1K", deviation=0)
