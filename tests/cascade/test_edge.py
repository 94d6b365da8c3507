import pytest

from fusemax.cascade import parse
from fusemax.cascade.edge import print_edge, print_edge_einsum
from fusemax.cascade.parse import parse_einsum
from tests.cascade.texts import ONE_PASS


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("AV[f, p] = A[m, p] * V[f, m]",
         "AV[f, p] = A[m, p] . V[f, m]   :: map m (x, intersection)   reduce m (+, union)"),
        ("Z[m] = A[m] + B[m]", "Z[m] = A[m] . B[m]   :: map m (+, union)"),
        ("Z[m] = A[m] - B[m]", "Z[m] = A[m] . B[m]   :: map m (-, union)"),
        ("Z[m, p] = max(A[m], B[m, p])", "Z[m, p] = A[m] . B[m, p]   :: map m (max, union)"),
        ("Z[m, p] = A[m, p] / B[p]", "Z[m, p] = A[m, p] . B[p]   :: map p (/, left)"),
        ("Z[m] = div0(A[m], B[m])", "Z[m] = A[m] . B[m]   :: map m (div0, left)"),
        ("Z[m, p] = exp(A[m, p] - B[p])", "Z[m, p] = A[m, p] . B[p]   :: map p (sub-then-exp, all)"),
        ("Z[m] = expsub(A[m], B[m])", "Z[m] = A[m] . B[m]   :: map m (expsub, all)"),
        ("Z[m] = sigmoid(A[m])", "Z[m] = sigmoid(A[m])   :: map m (sigmoid, all)"),
        ("Z[m] = -A[m]", "Z[m] = -A[m]   :: map m (-, all)"),
        ("Z[m] = exp(A[m] - 1)", "Z[m] = exp(A[m] - 1)   :: map.1 m (-, all)   map.2 m (exp, all)"),
        ("Z[m] = A[m] * 2", "Z[m] = A[m] * 2   :: map m (x, intersection)"),
        ("Z[m] = 1 / A[m]", "Z[m] = 1 / A[m]   :: map m (/, left)"),
        ("Z[m] = where(m < 3, A[m], B[m])", "Z[m] = where(m < 3, A[m], B[m])   :: map m (where, all)"),
        ("Z[m, n] = A[m] * B[n]", "Z[m, n] = A[m] . B[n]   :: map (x, intersection)"),
        ("Z[m] = A[m] * B[m] + C[m]",
         "Z[m] = (A[m] .1 B[m]) .2 C[m]   :: map.1 m (x, intersection)   map.2 m (+, union)"),
        ("Z = A[k] * B[k] * C[k]",
         "Z = (A[k] .1 B[k]) .2 C[k]   :: map.1 k (x, intersection)   map.2 k (x, intersection)   reduce k (+, union)"),
        ("B[e, m1, m0] = K[e, m1*M0+m0]", "B[e, m1, m0] = K[e, m1*M0+m0]"),
        ("Z[i] = A[k : k <= i]", "Z[i] = A[k : k <= i]   :: reduce k (+, union)"),
        ("Z = A[m, n] :: max(n) *(m)", "Z = A[m, n]   :: reduce n (max, union)   reduce m (x, intersection)"),
        ("Z[j] = A[m] :: topk(m, j)", "Z[j] = A[m]   :: reduce m (topk, all)   populate j (topk, all)"),
        ("Z[m, p] = m * 2 + p", "Z[m, p] = m * 2 + p"),
    ],
)  # fmt: skip
def test_long_forms(text: str, long: str) -> None:
    assert print_edge_einsum(parse_einsum(text)) == long


def test_a_whole_cascade_keeps_its_header_and_sections() -> None:
    text = print_edge(parse(ONE_PASS))
    assert text.startswith(ONE_PASS[: ONE_PASS.index("init:")])
    assert "\niterate m1 until M1:\n  BQK[m1, m0, p] = Q[e, p] . BK[e, m1, m0]   :: map e (x, intersection)" in text
    assert len(text.split("\n")) == len(ONE_PASS.split("\n"))
