from fusemax.cascade import parse
from fusemax.cascade.spaces import iteration_spaces, ranks
from tests.cascade.texts import ONE_PASS, THREE_PASS


def test_ranks() -> None:
    rows = {row["rank"]: row for row in ranks(parse(ONE_PASS)).rows()}
    assert rows["M"] == {
        "rank": "M", "variable": "m", "shape": 12, "is": "partitioned into M1 * M0", "tensors": "K, V",
    }  # fmt: skip
    assert (rows["M1"]["shape"], rows["M1"]["is"]) == (3, "outermost factor of M, iterated")


def test_aliases_equals_and_unknown_shapes() -> None:
    text = "cascade C\ninput X[k]\noutput Y[m]\nalias I = K\nequal M = K\nsizes M = 4\nY[m] = X[m]\n"
    rows = {row["rank"]: row for row in ranks(parse(text)).rows()}
    assert rows["I"]["is"] == "another name of K"
    assert rows["K"]["is"] == "equal to M"
    assert rows["K"]["shape"] == 4
    free = ranks(parse("cascade C\ninput X[k]\noutput Y[k]\nY[k] = X[k]\n"))
    assert free.rows()[0]["shape"] is None
    assert "unknown" in str(free)


def test_iteration_spaces() -> None:
    rows = iteration_spaces(parse(THREE_PASS)).rows()
    assert rows[0] == {
        "einsum": "QK[m, p]", "variables": "m, p, e", "reduced": "+(e)", "shape": "M * P * E", "points": 240,
        "filter": "",
    }  # fmt: skip
    text = "cascade C\ninput X[k], Y[i]\noutput Z[i]\nsizes I = 3\nZ[i] = X[k : k <= i] :: max(k)\n"
    (row,) = iteration_spaces(parse(text)).rows()
    assert (row["points"], row["filter"], row["reduced"]) == (None, "k <= i", "max(k)")
