from tests.cascade.rules.cases import header, reports

A = "input A[k]"
Z = "output Z"


def test_no_input() -> None:
    assert header(Z, body="Z = 1") == ["has-input 1:1+1 the cascade has no 'input'"]


def test_inputs_and_outputs_are_declared_once() -> None:
    assert header("input A[k], B[k], A[k]", Z) == ["declared-once 2:19+1 'A' is declared already, as an input"]
    assert header(A, "output Z, Z") == ["declared-once 3:11+1 'Z' is declared already, as an output"]


def test_a_tensor_is_no_input_and_output_at_once() -> None:
    assert header(A, "output A[k]", body="Z = A[k]") == ["declared-once 3:8+1 'A' is declared already, as an input"]
    assert header("output A[k]", A, body="Z = A[k]") == ["declared-once 3:7+1 'A' is declared already, as an output"]


def test_parameters_sizes_and_aliases_are_declared_once() -> None:
    assert header(A, Z, "parameter EPS = 1, EPS = 1") == [
        "declared-once 4:20+3 'EPS' is declared already, as a parameter"
    ]
    assert header(A, Z, "sizes K = 2", "sizes K = 2") == [
        "declared-once 5:7+1 'K' is declared already, as a rank with a size"
    ]
    assert header("input A[k], B[m]", Z, "alias I = K, I = M") == [
        "declared-once 4:14+1 'I' is declared already, as an alias"
    ]


def test_a_rank_is_in_one_partition() -> None:
    assert header(A, Z, "partition K = K1 * K0, K = K3 * K2") == [
        "one-partition 4:24+1 rank 'K' is in a partition already"
    ]
    assert header(A, Z, "partition K = K1 * K0, M = K1 * M0") == [
        "one-partition 4:28+2 rank 'K1' is in a partition already"
    ]
    assert header(A, Z, "partition K = K1 * K1") == ["one-partition 4:20+2 rank 'K1' is in a partition already"]
    assert header(A, Z, "partition K = K * K0") == ["one-partition 4:15+1 rank 'K' is in a partition already"]


def test_partitions_make_no_cycle() -> None:
    assert header(A, Z, "partition K = M * X, M = K * Y")[0] == (
        "one-partition 4:22+1 rank 'M' is in a partition already"
    )


def test_an_alias_does_not_put_a_rank_into_two_partitions() -> None:
    text = "alias I = K1", "partition K = K1 * I"
    assert header(A, Z, *text) == ["one-partition 5:20+1 rank 'I' is in a partition already"]


def test_alias_of_an_unknown_rank() -> None:
    assert header("input A[k], Kb[k1]", Z, "alias I = K2") == ["alias-target 4:11+2 unknown rank 'K2' [K]"]


def test_aliases_do_not_chain() -> None:
    assert header(A, Z, "alias I = K, J = I") == [
        "alias-target 4:18+1 'I' is an alias itself: name the rank it stands for"
    ]
    assert header(A, Z, "alias I = I") == ["alias-target 4:11+1 'I' is an alias itself: name the rank it stands for"]


def test_equal_of_unknown_ranks() -> None:
    assert header(A, Z, "equal P = K") == ["equal-ranks 4:7+1 unknown rank 'P'"]
    assert header(A, Z, "equal K = P") == ["equal-ranks 4:11+1 unknown rank 'P'"]


def test_equal_of_one_rank() -> None:
    assert header(A, Z, "equal K = K") == ["equal-ranks 4:11+1 'K' and 'K' are one rank, 'equal' takes two"]
    assert header(A, Z, "alias I = K", "equal I = K") == [
        "equal-ranks 5:11+1 'I' and 'K' are one rank, 'equal' takes two"
    ]


def test_size_below_1() -> None:
    assert header(A, Z, "sizes K = 0") == ["sizes-positive 4:11+1 size 0 of rank 'K', expected at least 1"]


def test_size_of_a_derived_rank() -> None:
    assert header(A, Z, "alias I = K", "sizes I = 3") == [
        "sizes-free 5:7+1 rank 'I' is another name of K: its size follows"
    ]
    assert header(A, Z, "partition K = K1 * K0", "sizes K1 = 3, K = 6") == [
        "sizes-free 5:7+2 rank 'K1' is K divided by K0: its size follows"
    ]
    assert header("input A[k1, k0]", Z, "partition K = K1 * K0", "sizes K = 6", body="Z = A[k1, k0]") == [
        "sizes-free 5:7+1 rank 'K' is the product of K1 and K0: its size follows"
    ]


def test_sizes_of_all_factors_when_the_inputs_carry_them() -> None:
    assert header("input A[k1, k0]", Z, "partition K = K1 * K0", "sizes K1 = 3, K0 = 2", body="Z = A[k1, k0]") == []


def test_sizes_that_do_not_divide() -> None:
    assert header(A, Z, "partition K = K1 * K0", "sizes K = 7, K0 = 2") == [
        "sizes-agree 4:11+1 K = 7 is not divisible by K0 = 2"
    ]
    assert header(A, Z, "partition K = K2 * K1 * K0", "sizes K = 12, K1 = 2, K0 = 4") == [
        "sizes-agree 4:11+1 K = 12 is not divisible by K1 = 2 * K0 = 4"
    ]


def test_equal_sizes_that_differ() -> None:
    assert header("input A[k], B[m]", Z, "equal K = M", "sizes K = 3, M = 4") == [
        "sizes-agree 4:7+1 K is 3 and M is 4, expected equal sizes"
    ]


def test_topk_of_more_than_there_is() -> None:
    text = "cascade C\ninput A[k]\noutput Z[j]\nsizes K = 3, J = 4\nZ[j] = A[k] :: topk(k, j)\n"
    assert reports(text) == ["sizes-agree 5:16+4 topk keeps J = 4 values, but K has 3"]


def test_claims_name_ranks() -> None:
    assert header(A, Z, "expect M = 1, sweeps M = 1, conflict M") == [
        "claims 4:8+1 unknown rank 'M'",
        "claims 4:22+1 unknown rank 'M'",
        "claims 4:38+1 unknown rank 'M'",
    ]
    assert header(A, Z, "expect K = 2*KK+1") == ["claims 4:14+2 unknown rank 'KK' [K]"]
    assert header(A, Z, "expect K = k+1") == ["claims 4:12+1 unknown rank 'k' [K]"]
    assert header(A, Z, "expect K = Z") == ["claims 4:12+1 unknown rank 'Z'"]


def test_claims_are_arithmetic() -> None:
    problem = "a count is made of integers and ranks with + - * // %"
    assert header(A, Z, "expect K = K/2") == [f"claims 4:12+1 {problem}"]
    assert header(A, Z, "expect K = 1.5") == [f"claims 4:12+3 {problem}"]
    assert header(A, Z, "expect K = floor(K)") == [f"claims 4:12+5 {problem}"]
    assert header(A, Z, "expect K = (K+1)//2, sweeps K = 2*K-1, K = -K%2") == []
