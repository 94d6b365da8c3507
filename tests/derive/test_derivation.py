"""What a derivation must reach: passes, values, legality, certificates; none by the name of a function."""

from __future__ import annotations

import re
from dataclasses import replace
from math import prod

import pytest

from fusemax.cascade import Cascade, check_rules, load, parse, print_cascade
from fusemax.cascade.ranks import declared_ranks, rank_of
from fusemax.cascade.sizes import known_sizes
from fusemax.cascade.tokens import RESERVED
from fusemax.derive import Derivation, derive
from fusemax.derive.canonical import same_form
from fusemax.derive.check import Reference
from fusemax.derive.flat import reads
from fusemax.derive.samples import samples_for
from tests.analysis.brute_force import count_passes
from tests.analysis.unrolled import unrolling_sizes
from tests.derive.texts import TEXTS

REACHED = {
    "attn_naive": ("M", 1),
    "attn_3pass": ("M", 1),
    "attn_3pass_deferred": ("M", 1),
    "attn_3pass_scaled": ("M", 1),
    "attn_causal_3pass": ("M", 1),
    "attn_causal_filter": ("M", 1),
    "attn_window_3pass": ("M", 1),
    "attn_longformer_3pass": ("M", 1),
    "attn_gqa_3pass": ("M", 1),
    "attn_softcap_3pass": ("M", 1),
    "attn_alibi_3pass": ("M", 1),
    "attn_sinks_3pass": ("M", 1),
    "attn_mla_3pass": ("M", 1),
    "attn_mla_explicit_3pass": ("M", 1),
    "attn_differential_3pass": ("M", 1),
    "attn_batched_3pass": ("M", 1),
    "attn_qknorm_3pass": ("M", 1),
    "attn_et": ("M", 1),
    "attn_flat": ("M", 1),
    "attn_2pass_choi": ("M", 1),
    "attn_2pass_tileflow": ("M", 1),
    "attn_bwd_scratch": ("M", 2),
    "batch_norm": ("B", 2),
    "c1_pedagogical": ("K", 1),
    "c3_prefix": ("K", 1),
    "cosine_similarity": ("D", 1),
    "cross_entropy_linear": ("V", 1),
    "crossed_sweeps": ("K", 1),
    "fourth_central_moment": ("M", 1),
    "gaussian_nll": ("M", 1),
    "kl_divergence": ("M", 1),
    "layernorm_3pass": ("D", 2),
    "layernorm_matmul": ("D", 1),
    "log_softmax": ("M", 2),
    "logsumexp_2pass": ("M", 1),
    "minmax_sum": ("M", 1),
    "quant_matmul_rmsnorm": ("K", 2),
    "rmsnorm_matmul": ("D", 1),
    "softmax_3pass": ("M", 2),
    "softmax_entropy": ("M", 1),
    "variance_2pass": ("M", 1),
}
"""Catalogue cascade -> (rank, fewest passes)."""

STAY = {
    "attn_sparsemax": ("M", "evidence", "Z"),
    "clipped_sum": ("M", "proof", None),
    "layernorm_bwd": ("D", "proof", None),
    "mad": ("M", "proof", "MU"),
    "masked_mean": ("M", "proof", None),
    "median_selection": ("M", "evidence", None),
    "minmax_normalise": ("M", "proof", None),
    "power_iteration": ("K", "evidence", None),
    "prefix_sum_normalised": ("K", "proof", "S"),
    "quant_matmul_dynamic": ("K", "evidence", "AM"),
    "rmsnorm_2pass": ("D", "proof", "SS"),
    "softermax": ("M", "proof", None),
    "softmax_2pass_online": ("M", "proof", "RD"),
    "softmax_naive": ("M", "proof", "SD"),
    "sparsemax": ("M", "proof", None),
}
"""Catalogue cascade -> (rank, kind of certificate, barrier)."""


def check_result(source: Cascade, found: Derivation, passes: int) -> None:
    """The result is legal, prints, keeps the interface, has its passes by the independent count, and its values."""
    assert found.passes_after == passes
    assert found.best is not None
    best = found.best.cascade
    assert check_rules(parse(print_cascade(best))) == best
    assert (best.inputs, best.outputs) == (source.inputs, source.outputs)
    sizes, own = known_sizes(source)[0], {s.rank: s.value for s in best.sizes}
    assert own == {rank: sizes[rank] for rank in own}
    assert {rank_of(v) for d in source.inputs for v in d.variables} <= own.keys()
    small = unrolling_sizes(best)
    if prod(small.values()) < 2_000:  # the brute-force count is for small iteration spaces
        assert count_passes(best, small)[found.rank].passes == passes
    check = Reference(source, samples_for(source, found.rank)).check(best)
    assert check.difference is None, check.difference
    for step in found.steps:
        assert check_rules(parse(print_cascade(step.cascade))) == step.cascade


@pytest.mark.parametrize("name", sorted(REACHED))
def test_catalogue_cascades_reach_the_fewest_passes(name: str) -> None:
    rank, passes = REACHED[name]
    source = load(name)
    check_result(source, derive(source, rank), passes)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_cascades_beyond_the_catalogue_reach_the_fewest_passes(name: str) -> None:
    text, rank, passes = TEXTS[name]
    source = check_rules(parse(text))
    found = derive(source, rank)
    if found.passes_before == passes:
        assert found.best is None
        assert found.certificate is not None
    else:
        check_result(source, found, passes)


@pytest.mark.parametrize("name", sorted(STAY))
def test_barriers_that_stay_have_a_certificate(name: str) -> None:
    rank, kind, barrier = STAY[name]
    found = derive(load(name), rank)
    assert found.best is None
    assert found.passes_after == found.passes_before
    assert found.certificate is not None
    assert found.certificate.kind == kind
    assert barrier is None or found.certificate.barrier == barrier
    assert found.certificate.reason


@pytest.mark.parametrize("name", ["softmax_3pass", "layernorm_3pass", "log_softmax", "attn_bwd_scratch"])
def test_an_output_along_the_rank_is_proved_to_need_two_passes(name: str) -> None:
    found = derive(load(name), REACHED[name][0])
    assert found.certificate is not None
    assert found.certificate.kind == "proof"
    assert "keeps the rank" in found.certificate.reason


def test_witness_of_an_absolute_difference_has_full_rank_at_every_size() -> None:
    certificate = derive(load("mad")).certificate
    assert certificate is not None
    assert certificate.witness is not None
    assert certificate.witness.ranks == certificate.witness.points == (6, 12, 18)


def test_one_pass_over_the_rank_is_the_least() -> None:
    found = derive(load("attn_1pass_fusemax"), "M")
    assert found.best is None
    assert found.certificate is not None
    assert found.certificate.kind == "proof"


def test_the_textbook_cascade_becomes_cascade_5() -> None:
    found = derive(load("attn_3pass"), "M", tile=("M0", 4))
    assert [step.law for step in found.steps] == ["defer", "tile"]
    assert [step.passes for step in found.steps] == [2, 1]
    assert same_form(found.steps[0].cascade, load("attn_3pass_deferred"))
    assert same_form(found.cascade, load("attn_1pass_fusemax"))


@pytest.mark.parametrize(
    ("source", "rank", "target"),
    [
        ("attn_3pass", "M", "attn_1pass_rabe_staats"),
        ("attn_mla_3pass", "M", "attn_mla_1pass"),
        ("attn_naive", "M", "attn_naive_deferred"),
        ("c1_pedagogical", "K", "c2_deferred"),
        ("logsumexp_naive", "M", None),
    ],
)
def test_published_forms_are_reached_element_by_element(source: str, rank: str, target: str | None) -> None:
    found = derive(load(source), rank)
    assert same_form(found.cascade, load(target or source))


def test_law_iterate_reaches_cascade_3_and_its_counterexample() -> None:
    found = derive(load("c1_pedagogical"), "K", law="iterate")
    assert same_form(found.cascade, load("c3_iterative"))
    assert found.counterexample is not None
    prefix = found.counterexample.sample.inputs
    partial = (prefix["A"] * prefix["B"]).cumsum()
    assert 0 in partial


def test_accumulators_are_as_many_as_the_rank_of_the_sample_matrix() -> None:
    entropy = derive(load("softmax_entropy")).cascade
    assert len({e.tensor for e in entropy.sections[0].einsums}) == 3  # the maximum, and two sums
    moment = derive(load("fourth_central_moment"))
    assert moment.best is not None
    assert moment.best.is_stable


def test_the_stable_form_of_the_variance_is_the_default() -> None:
    found = derive(load("variance_2pass"), every=True)
    raw = [c for c in found.candidates if [s.law for s in c.steps] == ["expand"]]
    assert [c.is_stable for c in raw] == [False]
    assert [step.law for step in found.steps] == ["iterate"]


def test_eager_and_deferred_division_are_separate_steps() -> None:
    found = derive(load("attn_3pass"), "M", every=True)
    eager = [c for c in found.candidates if any("eager" in s.detail for s in c.steps)]
    deferred = [c for c in found.candidates if c.passes == 1 and "defer" in [s.law for s in c.steps]]
    assert eager
    assert deferred
    assert min(c.divisions for c in eager) > min(c.divisions for c in deferred)
    assert {c.passes for c in found.candidates} == {1, 2}


def test_a_target_picks_the_form_with_so_many_passes() -> None:
    found = derive(load("attn_3pass"), "M", target=2)
    assert found.passes_after == 2
    assert same_form(found.cascade, load("attn_3pass_deferred"))


def test_masked_tiles_are_exact() -> None:
    found = derive(load("attn_window_3pass"), "M", tile=("M0", 2))
    assert same_form(found.cascade, load("attn_window_1pass")) or found.best is not None
    assert "expsub" in print_cascade(found.cascade)


def test_loops_over_other_ranks_are_worked_on_a_step_at_a_time() -> None:
    found = derive(load("recurrent_decoder"), "M")
    assert (found.passes_before, found.passes_after) == ("2*I", "I")


def test_the_same_answer_each_run() -> None:
    first, second = (derive(load("kl_divergence")) for _ in range(2))
    assert print_cascade(first.cascade) == print_cascade(second.cascade)


def test_a_budget_bounds_the_search() -> None:
    found = derive(load("attn_3pass"), "M", budget=1)
    assert found.best is None
    assert found.budget_ended


def test_document_has_the_keys_others_read() -> None:
    document = derive(load("attn_3pass"), "M").to_json_document()
    assert document["schema"] == "fusemax/derive/1"
    assert [document[key] for key in ("rank", "passes_before", "passes_after", "certificate")] == ["M", 3, 1, None]
    steps = document["steps"]
    assert isinstance(steps, list)
    assert all({"law", "einsums", "passes", "max_error"} <= step.keys() for step in steps)
    stays = derive(load("mad")).to_json_document()["certificate"]
    assert isinstance(stays, dict)
    assert {"kind", "barrier", "reason"} <= stays.keys()


# ------------------------------------------------------------------------------------------------ names and order

_WORD = re.compile(r"(?<![0-9.])\b[A-Za-z][A-Za-z0-9_]*")
_KEEP = RESERVED


def renamed(text: str) -> str:
    """Every tensor, rank, parameter and rank variable under another name, independent statements reversed."""
    body = "\n".join(line for line in text.splitlines() if not re.match(r"(title|source|note|expect)\b", line))
    ranks = set(declared_ranks(parse(text)))

    def change(match: re.Match[str]) -> str:
        word = match.group()
        if word in _KEEP:
            return word
        if word in ranks:
            return f"Zz{word[0].lower()}{word[1:]}"
        return ("Zz" if word[0].isupper() else "zz") + word

    return _WORD.sub(change, body)


def permuted(cascade: Cascade) -> Cascade:
    """The flat cascade with every statement as late as what reads it allows."""
    left = list(cascade.einsums)
    order = []
    while left:
        needed = set().union(*(reads(e) for e in left))
        last = next(e for e in left if e.tensor not in needed)
        order.append(last)
        left.remove(last)
    return replace(cascade, sections=(replace(cascade.sections[0], einsums=tuple(reversed(order))),))


@pytest.mark.parametrize(
    "name", ["attn_3pass", "softmax_entropy", "layernorm_matmul", "kl_divergence", "attn_sinks_3pass"]
)
def test_names_and_order_do_not_matter(name: str) -> None:
    rank, passes = REACHED[name]
    source = check_rules(parse(renamed(print_cascade(permuted(load(name))))))
    check_result(source, derive(source, f"Zz{rank.lower()}"), passes)
