from tests.cascade.rules.cases import body

LOOP = ("iterate i until P:", "R[i] = Q[0, i]")
THEN = ("then:", "Z[p] = Q[e, p]")


def test_orders_that_are_legal() -> None:
    assert body("init:", "A = 1", *LOOP, *THEN) == []
    assert body(*LOOP, *THEN, "iterate i downto 0:", "S[i] = R[i]", "then:", "B = 1") == []
    assert body(*LOOP, "iterate m1 until M1:", "S[m1] = 1", *THEN) == []


def test_init_after_something() -> None:
    assert body(*LOOP, "init:", "A = 1", *THEN) == ["section-order 11:1+4 'init' comes first and once"]
    assert body("init:", "A = 1", "init:", "B = 1", *LOOP, *THEN) == [
        "section-order 11:1+4 'init' comes first and once"
    ]


def test_then_before_an_iteration() -> None:
    assert body("then:", "A = 1", *LOOP, *THEN) == ["section-order 9:1+4 'then' comes after an iteration"]
    assert body("init:", "A = 1", *THEN) == ["section-order 11:1+4 'then' comes after an iteration"]


def test_init_alone() -> None:
    assert body("init:", "Z[p] = Q[e, p]") == ["section-order 9:1+4 'init' needs an iteration after it"]


def test_until_takes_the_variables_rank_or_its_target() -> None:
    legal = ("iterate i until I:", "R[i] = 1", "iterate i until P:", "S[i] = 1")
    assert body(*legal, *THEN) == []
    found = body("iterate i until M:", "R[i] = 1", "iterate m1 until M:", "S[m1] = 1", *THEN)
    assert found == [
        "until-rank 9:17+1 'i' runs until I or P, found 'M'",
        "until-rank 11:18+1 'm1' runs until M1, found 'M'",
    ]


def test_until_takes_no_equal_and_no_unknown_rank() -> None:
    assert body("iterate n until P:", "R[n] = 1", *THEN) == ["until-rank 9:17+1 'n' runs until N, found 'P'"]
    assert body("iterate p until I:", "R[p] = 1", *THEN) == ["until-rank 9:17+1 'p' runs until P, found 'I'"]
    assert body("iterate p until PP:", "R[p] = 1", *THEN) == ["until-rank 9:17+2 'p' runs until P, found 'PP'"]


def test_left_sides_in_an_iteration_use_its_variable() -> None:
    needs = "is written in every iteration: its left side needs 'i'"
    assert body("iterate i until P:", "R[0] = 1", "S = 1", "T[p] = 2", "U[2*i] = 3", *THEN) == [
        f"iteration-variable 10:1+1 'R' {needs}",
        f"iteration-variable 11:1+1 'S' {needs}",
        f"iteration-variable 12:1+1 'T' {needs}",
    ]
