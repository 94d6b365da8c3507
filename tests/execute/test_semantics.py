"""Forms of the language with results anybody can check by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fusemax.base.errors import SourceError, SourceErrors, UnknownName, UsageError
from fusemax.cascade.functions import UserFunction
from fusemax.cascade.parse import parse
from fusemax.execute import run
from tests.execute.cases import cascade

NAN, INF = float("nan"), float("inf")


def value(expression: str, **inputs: Any) -> list[float]:
    """The expression of `x`, `y` and `z`, one result per coordinate."""
    arrays = {name.upper(): np.asarray(array, dtype=float) for name, array in inputs.items()}
    names = ", ".join(f"{name}[m]" for name in arrays)
    for name in inputs:
        expression = expression.replace(f"${name}", f"{name.upper()}[m]")
    c = cascade(f"input {names}\noutput Z_[m]\nparameter EPS = 0.5\nZ_[m] = {expression}\n")
    found: list[float] = run(c, arrays)["Z_"].tolist()
    return found


def same(found: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert np.signbit(found).tolist() == np.signbit(expected).tolist() or any(map(np.isnan, expected))


@pytest.mark.parametrize(
    ("expression", "x", "expected"),
    [
        ("$x // 2", [7, -7, 7.5, INF], [3, -4, 3, NAN]),
        ("$x // 0", [1, -1, 0, NAN], [INF, -INF, NAN, NAN]),
        ("$x % 3", [7, -7, 7.5, INF], [1, 2, 1.5, NAN]),
        ("$x % -3", [7, -7, 6, 0], [-2, -1, -0.0, -0.0]),
        ("$x % 0", [1, -1, 0, INF], [NAN] * 4),
        ("$x / 0", [1, -1, 0, NAN], [INF, -INF, NAN, NAN]),
        ("round($x)", [0.5, 1.5, 2.5, -0.5], [0, 2, 2, -0.0]),
        ("floor($x)", [0.5, -0.5, 2, INF], [0, -1, 2, INF]),
        ("ceil($x)", [0.5, -0.5, 2, -INF], [1, -0.0, 2, -INF]),
        ("relu($x)", [1, -1, NAN, INF], [1, 0, NAN, INF]),
        ("sigmoid($x)", [0, INF, -INF, NAN], [0.5, 1, 0, NAN]),
        ("max($x, 1)", [0, 2, NAN, -INF], [1, 2, NAN, 1]),
        ("max($x, 1, 2, 3)", [0, 4, NAN, 3], [3, 4, NAN, 3]),
        ("min($x, NAN_)", [0, 2, NAN, INF], [NAN] * 4),
        ("div0(1, $x)", [0, -0.0, 2, NAN], [0, 0, 0.5, NAN]),
        ("expsub($x, 0)", [0, -INF, NAN, INF], [1, 0, NAN, INF]),
        ("expsub($x, -inf)", [0, -INF, NAN, INF], [1, 0, NAN, INF]),
        ("expsub(-inf, $x)", [0, -INF, NAN, INF], [0, 0, 0, 0]),
        ("exp($x - inf)", [0, -INF, NAN, INF], [0, 0, NAN, NAN]),
        ("log($x)", [1, 0, -1, INF], [0, -INF, NAN, INF]),
        ("sqrt($x)", [4, 0, -1, INF], [2, 0, NAN, INF]),
        ("exp2($x)", [3, -1, 2000, -INF], [8, 0.5, INF, 0]),
        ("log2($x)", [8, 0, -1, 1], [3, -INF, NAN, 0]),
        ("abs(-$x)", [1, -0.0, -INF, NAN], [1, 0, INF, NAN]),
        ("tanh($x)", [0, INF, -INF, NAN], [0, 1, -1, NAN]),
        ("not $x", [0, 1, -0.0, NAN], [1, 0, 1, 0]),
        ("$x and 1", [0, 2, -0.0, NAN], [0, 1, 0, 1]),
        ("$x or 0", [0, 2, -0.0, NAN], [0, 1, 0, 1]),
        ("where($x, 5, 6)", [0, 2, -0.0, NAN], [6, 5, 6, 5]),
        ("($x < 1) + ($x <= 1) * 2", [0, 1, 2, NAN], [3, 2, 0, 0]),
        ("-($x == $x)", [0, 1, INF, NAN], [-1, -1, -1, -0.0]),
        ("$x != $x", [0, 1, INF, NAN], [0, 0, 0, 1]),
        ("m * M + EPS", [0, 0, 0, 0], [0.5, 4.5, 8.5, 12.5]),
        ("pi * (m >= 2)", [0, 0, 0, 0], [0, 0, np.pi, np.pi]),
        ("1e308 * 10 * $x", [1, -1, 0, 2], [INF, -INF, NAN, INF]),
        ("$x - -1", [1, -1, 0, 2], [2, 0, 1, 3]),
    ],
)
def test_expressions(expression: str, x: list[float], expected: list[float]) -> None:
    same(value(expression.replace("NAN_", "(0 / 0)"), x=x), expected)


def out(text: str, **inputs: Any) -> Any:
    c = cascade(text)
    return run(c, {name: np.asarray(array) for name, array in inputs.items()})[c.outputs[0].tensor].tolist()


def test_reductions_and_their_order() -> None:
    x = [[1.0, 5.0, 2.0], [4.0, 0.0, 3.0]]
    assert out("input X[m, n]\noutput Y\nY = X[m, n]\n", X=x) == 15
    assert out("input X[m, n]\noutput Y\nY = X[m, n] :: *(n) max(m)\n", X=x) == 10
    assert out("input X[m, n]\noutput Y\nY = X[m, n] :: max(m)\n", X=x) == 8
    assert out("input X[m, n]\noutput Y\nY = X[m, n] :: max(n) min(m)\n", X=x) == 4
    assert out("input X[m, n]\noutput Y\nY = X[m, n] :: min(m, n)\n", X=x) == 0
    assert out("input X[m, n]\noutput Y[n]\nY[n] = X[m, n] :: min(m)\n", X=x) == [1, 0, 2]


def test_nan_wins_every_reduction() -> None:
    for operator in ("+", "*", "max", "min"):
        text = f"input X[m]\noutput Y\nY = X[m] :: {operator}(m)\n"
        assert np.isnan(out(text, X=[1.0, NAN, INF, -INF, 0.0]))


def test_a_variable_on_the_left_alone_repeats() -> None:
    assert out("input X[m]\noutput Y[m, k]\nsizes K = 2\nY[m, k] = X[m]\n", X=[1.0, 2.0]) == [[1, 1], [2, 2]]
    assert out("input X[m]\noutput Y[k]\nsizes K = 3\nY[k] = 7\n", X=[1.0]) == [7, 7, 7]


def test_a_value_that_does_not_vary_is_still_reduced_at_every_point() -> None:
    assert out("input X[m, n]\noutput Y\nY = X[0, 0] + 0 * m * n\n", X=np.full((3, 4), 2.0)) == 24
    assert out("input X[m]\noutput Y\nY = X[0 : m <= 1]\n", X=[3.0, 1.0, 1.0]) == 6
    assert out("input X[m]\noutput Y\nY = X[0 : m <= 1] :: *(m)\n", X=[3.0, 1.0, 1.0]) == 9


def test_an_empty_fiber_gives_the_identity() -> None:
    for operator, identity in (("+", 0.0), ("*", 1.0), ("max", -INF), ("min", INF)):
        text = f"input X[m]\noutput Y[p]\nsizes P = 2\nequal P = M\nY[p] = X[m : m < p] :: {operator}(m)\n"
        assert out(text, X=[5.0, 6.0])[0] == identity


def test_filtered_points_contribute_nothing_whatever_they_hold() -> None:
    text = "input X[m], V[m, f]\noutput Y[p, f]\nsizes P = 2\nequal P = M\nY[p, f] = X[m : m <= p] * V[m, f]\n"
    assert out(text, X=[1.0, NAN], V=[[2.0], [3.0]])[0] == [2]
    assert out(text, X=[1.0, 2.0], V=[[2.0], [INF]]) == [[2], [INF]]


def test_topk_breaks_ties_by_coordinate_and_puts_nan_last() -> None:
    x = [1.0, NAN, 3.0, 3.0, -INF, INF, -0.0, 0.0]
    top = "input X[m]\noutput T[j]\nsizes J = 8\nT[j] = X[m] :: topk(m, j)\n"
    assert np.isnan(out(top, X=x)[-1])
    assert out(top, X=x)[:-1] == [INF, 3, 3, 1, 0, 0, -INF]
    assert out(top.replace("topk", "argtopk"), X=x) == [5, 2, 3, 0, 6, 7, 4, 1]
    both = "input X[m, n]\noutput T[j, n]\nsizes J = 1\nT[j, n] = 2 * X[m, n] :: topk(m, j)\n"
    assert out(both, X=[[1.0, 4.0], [2.0, 3.0]]) == [[4, 8]]


def test_gathers_truncate() -> None:
    text = "input X[m], I[k]\noutput Y[k]\nY[k] = X[I[k]] + X[2*I[k]-I[k]]\n"
    assert out(text, X=[10.0, 20.0, 30.0], I=[0.9, 1.999, -0.9]) == [20, 40, 20]
    with pytest.raises(SourceError, match="index -1 is out of range"):
        out(text, X=[10.0, 20.0, 30.0], I=[0.0, -1.0])


def test_iterations_run_down_and_terminal_coordinates_are_read() -> None:
    text = (
        "input X[i]\noutput Y[i], Z\ninit:\n  R[I] = 1\n"
        "iterate i downto 0:\n  R[i] = 2 * R[i+1] + X[i]\n  Y[i] = R[i]\nthen:\n  Z = R[0]\n"
    )
    assert out(text, X=[1.0, 2.0, 3.0]) == [8 + 4 * 3 + 2 * 2 + 1, 4 + 2 * 3 + 2, 5]


def test_inputs_of_every_real_type() -> None:
    text = "input X[m]\noutput Y\nY = X[m]\n"
    for dtype in (bool, np.int8, np.uint64, np.float16, np.longdouble, ">f4"):
        assert out(text, X=np.array([1, 0, 1], dtype=dtype)) == 2
    assert out(text, X=np.array([[1, 9], [2, 9]])[:, 0]) == 3
    assert out(text, X=[2**53 + 1, 0]) == 2**53


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([1j]), "holds complex128"),
        (np.array(["a"]), "holds <U1"),
        (np.array([None]), "holds object"),
        (np.zeros(()), "has 1 rank, its array has 0"),
        (np.zeros((2, 2)), "has 1 rank, its array has 2"),
        (np.zeros(0), "has size 0 along M"),
    ],
)
def test_wrong_inputs_are_reported_at_their_declaration(x: Any, message: str) -> None:
    c = cascade("input A[k], X[m]\noutput Y\nY = X[m] + A[k]\n")
    with pytest.raises((SourceError, SourceErrors), match=message) as caught:
        run(c, {"X": x, "A": [1.0]})
    error = caught.value
    assert isinstance(error, SourceError)
    assert (error.line, error.column) == (2, 13)


def test_missing_and_foreign_names() -> None:
    c = cascade("input X[m]\noutput Y\nparameter EPS = 1\nY = X[m] * EPS\n")
    with pytest.raises(SourceError, match="no array for input 'X'"):
        run(c, {})
    with pytest.raises(UnknownName, match="unknown input 'XX'"):
        run(c, {"X": [1.0], "XX": [1.0]})
    with pytest.raises(UnknownName, match="unknown parameter 'EPSS'"):
        run(c, {"X": [1.0]}, parameters={"EPSS": 1})
    with pytest.raises(UsageError, match="size M=2"):
        run(c, {"X": [1.0]}, sizes={"M": 2})
    assert run(c, {"X": [1.0, 2.0]}, parameters={"EPS": 3})["Y"] == 9


def test_an_output_does_not_share_memory_with_an_input() -> None:
    c = cascade("input X[m]\noutput Y[m], Z[m]\nY[m] = X[m]\nZ[m] = Y[m]\n")
    x = np.ones(3)
    found = run(c, {"X": x})
    found["Y"][0] = 5
    assert x[0] == 1
    assert found["Z"][0] == 1


def test_registered_functions_run() -> None:
    table = {"gelu": UserFunction(lambda x: x * 2), "hypot": UserFunction(np.hypot, 2, merge="union")}
    text = "cascade t\ninput A[m], B[m]\noutput Z[m], Y\nZ[m] = hypot(A[m], B[m]) + gelu(1)\nY = gelu(A[m])\n"
    found = run(parse(text, functions=table), {"A": [3.0, 1.0], "B": [4.0, 0.0]}, functions=table)
    assert found["Z"].tolist() == [7, 3]
    assert found["Y"] == 8


def test_an_observer_sees_every_execution() -> None:
    c = cascade(
        "input X[i]\noutput Y\ninit:\n  S[0] = 0\niterate i until I:\n  S[i+1] = S[i] + X[i]\nthen:\n  Y = S[I]\n"
    )
    seen: list[tuple[str, int | None, float]] = []
    run(c, {"X": [1.0, 2.0]}, observer=lambda einsum, step, cells: seen.append((einsum.tensor, step, cells.item())))
    assert seen == [("S", None, 0), ("S", 0, 1), ("S", 1, 3), ("Y", None, 3)]


@pytest.mark.parametrize("special", [NAN, INF, 1e300])
def test_products_are_not_reordered_where_that_shows(special: float) -> None:
    """A scale, three factors and a filter make matrix products; not finite or huge values must not notice."""
    a = np.array([[1.0, special], [2.0, 3.0]])
    b = np.array([[1.0, 1e300], [2.0, 1e-300]])
    masked = "input A[m, k], B[m, n]\noutput Z[k, n]\nZ[k, n] = A[m : m < 1, k] * B[m, n]\n"
    np.testing.assert_array_equal(out(masked, A=a.T, B=b), np.outer(a.T[0], b[0]))
    scaled = "input A[m, k], B[k, n], S\noutput Z[m, n]\nZ[m, n] = A[m, k] * B[k, n] * S\n"
    with np.errstate(all="ignore"):
        expected = (a[:, :, None] * b * 1e-200).sum(axis=1)
    np.testing.assert_allclose(out(scaled, A=a, B=b, S=1e-200), expected, rtol=1e-14)


def test_long_products_divisors_and_signs() -> None:
    g = np.random.default_rng(0)
    a, b, c, d = g.random((3, 4)), g.random((4, 5)), g.random((5, 2)), g.random(3) + 1
    text = "input A[i, j], B[j, k], C[k, l], D[i]\noutput Z[i, l]\nZ[i, l] = -A[i, j] * B[j, k] / 2 * C[k, l] / D[i]\n"
    np.testing.assert_allclose(out(text, A=a, B=b, C=c, D=d), -(a @ b @ c) / 2 / d[:, None], rtol=1e-13)
    batched = "input A[h, i, j], B[h, j, k], W[j]\noutput Z[h, k, i]\nZ[h, k, i] = A[h, i, j] * B[h, j, k] * W[j]\n"
    x, y, w = g.random((2, 3, 4)), g.random((2, 4, 5)), g.random(4)
    expected = np.einsum("hij,hjk,j->hki", x, y, w)
    np.testing.assert_allclose(out(batched, A=x, B=y, W=w), expected, rtol=1e-13)
