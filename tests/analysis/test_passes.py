from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, assume, given, note, settings

from fusemax.analysis.counting import unroll_smallest
from fusemax.analysis.formula import value
from fusemax.analysis.passes import Passes, passes
from fusemax.analysis.structure import structure
from fusemax.analysis.unroll import TooLarge
from fusemax.cascade import Cascade, ir, load, parse, print_cascade
from tests.analysis.brute_force import count_passes
from tests.cascade.strategies import cascades

# Section "Worked examples" of docs/explanation/passes.md: cascade, rank, passes.
WORKED = [
    ("attn_naive", "M", 2),
    ("attn_naive_deferred", "M", 1),
    ("attn_3pass", "M", 3),
    ("attn_3pass_deferred", "M", 2),
    ("attn_2pass_tileflow", "M", 2),
    ("attn_2pass_tileflow", "M1", 2),
    ("attn_2pass_tileflow", "M0", 3),
    ("attn_1pass_fusemax", "M", 1),
    ("attn_1pass_fusemax", "M1", 1),
    ("attn_1pass_fusemax", "M0", 2),
    ("attn_splitk", "M", 1),
    ("attn_splitk", "M1", 1),
    ("attn_splitk", "M0", 2),
    ("softmax_3pass", "M", 3),
    ("softmax_2pass_online", "M", 2),
    ("stencil", "K", 1),
    ("prefix_sum_normalised", "K", 2),
    ("attn_bwd_scratch", "M", 4),
    ("attn_bwd_fa", "M", 1),
    ("linattn_bwd", "I", 1),
    ("power_iteration", "K", "(I+1)//2"),
    ("recurrent_decoder", "M", "2*I"),
]


@pytest.mark.parametrize(("name", "rank", "want"), WORKED)
def test_worked_examples(name: str, rank: str, want: int | str) -> None:
    assert passes(load(name)).ranks[rank].passes == want


def test_json_of_three_passes() -> None:
    document = passes(load("attn_3pass")).to_json_document()
    ranks = document.pop("ranks")
    assert document == {"schema": "fusemax/passes/1", "cascade": "attn_3pass", "file": "attn_3pass.cascade"}
    assert isinstance(ranks, dict)
    assert list(ranks) == ["E", "P", "M", "F"]
    assert ranks["M"] == {
        "passes": 3,
        "tensors": {"K": 3, "V": 1},
        "derived": {},
        "sweeps": 3,
        "conflict": False,
        "leading": "K",
        "barriers": [
            {"pass": 1, "einsums": ["GM"], "line": 12, "reason": "max over m"},
            {"pass": 2, "einsums": ["SD"], "line": 14, "reason": "sum over m"},
        ],
    }
    assert ranks["P"]["tensors"] == {"Q": 1}


def test_factors_have_counts_only() -> None:
    found = passes(load("attn_splitk")).ranks["M1"].document()
    assert list(found) == ["passes", "tensors", "derived"]
    assert found["derived"] == {"LM": 2, "SLD": 1, "SLNV": 1, "PLM": 1}


def test_barriers_of_a_formula_are_those_of_one_step() -> None:
    rank = passes(load("recurrent_decoder")).ranks["M"]
    assert rank.passes == rank.sweeps == "2*I"
    assert [(b.number, b.einsums, b.reason) for b in rank.barriers] == [
        (None, ("SD",), "sum over m"),
        (None, ("C",), "sum over m"),
    ]


def test_the_einsums_of_each_pass() -> None:
    assert passes(load("attn_3pass")).ranks["M"].split() == (("QK", "GM"), ("SN", "SD"), ("A", "AV"))


def test_reasons() -> None:
    assert [b.reason for b in passes(load("softmax_2pass_online")).ranks["M"].barriers] == ["running max over i"]
    assert [b.reason for b in passes(load("clipped_sum")).ranks["M"].barriers] == ["min over m, max over m"]
    assert [b.reason for b in passes(load("attn_nsa_selected")).ranks["M"].barriers] == ["argtopk over m1"]


def test_a_rank_that_only_factors_of_inputs_have_is_listed_without_tensors() -> None:
    text = (
        "cascade scale\ninput U[m1], X[n]\noutput Z\npartition M = M1 * M0\nsizes M = 12, M0 = 3, N = 4\n"
        "Z = U[m1] * X[n]\n"
    )
    found = passes(parse(text))
    assert list(found.ranks) == ["M", "N", "M1", "M0"]
    assert found.ranks["M"].document() == {
        "passes": 0, "tensors": {}, "derived": {}, "sweeps": 0, "conflict": False, "leading": None, "barriers": []
    }  # fmt: skip
    assert found.ranks["M1"].passes == 1


@pytest.mark.parametrize("name", ["attn_3pass", "attn_1pass_fusemax", "attn_window_1pass", "power_iteration"])
def test_counts_do_not_depend_on_sizes(name: str) -> None:
    cascade = load(name)
    larger = replace(cascade, sizes=tuple(replace(s, value=s.value << 40) for s in cascade.sizes))
    assert passes(larger).document() == passes(cascade).document()


def test_a_window_may_be_long() -> None:
    text = (
        "cascade window\ninput X[m]\noutput Z\nparameter WIN = 6\nalias N = M\nsizes M = 9\n"
        "S[n] = X[m : m <= n and m > n - WIN]\nZ = S[n] * X[n]\n"
    )
    assert passes(parse(text)).ranks["M"].passes == 1


def test_convolutions_find_sizes_that_fit() -> None:
    text = "cascade conv\ninput X[h], W[s]\noutput Y[q]\nsizes H = 9, S = 3, Q = 7\nY[q] = X[q+s] * W[s]\n"
    assert passes(parse(text)).ranks["H"].document()["tensors"] == {"X": 1}
    assert passes(parse(text)).ranks["S"].passes == 1


def test_two_loops_add_up() -> None:
    step = "X[{0}+1, m] = A[m, k] * X[{0}, k]"
    text = f"""cascade two_loops
input A[m, k], X0[m]
output Y[m]
equal K = M
sizes M = 4, I = 3, J = 3
init:
X[0, m] = X0[m]
iterate i until I:
{step.format("i")}
then:
Z[0, m] = X[I, m]
iterate j until J:
{step.format("j").replace("X", "Z")}
then:
Y[m] = Z[J, m]
"""
    assert passes(parse(text)).ranks["K"].sweeps == "I+J"


def in_words(found: Passes) -> str:
    return found.headline()


def test_answers_in_words() -> None:
    assert in_words(passes(load("attn_3pass"))).startswith("attn_3pass: 3 passes over M: GM (max over m, line 12) ends")
    assert "2 sweeps of" in in_words(passes(load("two_sweeps")))
    assert "(conflict)" in in_words(passes(load("linattn_bwd")))
    explained = replace(passes(load("attn_3pass")), explained=True)
    assert "  pass 2  SN, SD\n" in in_words(explained)


# ------------------------------------------------------------------------------- against the definition


def differences(cascade: Cascade) -> list[str]:
    """Where the product and the definition by brute force disagree, at the smallest sizes the definition allows."""
    found = passes(cascade)
    form = replace(structure(cascade), small=frozenset())
    sizes = unroll_smallest(form).sizes
    want = count_passes(cascade, sizes)
    assert list(found.ranks) == list(want)
    wrong = []
    for name, rank in want.items():
        got = found.ranks[name]
        is_number = isinstance(got.passes, int)
        pairs: list[tuple[str, object, object]] = [("passes", value(got.passes, sizes), rank.passes)]
        pairs += [(t, value(n, sizes), rank.tensors[t]) for t, n in got.tensors.items()]
        pairs += [(t, value(n, sizes), rank.derived[t]) for t, n in got.derived.items()]
        if got.sweeps is not None:
            pairs += [("sweeps", value(got.sweeps, sizes), rank.sweeps), ("conflict", got.conflict, rank.conflict)]
        if not got.is_factor and is_number:
            ends = [(b.number, b.einsums, b.line) for b in got.barriers]
            pairs.append(("leading", got.leading, rank.leading))
            pairs.append(("barriers", ends, [(b.level, tuple(b.einsums), b.line) for b in rank.barriers or []]))
        wrong += [f"{name} {what}: {ours} but {theirs}" for what, ours, theirs in pairs if ours != theirs]
    return wrong


def num_reads(cascade: Cascade) -> int:
    try:
        graph = unroll_smallest(replace(structure(cascade), small=frozenset()))
    except TooLarge:
        return 1 << 30
    return sum(unrolled.reads.size for unrolled in graph.statements)


QUICK = settings(phases=[Phase.explicit, Phase.generate])
"""Without shrinking, which takes brute force minutes; the failing cascade is printed as text."""


@QUICK
@given(cascades())
def test_random_cascades_agree_with_the_definition(cascade: ir.Cascade) -> None:
    assume(num_reads(cascade) < 20_000)  # brute force takes a Python step per read
    note(print_cascade(cascade))
    cascade = parse(print_cascade(cascade))
    assert differences(cascade) == []


@pytest.mark.proof
@QUICK
@given(cascades())
def test_many_random_cascades_agree_with_the_definition(cascade: ir.Cascade) -> None:
    assume(num_reads(cascade) < 60_000)
    note(print_cascade(cascade))
    cascade = parse(print_cascade(cascade))
    assert differences(cascade) == []


@pytest.mark.parametrize("window", [2, 5, 4096])
def test_long_windows_cost_no_more_than_short_ones(window: int) -> None:
    kept = f"m : m <= p and m > p - {window}"
    text = (
        "cascade window\ninput Q[e, p], K[e, m]\noutput Z[p]\nequal P = M\nsizes M = 9, E = 2\n"
        f"QK[m, p] = Q[e, p] * K[e, m]\nGM[p] = QK[{kept}, p] :: max(m)\nZ[p] = exp(QK[{kept}, p] - GM[p])\n"
    )
    assert passes(parse(text)).ranks["M"].tensors == {"K": 1}
    stencil = f"cascade far\ninput A[k]\noutput Z\nsizes K = 9999\nB[k] = A[k] + A[(k+{window})%K]\nZ = B[k] * A[k]\n"
    assert passes(parse(stencil)).ranks["K"].passes == 1


TURNING = """
cascade turning
title "Every row meets one row of A a step, the next one in the next step"
input A[m, k]
output Y[m]
sizes M = 4, K = 4, I = 6
init:
  S[0, m] = 0
iterate i until I:
  T[i, m] = A[m, k] * S[i, m]
  S[i+1, m] = T[i, m] + A[(m+i)%M, i%K]
then:
  Y[m] = S[I, m]
"""


def test_a_count_that_depends_on_the_length_of_another_rank_names_it() -> None:
    """A formula found at one length of M would read `(I+1)//3` and be wrong at every other."""
    assert passes(parse(TURNING, "turning")).ranks["M"].sweeps == "(I+M-1)//M"
