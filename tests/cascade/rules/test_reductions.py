import pytest

from tests.cascade.rules.cases import body, reports


@pytest.mark.parametrize(
    ("right", "problem"),
    [
        ("K[e, m] :: max(m)", "9:19+3 max reduces 'm', which is on the left"),
        ("K[e, m] :: +(p)", "9:19+1 + reduces 'p', which is not on the right"),
        ("K[e, m] :: *(e, e)", "9:19+1 * reduces 'e', which is reduced already"),
        ("K[e, m] :: +(e) min(e)", "9:24+3 min reduces 'e', which is reduced already"),
    ],
)
def test_reduction_misuse(right: str, problem: str) -> None:
    assert body(f"A[m] = {right}") == [f"reduced-variables {problem}"]


def test_a_variable_in_a_filter_or_a_gather_or_as_a_number_is_on_the_right() -> None:
    assert body("A[p] = K[0, m : e < 2] :: max(m, e)", "B = K[0, Q[0, p]] * n :: min(p, n)") == []


def test_a_variable_on_the_left_only_repeats_the_value() -> None:
    assert body("A[m, p] = W") == []


SELECT = """cascade C
input X[m, n]
output Z[j]
alias I = M
sizes M = 4, N = 3, J = 2, H = 2
"""


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("A[m, j] = X[m, 0] :: topk(m, j)", "reduced-variables 6:22+4 topk reduces 'm', which is on the left"),
        ("A[j] = X[0, 0] :: topk(m, j)", "reduced-variables 6:19+4 topk reduces 'm', which is not on the right"),
        ("A[n] = X[m, n] :: argtopk(m, j)", "selections 6:19+7 argtopk(m, j): 'j' is no plain index on the left"),
        ("A[2*j] = X[m, 0] :: topk(m, j)", "selections 6:21+4 topk(m, j): 'j' is no plain index on the left"),
        ("A[j] = X[m, 0] * j :: topk(m, j)", "selections 6:23+4 topk(m, j): 'j' is on the right"),
        ("A[j] = X[m, n] :: topk(m, j)", "selections 6:19+4 topk(m, j): 'n' would be reduced too"),
        ("A[j] = X[m, n] :: topk(m, j) max(n)", "selections 6:19+4 topk(m, j): no other reduction may stand beside it"),
        ("A[j] = X[m, n] :: max(n) topk(m, j)", "selections 6:26+4 topk(m, j): no other reduction may stand beside it"),
        ("A[0] = X[m, 0] :: topk(m, m)", "selections 6:19+4 topk(m, m): 'm' cannot be reduced and kept"),
    ],
)
def test_topk_misuse(statement: str, problem: str) -> None:
    assert reports(f"{SELECT}{statement}\nZ[j] = X[m, 0] :: topk(m, j)\n") == [problem]


def test_two_topk_in_one_statement() -> None:
    found = reports(f"{SELECT}A[j, h] = X[m, n] :: topk(m, j) topk(n, h)\nZ[j] = 0\n")
    assert found[0] == "selections 6:22+4 topk(m, j): no other reduction may stand beside it"


def test_legal_topk() -> None:
    assert reports(f"{SELECT}A[n, j] = X[m, n] :: argtopk(m, j)\nZ[j] = X[i, 0] :: topk(i, j)\n") == []


def test_filter_without_reduced_variable() -> None:
    problem = "filters 9:11+1 the filter of 'K' mentions no reduced variable"
    assert body("A[m, p] = K[e, m : m <= p]") == [problem]
    assert body("A[e, m] = K[e, m : 1]") == [problem]
    assert body("A[e, m] = K[e : e < 2, m]") == [problem]


def test_filter_and_more_than_one_reduction_operator() -> None:
    problem = "a filter needs a statement with one reduction operator, found"
    assert body("A[p] = K[e, m : m <= p] :: max(m)") == [f"filters 9:8+1 {problem} +, max"]
    assert body("A[p] = K[e, m : m <= p] :: max(m) min(e)") == [f"filters 9:8+1 {problem} max, min"]
    assert body("A[p] = K[e, m : m <= p] :: +(m)", "B[p] = K[e, m : m <= p] :: max(m) max(e)") == []


def test_filter_and_topk() -> None:
    found = reports(f"{SELECT}Z[j] = X[m : m > 1, 0] :: topk(m, j)\n")
    assert found == ["filters 6:8+1 a filter cannot stand beside topk, found one in 'X'"]
