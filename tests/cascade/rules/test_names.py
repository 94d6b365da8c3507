from tests.cascade.rules.cases import body, header


def test_the_example_of_the_language() -> None:
    assert body("QK[m, p] = Q[e, p] * K[e, m]", "Z[p] = exp(QKK[m, p] - QK[m, p])") == [
        "known-names 10:12+3 unknown tensor 'QKK' [QK]"
    ]


def test_unknown_tensor_is_reported_once() -> None:
    assert body("A[m] = X[m]", "B[m] = X[m] + Y[m]") == [
        "known-names 9:8+1 unknown tensor 'X'",
        "known-names 10:15+1 unknown tensor 'Y'",
    ]


def test_unknown_tensor_in_a_gather_and_in_a_filter() -> None:
    assert body("A[p] = K[0, IDX[p]]") == ["known-names 9:13+3 unknown tensor 'IDX'"]
    assert body("A[p] = K[0, m : m < T[p]]") == ["known-names 9:21+1 unknown tensor 'T'"]


def test_unknown_capital() -> None:
    assert body("A[p] = Q[0, p] + EPSS") == ["known-names 9:18+4 unknown tensor, rank or parameter 'EPSS' [EPS]"]
    assert body("A[p, T] = Q[0, p]") == ["known-names 9:6+1 unknown tensor, rank or parameter 'T'"]


def test_unknown_variables() -> None:
    rank = "unknown variable 't': there is no rank 'T'"
    assert body("A[t] = W") == [f"known-variables 9:3+1 {rank}"]
    assert body("A[p] = Q[t, p]") == [f"known-variables 9:10+1 {rank}"]
    assert body("A[p] = Q[e, p] * t") == [f"known-variables 9:18+1 {rank}"]
    assert body("A[p] = K[e, m : m <= t]") == [f"known-variables 9:22+1 {rank}"]
    assert body("A[p] = Q[e, p] :: max(t)") == [f"known-variables 9:23+1 {rank}"]
    assert body("iterate t downto 0:", "A[t] = W", "then:")[0] == f"known-variables 9:9+1 {rank}"
    assert header("input A[k]", "output Z[t]", body="Z[k] = A[k]")[0] == f"known-variables 3:10+1 {rank}"


def test_unknown_variable_suggests_a_known_one() -> None:
    assert body("A[m1] = K[e, m11]")[0] == "known-variables 9:14+3 unknown variable 'm11': there is no rank 'M11' [m1]"


def test_read_before_written() -> None:
    assert body("A[m] = B[m]", "B[m] = K[e, m]") == [
        "written-before-read 9:8+1 tensor 'B' is read before any statement writes it"
    ]


def test_a_statement_that_reads_itself_without_a_writer_before() -> None:
    assert body("A[m] = A[m-1] + K[e, m]") == [
        "written-before-read 9:8+1 tensor 'A' is read before any statement writes it"
    ]


def test_a_recurrence_with_init_is_legal_and_without_is_not() -> None:
    loop = ("iterate i until P:", "R[i+1] = R[i] + Q[0, i]", "then:", "Z[p] = R[p]")
    assert body("init:", "R[0] = 0", *loop) == []
    assert body(*loop) == ["written-before-read 10:10+1 tensor 'R' is read before any statement writes it"]


def test_text_order_counts_inside_an_iteration_too() -> None:
    lines = ("iterate i until P:", "A[i] = B[i-1]", "B[i] = Q[0, i]", "then:", "Z[p] = A[p]")
    assert body(*lines) == ["written-before-read 10:8+1 tensor 'B' is read before any statement writes it"]


def test_reading_an_output_that_is_never_written_is_one_error() -> None:
    assert header("input A[k]", "output Y, Z", body="Z = A[k] + Y") == [
        "outputs-written 3:8+1 output 'Y' is never written"
    ]


def test_output_never_written_suggests_what_is_written() -> None:
    assert header("input A[k]", "output ZED", body="ZEDS = A[k]") == [
        "outputs-written 3:8+3 output 'ZED' is never written [ZEDS]"
    ]


def test_input_written() -> None:
    assert body("K[e, m] = 0") == ["inputs-read-only 9:1+1 'K' is an input, no statement may write it"]


def test_same_left_side_twice() -> None:
    assert body("A[m] = K[e, m]", "A[m] = 1", "B[m1*M0+m0] = 1", "B[m1*M0 + m0] = 2", "S = 1", "S = 2") == [
        "written-once 10:1+1 the same left side of 'A' is written in line 9 already",
        "written-once 12:1+1 the same left side of 'B' is written in line 11 already",
        "written-once 14:1+1 the same left side of 'S' is written in line 13 already",
    ]


def test_same_left_side_in_two_sections() -> None:
    lines = ("init:", "R[0] = 0", "iterate i until P:", "R[i+1] = R[i]", "then:", "Z[p] = R[p]", "R[0] = 1")
    assert body(*lines) == ["written-once 15:1+1 the same left side of 'R' is written in line 10 already"]


def test_different_left_sides_of_one_tensor_are_legal() -> None:
    assert body("A[0, p] = 1", "A[1, p] = 2", "A[2, p] = Q[e, p]") == []


def test_a_name_is_not_a_rank_and_a_scalar_or_parameter() -> None:
    assert body("M = W") == ["one-meaning 9:1+1 'M' is a rank and a scalar"]
    assert body("EPS = W") == ["one-meaning 9:1+3 'EPS' is a parameter and a scalar"]
    assert header("input A[k], K", "output Z") == ["one-meaning 2:13+1 'K' is a rank and a scalar"]
    assert header("input A[k]", "output Z", "parameter K = 1") == ["one-meaning 4:11+1 'K' is a rank and a parameter"]


def test_a_tensor_with_brackets_may_share_a_ranks_name() -> None:
    assert body("M[p] = Q[e, p] * M", "EPS[p] = M[p] * EPS") == []
