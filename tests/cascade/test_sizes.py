import pytest

from fusemax.base.errors import SourceError, SourceErrors, UsageError
from fusemax.cascade import Cascade, load, parse
from fusemax.cascade.sizes import Shapes, known_sizes, resolve_sizes
from tests.cascade.texts import ONE_PASS

FUSEMAX = parse(ONE_PASS, "c.cascade")
SHAPES = {"Q": (4, 5), "K": (4, 24), "V": (3, 24)}


def cascade(header: str) -> Cascade:
    return parse(f"cascade C\n{header}\noutput Z\nZ = 1\n", "c.cascade")


def refusal(cascade: Cascade, input_shapes: Shapes | None = None) -> str:
    with pytest.raises((SourceError, SourceErrors)) as caught:
        resolve_sizes(cascade, input_shapes)
    return "; ".join(line for line in str(caught.value).split("\n") if line.startswith(cascade.file))


def test_defaults_give_every_rank() -> None:
    assert resolve_sizes(FUSEMAX) == {"E": 4, "P": 5, "M": 12, "F": 3, "M0": 4, "M1": 3}


def test_inputs_win_over_defaults_and_derived_ranks_follow() -> None:
    assert resolve_sizes(FUSEMAX, SHAPES) == {"E": 4, "P": 5, "M": 24, "F": 3, "M0": 4, "M1": 6}


def test_given_sizes_win_over_defaults() -> None:
    assert resolve_sizes(FUSEMAX, SHAPES, {"M0": 8})["M1"] == 3
    assert resolve_sizes(FUSEMAX, None, {"M": 16})["M1"] == 4


def test_aliases_have_the_size_of_their_target() -> None:
    assert resolve_sizes(cascade("input X[k]\nalias I = K\nsizes K = 7")) == {"K": 7, "I": 7}


def test_the_whole_is_derived_when_inputs_carry_all_factors() -> None:
    text = "input X[m1, m0]\npartition M = M1 * M0\nsizes M1 = 3, M0 = 2"
    assert resolve_sizes(cascade(text)) == {"M1": 3, "M0": 2, "M": 6}
    assert resolve_sizes(cascade(text), {"X": (5, 2)})["M"] == 10


def test_the_outermost_factor_is_derived_when_inputs_carry_it_and_the_whole() -> None:
    text = "input X[m1, m0], Y[m]\npartition M = M1 * M0\nsizes M = 6, M0 = 2"
    assert resolve_sizes(cascade(text))["M1"] == 3
    assert refusal(cascade(text), input_shapes={"X": (2, 2), "Y": (6,)}) == (
        "c.cascade:3:11: M = 6 is not the product of M1 = 2 * M0 = 2"
    )


def test_three_factors() -> None:
    assert resolve_sizes(load("attn_hier_splitk"))["M2"] == 2


def test_equal_partners_fill_each_other_through_chains() -> None:
    text = "input X[k, n, m]\nequal N = K, M = N\nsizes K = 4"
    assert resolve_sizes(cascade(text)) == {"K": 4, "N": 4, "M": 4}


def test_ranks_without_size_are_listed_and_refused_where_they_are_declared() -> None:
    half = cascade("input X[m, k]\npartition M = M1 * M0\nsizes K = 2, M = 4")
    assert known_sizes(half) == ({"M": 4, "K": 2}, ("M0",))
    assert refusal(half) == "c.cascade:3:20: rank M0 has no size: add 'sizes M0 = N' or --size M0=N"


def test_missing_input() -> None:
    text = refusal(FUSEMAX, input_shapes={"Q": (4, 5), "V": (3, 24)})
    assert text == "c.cascade:4:20: no array for input 'K'"


def test_wrong_number_of_ranks() -> None:
    text = refusal(FUSEMAX, input_shapes={**SHAPES, "K": (4,)})
    assert text == "c.cascade:4:20: input 'K' has 2 ranks, its array has 1"


def test_inputs_that_disagree() -> None:
    text = refusal(FUSEMAX, input_shapes={**SHAPES, "V": (3, 12)})
    assert text == "c.cascade:4:29: input 'V' has size 12 along M, but M is 24 in input 'K'"


def test_one_input_that_disagrees_with_itself() -> None:
    text = refusal(cascade("input X[k, k]"), input_shapes={"X": (2, 3)})
    assert text == "c.cascade:2:7: input 'X' has size 3 along K, but K is 2 in input 'X'"


def test_empty_input() -> None:
    text = refusal(cascade("input X[k]"), input_shapes={"X": (0,)})
    assert text == "c.cascade:2:7: input 'X' has size 0 along K, expected at least 1"


def test_inputs_that_do_not_divide() -> None:
    text = refusal(FUSEMAX, input_shapes={"Q": (4, 5), "K": (4, 10), "V": (3, 10)})
    assert text == "c.cascade:6:11: M = 10 is not divisible by M0 = 4"


def test_equal_inputs_that_differ() -> None:
    text = refusal(load("attn_causal_3pass"), input_shapes={"Q": (4, 5), "K": (4, 6), "V": (3, 6)})
    assert text.endswith(": P is 5 and M is 6, expected equal sizes")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"M": 12}, "size M=12: M is 24 in input 'K'"),
        ({"M1": 6}, "size M1=6: M1 is M divided by M0, its size follows"),
        ({"M0": 0}, "size M0=0: expected at least 1"),
        ({"m0": 4}, "unknown rank 'm0' (did you mean 'M0'?)"),
    ],
)
def test_given_sizes_that_are_refused(given: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_sizes(FUSEMAX, SHAPES, given)
    assert str(caught.value) == message
