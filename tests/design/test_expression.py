"""Arithmetic in design files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import UsageError
from fusemax.design.expression import parse_expression

VALUES = {"P": 4096, "array2d.rows": 256, "E": 64}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("P // array2d.rows", 16),
        ("2 * (P + E) - 1", 8319),
        ("min(array2d.rows, E)", 64),
        ("max(1, E // array2d.rows)", 1),
        ("ceil(P / 1000)", 5),
        ("-E % 7", 6),
        ("P / E", 64.0),
    ],
)
def test_values(text: str, value: float) -> None:
    assert parse_expression(text)(VALUES.__getitem__) == value
    arrays = {name: np.array([number, number]) for name, number in VALUES.items()}
    assert list(parse_expression(text)(arrays.__getitem__)) == [value, value]


DEEP = "(" * 40 + "1" + ")" * 40 + "+" + "-" * 40 + "1"
WRONG = [
    "",
    "2 +",
    "a b",
    "f(1)",
    "__import__('os')",
    "[1]",
    "a.b().c",
    "x if y else z",
    "1 < 2",
    "'a'",
    "a" * 300,
    DEEP,
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(UsageError):
        parse_expression(text)


def test_division_by_zero_is_said() -> None:
    with pytest.raises(UsageError, match="division by zero"):
        parse_expression("P // 0")(VALUES.__getitem__)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse_expression(text)
    except UsageError:
        return
    assert isinstance(expression.names, tuple)
