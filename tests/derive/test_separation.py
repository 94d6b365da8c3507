"""F(x, y) = sum of g(x) * h(y): interpolated and proved where it is so, and not proved where it is not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fusemax.cascade import check_rules, load, parse
from fusemax.cascade.ir import Access, Expr
from fusemax.derive import derive, signs
from fusemax.derive.algebra import ELEMENT, REFERENCE
from fusemax.derive.exact import Exact
from fusemax.derive.explain import explained
from fusemax.derive.identity import PROVED, Identity, checked
from fusemax.derive.interpolation import MOST_RANK, interpolated
from fusemax.derive.separation import Separation, of_stream, separations
from fusemax.derive.symbols import NotProved, Symbols
from tests.derive.test_derivation import REACHED
from tests.derive.texts import TEXTS

X, U, Y, Z, C = sympy.symbols("X U Y Z C", real=True)
T = X - Y

FINITE = {
    "softmax": (sympy.exp(T), 1),
    "softmax of base 2": (sympy.exp(T * sympy.log(2)), 1),
    "softmax with a temperature": (sympy.exp(C * T) * U, 1),
    "entropy": (sympy.exp(T) * T, 2),
    "cosine": (sympy.cos(T), 2),
    "damped wave": (sympy.sin(2 * X - 3 * Y) * sympy.exp(X - Y / 2), 2),
    "variance": (T**2 / C, 3),
    "covariance": (T * (U - Z), 4),
    "fourth moment": (T**4, 5),
    "fourth moment of a softmax": (T**4 * sympy.exp(T), 5),
    "divergence": ((X - U - Y + Z) * sympy.exp(T), 2),
}
GROWING = {
    "absolute deviation": sympy.Abs(T),
    "hinge": sympy.Max(T, 0),
    "sigmoid": 1 / (1 + sympy.exp(-T)),
    "gaussian": sympy.exp(-(T**2)),
    "quotient": 1 / (2 + X**2 + Y**2),
}


def no_sign(_: object) -> bool:
    return False


@pytest.mark.parametrize("name", sorted(FINITE))
def test_functions_of_finite_rank_are_interpolated_and_proved(name: str) -> None:
    function, rank = FINITE[name]
    cross = interpolated(function, [X, U], [Y, Z], no_sign)
    assert (cross.is_proved, cross.rank, cross.reason) == (True, rank, "")
    for g, h in cross.pairs:
        assert not g.free_symbols & {Y, Z}
        assert not h.free_symbols & {X, U}
    at = {X: 0.3, U: -1.7, Y: 0.9, Z: 0.4, C: 1.3}
    total = sum(sympy.N((g * h).subs(at), 30) for g, h in cross.pairs)
    assert abs(total - sympy.N(function.subs(at), 30)) < 1e-12


@pytest.mark.parametrize("name", sorted(GROWING))
def test_functions_of_growing_rank_are_not_interpolated(name: str) -> None:
    with pytest.raises(NotProved, match=f"rank is more than {MOST_RANK}"):
        interpolated(GROWING[name], [X], [Y], no_sign)


def test_work_on_symbols_is_bounded() -> None:
    with pytest.raises(NotProved, match="a power of 100"):
        Exact([T**100]).element(T**100)
    wide = sympy.Add(*sympy.symbols("a0:40")) ** 8
    with pytest.raises(NotProved, match="terms"):
        Exact([wide]).element(wide)
    symbols = Symbols(lambda _: ELEMENT, lambda _: signs.ANY)
    with pytest.raises(NotProved, match="parts"):
        symbols(expression(" + ".join(["A[m]"] * 500)))


# ------------------------------------------------------------------------------------------------ random functions

FEWER = settings(max_examples=settings().max_examples // 4)
"""Symbols are slow: a quarter of what the profile asks for."""

_PARTS = st.tuples(st.integers(0, 3), st.sampled_from([0, 1, -1, sympy.Rational(1, 2)]))


@st.composite
def sums(draw: st.DrawFn) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """Products of a monomial with an exponential of the one side, and of the other."""

    def side(symbol: sympy.Symbol) -> sympy.Expr:
        power, rate = draw(_PARTS)
        return symbol**power * sympy.exp(rate * symbol)

    return [(draw(st.integers(1, 5)) * side(X), side(Y)) for _ in range(draw(st.integers(1, 4)))]


def whole(pairs: Sequence[tuple[sympy.Expr, sympy.Expr]]) -> sympy.Expr:
    return sympy.Add(*(g * h for g, h in pairs))


@given(sums())
@FEWER
def test_sums_of_products_are_interpolated_with_no_more_pairs_than_they_have(
    pairs: list[tuple[sympy.Expr, sympy.Expr]],
) -> None:
    cross = interpolated(whole(pairs), [X], [Y], no_sign)
    assert cross.is_proved
    assert 1 <= cross.rank <= len(pairs)
    at = {X: sympy.Rational(5, 7), Y: sympy.Rational(-3, 11)}
    assert abs(sympy.N((whole(cross.pairs) - whole(pairs)).subs(at), 30)) < 1e-18


@given(sums())
@FEWER
def test_a_sum_in_differences_is_the_same_sum(pairs: list[tuple[sympy.Expr, sympy.Expr]]) -> None:
    function = sympy.expand(whole(pairs)).subs(Y, Y - Z)
    assert interpolated(function, [X], [Y, Z], no_sign).is_proved


def expression(text: str) -> Expr:
    """The expression in the language; A, B are elements, R, S references."""
    inputs = "input A[m], B[m], R, S\n"
    return parse(f"cascade c\n{inputs}output O\n\nO = {text}\n").einsums[0].right


def symbols_here() -> Symbols:
    def side(leaf: Expr) -> int:
        return (ELEMENT if leaf.indices else REFERENCE) if isinstance(leaf, Access) else 0

    return Symbols(side, lambda _: signs.ANY)


def verdict(body: str, *pairs: tuple[str, str]) -> Identity:
    return checked(expression(body), [(expression(g), expression(h)) for g, h in pairs], symbols_here())


_INNER = ["A[m]", "B[m]", "exp(A[m])", "exp(B[m] - A[m])", "abs(B[m])"]
_OUTER = ["R", "S", "exp(R)", "exp(-S)", "max(R, S)"]
_PRODUCTS = st.tuples(*(st.lists(st.sampled_from(side), min_size=1, max_size=3) for side in (_INNER, _OUTER)))


@given(st.lists(_PRODUCTS, min_size=1, max_size=3), st.data())
def test_a_sum_of_products_is_proved_and_a_changed_one_is_not(
    products: list[tuple[list[str], list[str]]], data: st.DataObject
) -> None:
    pairs = [(" * ".join(g), " * ".join(h)) for g, h in products]
    body = " + ".join(f"{g} * {h}" for g, h in pairs)
    assert verdict(body, *pairs).verdict == PROVED
    number = data.draw(st.integers(0, len(pairs) - 1))
    g, h = pairs[number]
    changed = data.draw(st.sampled_from([f"{h} * 1.0001", f"({h} + 0.001)", f"{h} + R * 0.001"]))
    other = verdict(body, *pairs[:number], (g, changed), *pairs[number + 1 :])
    assert other.verdict == "fails at a sample"
    assert other.reason


@given(sums())
@FEWER
def test_a_mixed_function_added_is_not_interpolated(pairs: list[tuple[sympy.Expr, sympy.Expr]]) -> None:
    assume(len(pairs) < 4)
    with pytest.raises(NotProved):
        interpolated(whole(pairs) + sympy.exp(-(T**2)), [X], [Y], no_sign)


# ----------------------------------------------------------------------------------------- expressions of the language


def test_what_one_side_hides_is_no_matter() -> None:
    assert verdict("round(A[m]) * exp(B[m] - max(R, S))", ("round(A[m]) * exp(B[m])", "exp(-max(R, S))")).is_proved
    assert verdict("where(A[m] > 0, exp(B[m] - R), 0)", ("where(A[m] > 0, exp(B[m]), 0)", "exp(-R)")).is_proved
    assert verdict("exp(where(A[m] > 0, B[m], -inf) - R)", ("where(A[m] > 0, exp(B[m]), 0)", "exp(-R)")).is_proved
    assert verdict("div0(A[m] - R, S)", ("A[m]", "div0(1, S)"), ("1", "-R * div0(1, S)")).is_proved
    assert verdict("expsub(A[m], R) * log(exp(S))", ("exp(A[m])", "S * exp(-R)")).is_proved


def test_tests_are_0_or_1() -> None:
    masked = "where(A[m] > 0, where(A[m] > 0, A[m] - R, 0), 0)"
    found = verdict(masked, ("where(A[m] > 0, A[m], 0)", "1"), ("where(A[m] > 0, 1, 0)", "-R"))
    assert found.is_proved


def test_what_sympy_is_not_asked_about_is_held_at_samples() -> None:
    found = verdict("max(A[m] + R, B[m] + R)", ("max(A[m], B[m])", "1"), ("1", "R"))
    assert found.verdict == "held at 64 samples"
    assert found.reason == "max of elements and references"
    assert verdict("abs(A[m] - R)", ("A[m]", "1"), ("1", "-R")).verdict == "fails at a sample"


# ----------------------------------------------------------------------------------------------------------- cascades

SOME = ["attn_causal_filter", "c1_pedagogical", "fourth_central_moment", "kl_divergence", "minmax_sum"]
TEXT_ONES = ["corr", "lp", "twohop"]


def all_proved(found: Sequence[Separation]) -> bool:
    return bool(found) and all(s.interpolated.is_proved and s.used.is_proved for s in found)


@pytest.mark.parametrize("name", SOME)
def test_what_the_catalogues_derivations_rest_on_is_proved(name: str) -> None:
    assert all_proved(separations(derive(load(name), REACHED[name][0])))


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(n for n in REACHED if n != "quant_matmul_rmsnorm"))
def test_what_every_derivation_rests_on_is_proved(name: str) -> None:
    assert all_proved(separations(derive(load(name), REACHED[name][0])))


@pytest.mark.parametrize("name", TEXT_ONES)
def test_what_other_derivations_rest_on_is_proved(name: str) -> None:
    text, rank, _ = TEXTS[name]
    assert all_proved(separations(derive(check_rules(parse(text)), rank)))


def streamed(*lines: str, eager: bool = False) -> list[Separation]:
    text = "cascade c\ninput X[m], V[m]\noutput O\nsizes M = 6\n\n" + "\n".join(lines) + "\n"
    return of_stream(check_rules(parse(text)), "M", "iterate", eager)


@pytest.mark.parametrize(
    ("lines", "rank"),
    [
        (["MU = X[m] / M", "O = (X[m] - MU) * (X[m] - MU)"], 3),
        (["MU = X[m] / M", "D[m] = X[m] - MU", "O = D[m] * D[m] * D[m] * D[m] * V[m]"], 5),
        (["G = X[m] :: max(m)", "O = exp(X[m] - G) * V[m]"], 1),
        (["G = X[m] :: max(m)", "O = exp(X[m] - G) * (X[m] - G) * V[m] + V[m]"], 3),
    ],
)
def test_the_rank_is_the_number_of_interpolated_pairs(lines: list[str], rank: int) -> None:
    (found,) = streamed(*lines)
    assert all_proved([found])
    assert found.rank == rank == len(found.interpolated.pairs)


def test_pairs_used_say_how_an_accumulator_is_repaired() -> None:
    (found,) = streamed("G = X[m] :: max(m)", "O = exp(X[m] - G) * V[m]")
    assert found.used.pairs == (("V[m] * exp(X[m] - G_old)", "exp(G_old - G)"),)
    assert (found.elements, found.references) == (("X[m]", "V[m]"), ("G",))


def test_a_factor_kept_inside_is_repaired_by_a_quotient() -> None:
    (found,) = streamed("S = V[m]", "O = X[m] / S", eager=True)
    assert found.used.is_proved
    assert "S_old" in found.used.pairs[0][0]


def test_explaining_shows_the_formulas_and_their_proof() -> None:
    found = explained(derive(load("softmax_entropy")))
    notes = "\n".join(found.notes())
    assert "SH (iterate) sums F = (X[m] - GM) * exp(X[m] - GM) has rank 2" in notes
    assert notes.count(PROVED) == 4
    document = json.loads(json.dumps(found.to_json_document()))["separations"]
    assert [(s["tensor"], s["rank"], len(s["used"]["pairs"])) for s in document] == [("SD", 1, 1), ("SH", 2, 2)]
    assert {s[way]["verdict"] for s in document for way in ("interpolated", "used")} == {PROVED}


def test_without_explaining_nothing_is_proved() -> None:
    assert derive(load("variance_2pass")).to_json_document()["separations"] == []


def test_a_barrier_that_stays_keeps_its_certificate() -> None:
    found = explained(derive(load("mad")))
    assert found.separations == ()
    assert found.certificate is not None
    assert found.certificate.kind == "proof"
