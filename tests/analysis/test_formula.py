from __future__ import annotations

import pytest

from fusemax.analysis.formula import UNKNOWN, Count, fit, fit_turning, value
from fusemax.base.errors import UsageError


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I+1", lambda i: i + 1),
        ("2*I", lambda i: 2 * i),
        ("2*I-1", lambda i: 2 * i - 1),
        ("(I+1)//2", lambda i: (i + 1) // 2),
        ("I//2", lambda i: i // 2),
        ("(2*I+2)//3", lambda i: (2 * i + 2) // 3),
    ],
)
def test_formulas_of_one_rank(text: str, count: object) -> None:
    assert callable(count)
    samples = [({"I": i}, int(count(i))) for i in (4, 7, 2, 3, 6)]
    found = fit(["I"], samples)
    assert found == text
    assert all(value(found, {"I": i}) == count(i) for i in range(2, 40))


def test_two_ranks_add_up() -> None:
    samples = [({"I": i, "J": j}, i + 2 * j + 1) for i, j in ((4, 4), (7, 4), (2, 4), (4, 7), (4, 2), (7, 7))]
    assert fit(["I", "J"], samples) == "I+2*J+1"


def test_a_constant_is_an_integer_and_anything_else_is_not_guessed() -> None:
    samples: list[tuple[dict[str, int], int]] = [({"I": i}, 3) for i in (2, 4, 7)]
    found: Count | None = fit(["I"], samples)
    assert found == 3
    assert fit(["I"], [({"I": i}, i * i) for i in (2, 3, 4, 6, 7)]) is None
    with pytest.raises(UsageError):
        value(UNKNOWN, {})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("(I+N-1)//N", lambda i, n: (i + n - 1) // n),
        ("(2*I+1)//(N-1)", lambda i, n: (2 * i + 1) // (n - 1)),
        ("I//(2*N)", lambda i, n: i // (2 * n)),
    ],
)
def test_steps_that_turn_around_a_rank(text: str, count: object) -> None:
    assert callable(count)
    samples = [({"I": i, "N": n}, int(count(i, n))) for n in (4, 5, 6) for i in (2, 3, 4, 5, 6, 7, 8, 9, 11)]
    found = fit_turning(["I"], ["N"], samples)
    assert found is not None
    assert all(value(found, {"I": i, "N": n}) == count(i, n) for n in range(4, 12) for i in range(2, 40))
    assert found == text


def test_only_arithmetic_of_ranks_has_a_value() -> None:
    with pytest.raises(UsageError, match="is no formula"):
        value("I**2", {"I": 3})
