import pytest

from fusemax.cascade import parse
from fusemax.cascade.parse import parse_einsum
from fusemax.cascade.unicode import UNICODE, print_unicode
from tests.cascade.texts import ONE_PASS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Z[m] = A[m] * B[m] / C[m] - 1", "Z[m] = A[m] × B[m] ÷ C[m] − 1"),
        ("Z[m1, m0] = A[m1*M0+m0-1]", "Z[m1, m0] = A[m1×M0+m0−1]"),
        ("Z[m] = where(not (m <= 2 or m >= 3 and m != 4), -inf, pi)", "Z[m] = where(¬ (m ≤ 2 ∨ m ≥ 3 ∧ m ≠ 4), −∞, π)"),
        ("Z[m] = exp(A[m] + 1)", "Z[m] = e^(A[m] + 1)"),
        ("Z[p] = A[e, p]", "Z[p] = A[e, p] :: ⋁e +"),
        ("Z[p] = A[m, p] :: max(m)", "Z[p] = A[m, p] :: ⋁m max"),
        ("Z = A[e, m, n] :: max(n) *(m)", "Z = A[e, m, n] :: ⋁e + ⋁n max ⋁m ×"),
        ("Z = A[m, n] :: min(m, n)", "Z = A[m, n] :: ⋁m,n min"),
        ("Z[j] = A[m] :: argtopk(m, j)", "Z[j] = A[m] :: ⋁m argtopk j"),
    ],
)
def test_symbols(text: str, shown: str) -> None:
    assert UNICODE.einsum(parse_einsum(text)) == shown


def test_iterations_are_shown_by_their_end() -> None:
    text = print_unicode(parse(ONE_PASS))
    assert "\n⋄ m1 ≥ M1:\n  BQK[m1, m0, p] = Q[e, p] × BK[e, m1, m0] :: ⋁e +\n" in text
    assert "\ninit:\n" in text
    down = parse("cascade C\ninput A[k]\noutput Z\niterate k downto 0:\nZ = A[k]\n")
    assert "\n⋄ k < 0:\n" in print_unicode(down)
