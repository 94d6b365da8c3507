"""Cell rules: every broken one is reported at its place, and nothing legal is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fusemax.base.errors import SourceError
from fusemax.execute import run, trial_run
from tests.execute.cases import cascade, normal

HEADER = "input     X[m], I[k]\noutput    Z[m]\nsizes     M = 4, K = 3\n"


def error_of(body: str, header: str = HEADER) -> SourceError:
    c = cascade(header + body)
    with pytest.raises(SourceError) as trial:
        trial_run(c)
    inputs = normal(c)
    if "I" in inputs:
        inputs["I"] = np.zeros_like(inputs["I"])
    with pytest.raises(SourceError) as real:
        run(c, inputs)
    assert str(trial.value) == str(real.value)
    return real.value


@pytest.mark.parametrize(
    ("body", "column", "message"),
    [
        ("Z[m] = X[m+1]\n", 8, "index 4 is out of range in position 1 of X, expected 0 to 3"),
        ("Z[m] = X[m-1]\n", 8, "index -1 is out of range in position 1 of X, expected 0 to 3"),
        ("Z[m] = X[(m+1)//0]\n", 8, "index inf is out of range in position 1 of X, expected 0 to 3"),
        ("Z[m] = X[m] + X[2*m]\n", 15, "index 4 is out of range in position 1 of X, expected 0 to 3"),
        ("Z[m] = X[m] + X[9]\n", 15, "index 9 is out of range in position 1 of X, expected 0 to 3"),
        ("Z[m-1] = X[m]\n", 1, "index -1 on the left side is out of range"),
        ("Z[m//2] = X[m]\n", 1, "Z[0] is written twice"),
        ("Z[m%2+2*(m//2)-m] = X[m]\n", 1, "Z[0] is written twice"),
        ("Z[0*m] = X[m]\n", 1, "Z[0] is written twice"),
    ],
)
def test_one_statement(body: str, column: int, message: str) -> None:
    error = error_of(body)
    assert (error.line, error.column, error.message) == (5, column, message)


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("Y[m+1] = X[m]\nZ[m] = Y[m]\n", 6, 8, "Y[0] is not yet written"),
        ("Y[2*m] = X[m]\nZ[m] = Y[m]\n", 6, 8, "Y[1] is not yet written"),
        ("Y[0] = 1\nY[m+1] = Y[m] + X[m]\nZ[m] = Y[m]\n", 6, 10, "Y[1] is not yet written"),
        ("Y[m] = X[m]\nY[0] = 1\nZ[m] = Y[m]\n", 6, 1, "Y[0] is written twice"),
        ("Y[m, k] = X[m]\nY[m+3, 0] = I[k]\nZ[m] = Y[m, 0]\n", 6, 1, "Y[3, 0] is written twice"),
        ("Z[2*m] = X[m]\n", 3, 11, "output 'Z' is only partly written"),
        ("Z[m+1] = X[m]\n", 3, 11, "output 'Z' is only partly written"),
        ("Z[0] = X[m]\n", 3, 11, "output 'Z' is only partly written"),
        ("Y[k] = I[k] + M\nZ[m] = X[Y[m//2]]\n", 6, 8, "index 4 is out of range in position 1 of X, expected 0 to 3"),
        ("Y[k] = 0 / I[k]\nZ[m] = X[Y[m//2]]\n", 6, 8, "index nan is out of range in position 1 of X, expected 0 to 3"),
        ("Y[m+1] = X[m]\nZ[m] = Y[(k+1)%K : k >= 0] * X[m]\n", 6, 8, "Y[0] is not yet written"),
        ("Z[m] = where(m > 0, X[m-1], 0)\n", 5, 21, "index -1 is out of range in position 1 of X, expected 0 to 3"),
    ],
)
def test_several_statements(body: str, line: int, column: int, message: str) -> None:
    c = cascade(HEADER + body)
    with pytest.raises(SourceError) as caught:
        run(c, {"X": np.ones(4), "I": np.zeros(3)})
    assert (caught.value.line, caught.value.column, caught.value.message) == (line, column, message)


ITERATIVE = "input     X[i]\noutput    Z[i]\nsizes     I = 4\n"


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("init:\n  S[0, 0] = 0\niterate i until I:\n  S[i+1, 1] = S[i, 1] + X[i]\n  Z[i] = S[i+1, 1]\n", 8, 15,
         "S[0, 1] is not yet written"),
        ("init:\n  S[0] = 0\niterate i until I:\n  Z[i] = S[i+1]\n  S[i+1] = S[i] + X[i]\n", 8, 10,
         "S[1] is not yet written"),
        ("init:\n  S[0] = 0\niterate i until I:\n  S[i+1] = S[i] + X[i+1]\n  Z[i] = S[i]\n", 8, 19,
         "index 4 is out of range in position 1 of X, expected 0 to 3"),
        ("init:\n  S[I] = 0\niterate i downto 0:\n  S[i] = S[i+2] + X[i]\n  Z[i] = S[i]\n", 8, 10,
         "index 5 is out of range in position 1 of S, expected 0 to 4"),
        ("init:\n  S[I] = 0\niterate i downto 0:\n  S[i] = S[I-1] + X[i]\n  Z[i] = S[i]\n", 8, 10,
         "S[3] is not yet written"),
        ("init:\n  S[2] = 0\niterate i until I:\n  S[i] = X[i]\n  Z[i] = S[i]\n", 8, 3, "S[2] is written twice"),
        ("iterate i until I:\n  S[i] = X[i]\n  Z[2*i] = S[i]\n", 3, 11, "output 'Z' is only partly written"),
    ],
)  # fmt: skip
def test_iterations(body: str, line: int, column: int, message: str) -> None:
    error = error_of(body, ITERATIVE)
    assert (error.line, error.column, error.message) == (line, column, message)


@pytest.mark.parametrize(
    "body",
    [
        "Y[k] = 0 * I[k]\nZ[m] = X[Y[m//2]]\n",
        "Y[m+1] = X[m]\nZ[m] = Y[m+1]\n",
        "Y[0] = 1\nY[m+1] = X[m]\nZ[m] = Y[m] + Y[M]\n",
        "Y[2*m] = X[m]\nY[2*m+1] = X[m]\nZ[m] = Y[2*m] + Y[2*m+1]\n",
        "Y[0, m] = X[m]\nY[k+1, m] = Y[0, m] + I[k]\nZ[m] = Y[K, m]\n",
        "Y[m*K+k] = X[m] * I[k]\nZ[m] = Y[m*K+k]\n",
        "Y[k, m%2, m//2] = X[m] * I[k]\nZ[m] = Y[k, m%2, m//2]\n",
        "Y[M-1-m] = X[m]\nZ[m] = Y[m]\n",
        "Z[m] = X[m-k-1 : k < m] * I[k]\n",
        "Z[m] = X[m-k-1 : k < m] :: max(k)\n",
        "Y[m+1] = X[m]\nZ[m] = Y[k%K : k > 0] * X[m]\n",
        "Z[m] = X[m] * I[k : X[k%K-1] > 0] * I[k : k >= 1]\n",
        "N = 1\nZ[m] = X[N] + X[N+m//2]\n",
    ],
)
def test_legal(body: str) -> None:
    assert trial_run(cascade(HEADER + body))


def test_an_output_may_have_one_coordinate_more_than_its_rank() -> None:
    c = cascade(
        "input     X[i]\noutput    S[i]\nsizes     I = 3\n"
        "init:\n  S[0] = 0\niterate i until I:\n  S[i+1] = S[i] + X[i]\n"
    )
    assert run(c, {"X": [1.0, 2.0, 3.0]})["S"].tolist() == [0.0, 1.0, 3.0, 6.0]


def test_cells_that_only_turn_out_to_differ() -> None:
    """2*k+3*n is no sum of digits, and still gives 0, 2, 3 and 5; the middle of each row stays unwritten."""
    header = "input     X[m, k, n]\noutput    Z[m]\nsizes     M = 3, K = 2, N = 2\n"
    c = cascade(header + "Y[m, 2*k+3*n] = X[m, k, n]\nZ[m] = Y[m, 0] + Y[m, 2] + Y[m, 3] + Y[m, 5]\n")
    assert trial_run(c)
    x = normal(c)["X"]
    np.testing.assert_allclose(run(c, {"X": x})["Z"], x.sum(axis=(1, 2)))
    error = error_of("Y[m, 2*k+3*n] = X[m, k, n]\nZ[m] = Y[m, 1]\n", header)
    assert (error.line, error.column, error.message) == (6, 8, "Y[0, 1] is not yet written")
    error = error_of("Y[m, k+n] = X[m, k, n]\nZ[m] = Y[m, 0]\n", header)
    assert (error.line, error.column, error.message) == (5, 1, "Y[0, 1] is written twice")


def test_left_indices_that_are_not_affine_in_an_iteration() -> None:
    text = (
        "input     X[i, m]\noutput    Z[m]\nsizes     I = 3, M = 4\niterate i until I:\n  Y[i, m//2, m%2] = X[i, m]\n"
    )
    c = cascade(text + "then:\n  Z[m] = Y[I-1, m//2, m%2]\n")
    x = normal(c)["X"]
    np.testing.assert_array_equal(run(c, {"X": x})["Z"], x[2])
