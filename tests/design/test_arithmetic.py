"""Numbers, arrays and terms through the same functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.design.arithmetic import (
    ceil_div,
    ceil_log2,
    divisors,
    floor_div,
    largest_divisor,
    maximum,
    minimum,
    where,
    wrapped_share,
)
from fusemax.design.term import Term


@given(st.integers(1, 100_000), st.integers(-3, 200_000))
def test_largest_divisor(number: int, limit: int) -> None:
    found = largest_divisor(number, limit)
    if number < 2000:
        assert found == max((d for d in range(1, number + 1) if number % d == 0 and d <= limit), default=0)
    assert largest_divisor(np.array([number, number]), limit).tolist() == [found, found]


def test_largest_divisor_of_many_different_numbers() -> None:
    numbers = np.arange(1, 3000)
    limits = np.arange(1, 3000) // 3 + 1
    assert largest_divisor(numbers, limits).tolist() == [
        largest_divisor(int(n), int(m)) for n, m in zip(numbers, limits, strict=True)
    ]


@pytest.mark.parametrize("largest", [60, 4096, 16384, 65535, 70000])
def test_largest_divisors_by_table_and_by_hand(largest: int) -> None:
    random = np.random.default_rng(largest)
    numbers = random.integers(1, largest + 1, 5000)
    limits = np.minimum(
        random.integers(-2, largest + 9, 5000), random.choice([largest, 2 * largest**0.5], 5000)
    ).astype(int)
    expected = [largest_divisor(int(n), int(m)) for n, m in zip(numbers, limits, strict=True)]
    assert largest_divisor(numbers, limits).tolist() == expected
    assert largest_divisor(numbers.astype(float), limits.astype(float)).tolist() == expected


@given(st.integers(0, 2**50), st.integers(1, 2**40), st.integers(1, 2**10))
def test_a_wrapped_share_wraps_as_64_bits_do(whole: int, tile: int, parts: int) -> None:
    expected = (whole * tile % 2**64) // (tile * parts)
    assert wrapped_share(whole, tile, parts) == expected
    assert wrapped_share(np.array([whole]), np.array([tile]), parts)[0] == expected
    assert wrapped_share(np.array([whole], dtype=object), tile, parts)[0] == expected


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_floor_division_of_doubles_is_exact(dividend: int, divisor: int) -> None:
    just_below = dividend * divisor - 1
    for number in (dividend, just_below):
        assert floor_div(np.array([float(number)]), float(divisor))[0] == number // divisor


@given(st.integers(1, 2**40))
def test_address_bits(size: int) -> None:
    bits = ceil_log2(size)
    assert 2**bits >= size > (2 ** (bits - 1) if bits else 0)


def test_divisors() -> None:
    assert divisors(12) == (1, 2, 3, 4, 6, 12)


def test_terms_simplify_and_refuse_to_be_decided() -> None:
    x, y = Term.variable("x"), Term.variable("y")
    assert x * 1 is x
    assert x + 0 is x
    assert x * 0 == 0
    assert x * y is y * x
    negative = -x
    assert -negative is x
    assert maximum(x, x) is x
    assert minimum(x, x) is x
    assert where(x > y, x, x) is x
    assert ceil_div(x, 1) is x
    with pytest.raises(TypeError, match="not known yet"):
        bool(x > y)
    Term.forget()
