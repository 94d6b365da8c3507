"""Normal forms have the value of what they are the normal form of; equal sums have one text."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fusemax.cascade import parse
from fusemax.cascade.ir import Access, Binary, Call, Expr, Number, Unary
from fusemax.derive import signs
from fusemax.derive.algebra import ELEMENT, REFERENCE, Poly, expanded
from fusemax.derive.emit import to_expr
from fusemax.derive.normal import Normal
from fusemax.derive.points import doubles, evaluate

NAMES = {"X": ELEMENT, "W": ELEMENT, "Y": REFERENCE, "D": REFERENCE, "C": 0}
POSITIVE = frozenset("DC")


def normal() -> Normal:
    def sign(expr: Expr) -> int:
        is_positive = isinstance(expr, Access) and expr.tensor in POSITIVE
        return signs.PLUS if is_positive else signs.ANY

    return Normal(lambda e: NAMES.get(e.tensor, 0) if isinstance(e, Access) else 0, lambda _: None, sign)


def expression(text: str) -> Expr:
    return parse(f"cascade c\ninput X, W, Y, D, C\noutput Z\nZ = {text}\n").einsums[0].right


def form(text: str) -> Poly:
    return normal()(expression(text))


LEAVES = st.sampled_from([Access(name) for name in NAMES] + [Number(2), Number(0.5)])


def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    binary = st.builds(lambda o, a, b: Binary(o, a, b), st.sampled_from("+-*/"), inner, inner)
    functions = st.sampled_from(["exp", "log", "abs", "sqrt", "relu", "tanh"])
    unary = st.builds(lambda f, a: Call(f, (a,)), functions, inner)
    pairs = st.sampled_from(["max", "min", "div0", "expsub"])
    several = st.builds(lambda f, a, b: Call(f, (a, b)), pairs, inner, inner)
    test = st.builds(lambda a, b: Binary("<", a, b), inner, inner)
    choice = st.builds(lambda c, a, b: Call("where", (c, a, b)), test, inner, inner)
    return st.one_of(binary, unary, several, choice, st.builds(lambda a: Unary("-", a), inner))


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=6)
VALUES = st.fixed_dictionaries({n: st.floats(0.3, 2.0) if n in POSITIVE else st.floats(-2.0, 2.0) for n in NAMES})


def value(expr: Expr, values: dict[str, float]) -> float:
    def read(leaf: Expr) -> float:
        assert isinstance(leaf, Access)
        return values[leaf.tensor]

    return float(evaluate(expr, read, doubles()))


@given(EXPRESSIONS, VALUES)
def test_the_normal_form_has_the_value_of_the_expression(expr: Expr, values: dict[str, float]) -> None:
    expected = value(expr, values)
    assume(math.isfinite(expected) and abs(expected) < 1e6)
    found = normal()(expr)
    for p in (found, expanded(found)):
        again = value(to_expr(p), values)
        assume(math.isfinite(again))
        assert again == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("X * (W + C)", "(C + W) * X"),
        ("exp(X - Y) * exp(Y)", "exp(X)"),
        ("log(exp(X - Y) / D)", "X - Y - log(D)"),
        ("(X - Y) * (X - Y)", "(Y - X) * (Y - X)"),
        ("X / D - Y / D", "(X - Y) / D"),
        ("max(X + Y, W + Y)", "Y + max(W, X)"),
        ("max(X / D, W / D)", "max(X, W) / D"),
        ("relu(X / D)", "relu(X) / D"),
        ("abs(X / D)", "abs(X) / D"),
        ("sqrt(D * D)", "D"),
        ("exp(X - log(D))", "exp(X) / D"),
        ("X - X", "0"),
        ("expsub(X, Y)", "exp(X - Y)"),
    ],
)
def test_equal_expressions_have_one_form(first: str, second: str) -> None:
    one, other = expanded(form(first)), expanded(form(second))
    assert one.text == other.text


@pytest.mark.parametrize(
    ("first", "second"), [("X / X", "1"), ("X * Y / Y", "X"), ("sqrt(X * X)", "X"), ("abs(X)", "X")]
)
def test_what_holds_for_some_values_only_is_not_used(first: str, second: str) -> None:
    assert form(first).text != form(second).text
