"""At which steps a running tensor moves."""

from __future__ import annotations

import numpy as np
import pytest

from fusemax.base.errors import UnknownName
from fusemax.cascade import parse
from fusemax.execute.moves import moves

LAZY = parse("""\
cascade lazy
input X[m, p]
output L[p]
alias I = M
parameter TAU = 8
sizes M = 5

init:
  RG[0, p] = -inf
  RD[0, p] = 0

iterate i until M:
  RG[i+1, p] = where(X[i, p] - RG[i, p] > TAU, X[i, p], RG[i, p])
  RD[i+1, p] = RD[i, p] * exp(RG[i, p] - RG[i+1, p]) + exp(X[i, p] - RG[i+1, p])

then:
  L[p] = RG[M, p] + log(RD[M, p])
""")
X = np.array([[0.0, 1.0, 2.0, 10.0, 11.0], [0.0, 8.0, 8.5, 9.0, 17.0]]).T


def test_moves_are_where_the_threshold_is_passed() -> None:
    found = moves(LAZY, "RG", {"X": X})
    assert found.T.tolist() == [[True, False, False, True, False], [True, False, True, False, True]]
    assert moves(LAZY, "RG", {"X": X}, parameters={"TAU": 0.5}).T.tolist()[0] == [True, True, True, True, True]


def test_only_what_runs_moves() -> None:
    with pytest.raises(UnknownName, match="running tensor"):
        moves(LAZY, "L", {"X": X})
