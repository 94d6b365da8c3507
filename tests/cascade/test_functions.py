"""Functions registered from Python are read, printed and held to their arguments; the text alone stays illegal."""

from __future__ import annotations

import numpy as np
import pytest

from fusemax.base.errors import SourceError, UsageError
from fusemax.cascade import check_rules, parse, print_cascade
from fusemax.cascade.edge import print_edge
from fusemax.cascade.functions import UserFunction

TEXT = """cascade   own

input     A[m], B[m]
output    Z[m]
sizes     M = 3

Z[m] = hypot(A[m], B[m]) + gelu(A[m])
"""
TABLE = {
    "hypot": UserFunction(np.hypot, 2, merge="union"),
    "gelu": UserFunction(lambda x: x * np.tanh(x)),
    "mean": UserFunction(lambda *xs: sum(xs) / len(xs), 1, None),
}


def test_a_registered_function_prints_and_reads_back() -> None:
    c = check_rules(parse(TEXT, functions=TABLE))
    assert print_cascade(c) == TEXT
    assert parse(print_cascade(c), functions=TABLE) == c


def test_the_long_form_shows_its_merge_operator() -> None:
    text = print_edge(parse(TEXT, functions=TABLE))
    assert "m (hypot, union)" in text
    assert "m (gelu, all)" in text


def test_without_the_table_the_name_is_unknown() -> None:
    with pytest.raises(SourceError) as caught:
        parse(TEXT)
    assert (caught.value.line, caught.value.column) == (7, 8)
    assert caught.value.message == "unknown function 'hypot'"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("hypot(A[m])", "hypot takes 2 arguments, found 1"),
        ("hypot(A[m], A[m], A[m])", "hypot takes 2 arguments, found 3"),
        ("gelu(A[m], 1)", "gelu takes 1 argument, found 2"),
    ],
)
def test_the_number_of_arguments_is_checked(call: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(f"cascade t\ninput A[m]\noutput Z[m]\nZ[m] = {call}\n", functions=TABLE)
    assert (caught.value.line, caught.value.column, caught.value.message) == (4, 8, message)


def test_no_upper_limit() -> None:
    parse("cascade t\ninput A[m]\noutput Z[m]\nZ[m] = mean(A[m], 1, 2, 3)\n", functions=TABLE)


@pytest.mark.parametrize("name", ["exp", "topk", "Gelu", "two words", "", "é", "max"])
def test_names_that_are_not_free_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be named"):
        parse(TEXT, functions={name: UserFunction(np.exp)})


def test_impossible_signatures_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 1 argument"):
        UserFunction(np.exp, 0)
    with pytest.raises(UsageError, match="merge operator 'outer'"):
        UserFunction(np.exp, merge="outer")
