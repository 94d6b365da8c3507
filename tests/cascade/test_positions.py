from fusemax.cascade import load, parse
from fusemax.cascade.positions import fits, position_ranks

TEXT = """cascade C
input A[k, n]
output B[k]
alias I = K
equal N = K, M = N
sizes M = 4

init:
  S[0, k] = 0
iterate i until K:
  S[i+1, 3] = S[i, 3] + A[i, n]
then:
  B[k] = S[K, 0]
"""


def test_inputs_have_the_ranks_they_declare() -> None:
    assert position_ranks(parse(TEXT))["A"] == ("K", "N")


def test_a_written_position_takes_the_first_plain_index_after_alias() -> None:
    ranks = position_ranks(parse(TEXT))
    assert ranks["S"] == ("K", "K")  # position 0 from `i+1` in the second write, position 1 from `k` in the first
    assert ranks["B"] == ("K",)


def test_a_position_without_plain_index_has_no_rank() -> None:
    cascade = parse("cascade C\ninput A[k]\noutput B[k]\nB[2*k] = A[k]\nZ = A[k]\n")
    assert position_ranks(cascade) == {"A": ("K",), "B": (None,), "Z": ()}


def test_factors_are_ranks_of_their_own() -> None:
    ranks = position_ranks(load("attn_1pass_fusemax"))
    assert ranks["BK"] == ("E", "M1", "M0")
    assert ranks["RNV"] == ("F", "M1", "P")


def test_equal_ranks_fit_through_chains_and_aliases() -> None:
    cascade = parse(TEXT)
    assert fits(cascade, "I", "K")
    assert fits(cascade, "M", "I")
    assert not fits(load("attn_3pass"), "M", "P")
