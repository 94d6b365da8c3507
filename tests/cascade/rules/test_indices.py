import pytest

from tests.cascade.rules.cases import body, header


def test_number_of_indices_of_an_input() -> None:
    assert body("A[m] = K[m]") == ["index-counts 9:8+1 tensor 'K' has 2 ranks, found 1 index"]
    assert body("A[m] = K[0, m, 0]") == ["index-counts 9:8+1 tensor 'K' has 2 ranks, found 3 indices"]
    assert body("A[m] = K[0, m] * W[m]") == ["index-counts 9:18+1 tensor 'W' has 0 ranks, found 1 index"]


def test_a_tensor_used_like_a_scalar() -> None:
    assert body("A[p] = Q") == ["index-counts 9:8+1 tensor 'Q' has 2 ranks, found 0 indices"]


def test_number_of_indices_of_a_written_tensor_is_that_of_its_first_write() -> None:
    assert body("A[m] = K[e, m]", "B[m, p] = A[m, p]") == [
        "index-counts 10:11+1 tensor 'A' has 1 rank, found 2 indices"
    ]
    assert body("A[m] = K[e, m]", "A[m, 0] = 1") == ["index-counts 10:1+1 tensor 'A' has 1 rank, found 2 indices"]


def test_an_output_has_the_number_of_its_declaration() -> None:
    lines = ("input A[k]", "output Z[k]")
    assert header(*lines, body="Z[k, 0] = A[k]\nB[k] = Z[k, 0]") == [
        "index-counts 4:1+1 tensor 'Z' has 1 rank, found 2 indices"
    ]


@pytest.mark.parametrize("index", ["p", "p+1", "p-1", "(p)"])
def test_plain_index_of_another_rank(index: str) -> None:
    shown = 13 + index.startswith("(")
    assert body(f"A[m] = K[e, {index}]") == [
        f"index-ranks 9:{shown}+1 'p' walks rank P, but this position of 'K' has rank M"
    ]


def test_compound_indices_and_constants_are_not_checked() -> None:
    assert body("A[m] = K[p*2, 0] + K[1, p%M] + K[E-1, 1+p] + K[e, -p]") == []


def test_alias_and_equal_fit() -> None:
    assert body("A[m] = Q[e, i] * Q[e, n] * K[e, j]") == []


def test_alias_of_another_rank() -> None:
    assert body("A[m] = K[e, i]") == ["index-ranks 9:13+1 'i' walks rank P, but this position of 'K' has rank M"]


def test_a_factor_is_not_its_whole() -> None:
    assert body("A[m1] = K[e, m1]") == ["index-ranks 9:14+2 'm1' walks rank M1, but this position of 'K' has rank M"]


def test_written_positions_take_the_first_plain_index() -> None:
    assert body("A[0, p] = 0", "A[m+1, p] = K[e, m]", "B[p] = A[p, p]") == [
        "index-ranks 11:10+1 'p' walks rank P, but this position of 'A' has rank M"
    ]
    assert body("A[0, p] = 0", "A[m+1, p] = K[e, m]", "A[p+2, 0] = 1") == [
        "index-ranks 11:3+1 'p' walks rank P, but this position of 'A' has rank M"
    ]


def test_an_output_has_the_ranks_of_its_declaration() -> None:
    assert header("input A[k, m]", "output Z[k, m]", body="Z[m, k] = A[k, m]") == [
        "index-ranks 4:3+1 'm' walks rank M, but this position of 'Z' has rank K"
    ]


def test_inside_gathers_and_filters() -> None:
    assert body("A[m] = K[0, Q[m, 0]]") == ["index-ranks 9:15+1 'm' walks rank M, but this position of 'Q' has rank E"]
    assert body("A[p] = K[e, m : m < Q[e, m]]") == [
        "index-ranks 9:26+1 'm' walks rank M, but this position of 'Q' has rank P"
    ]


def test_left_indices_read_nothing() -> None:
    assert body("A[Q[0, p]] = 1") == ["index-form 9:3+1 an index on the left reads no tensor, found 'Q'"]
    assert body("A[W+p] = 1") == ["index-form 9:3+1 an index on the left reads no tensor, found 'W'"]


def test_indices_are_integer_arithmetic() -> None:
    only = "an index uses + - * // % only"
    assert body("A[m] = K[e, m/2]") == [f"index-form 9:14+1 {only}, found '/': '//' divides and rounds down"]
    assert body("A[m] = K[e, (m < 2)]") == [f"index-form 9:16+1 {only}, found '<'"]
    assert body("A[m] = K[e, (not m)]") == [f"index-form 9:14+3 {only}, found 'not'"]
    assert body("A[m] = K[e, max(m, 1)]") == ["index-form 9:13+3 an index calls no function, found 'max'"]
    assert body("A[m] = K[e, m*1.5]") == ["index-form 9:15+3 an index is made of integers, found 1.5"]
    assert body("A[m] = K[e, inf]") == ["index-form 9:13+3 an index is made of integers, found 'inf'"]


def test_legal_indices() -> None:
    assert body("A[m] = K[E-1, (m*2+1)%M] * Q[W, m//2] * Q[K[0, m], -m+M] * K[EPS, 0]") == []
