"""Einsums that change nothing while a running reference stays, found from the structure of a cascade."""

from __future__ import annotations

import pytest

from fusemax.cascade import load, parse
from fusemax.design.corrections import corrections, references

OTHER_NAMES = """\
cascade other
input X[k]
output L
alias I = K
sizes K = 5

init:
  TOP[0] = -inf
  SUM[0] = 0

iterate i until K:
  TOP[i+1] = max(TOP[i], X[i])
  MOVED[i] = exp2(TOP[i] - TOP[i+1])
  KEPT[i] = MOVED[i] * SUM[i]
  SCALED[i] = X[i] * MOVED[i]
  BACK[i] = exp(TOP[i+1] - TOP[i])
  SUM[i+1] = KEPT[i] + exp(X[i] - TOP[i+1]) + 0 * SCALED[i] + 0 * BACK[i]

then:
  L = TOP[K] + log(SUM[K])
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("attn_1pass_fusemax", ("PRM", "SPD", "SPNV")),
        ("attn_1pass_fa1", ("PRM",)),  # its sums multiply and add at once
        ("attn_differential_1pass", ("PRM1", "PRM2")),
        ("attn_1pass_fa4", ()),  # the factor is chosen by where: it is skipped in the text
        ("attn_3pass", ()),
        ("prefix_sum_iterative", ()),
    ],
)
def test_corrections_of_the_catalogue(name: str, found: tuple[str, ...]) -> None:
    assert corrections(load(name)) == found


def test_not_by_name() -> None:
    """A running tensor times the factor, in either order; not another tensor times it, nor the inverse factor."""
    assert references(parse(OTHER_NAMES)) == {"TOP": ("MOVED", "KEPT")}
