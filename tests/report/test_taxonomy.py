"""Table I of the paper comes out of the texts, and verdicts come out of running them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from fusemax.base.errors import UnknownName
from fusemax.cascade import load, parse
from fusemax.cli.main import cli
from fusemax.report.taxonomy import judge, shipped_taxonomy

TABLE_I = {
    "PyTorch": 3, "TensorFlow": 3, "FLAT": 3, "E.T.": 3, "TileFlow": 2, "Choi et al.": 2, "FlashAttention": 1,
    "FlashAttention-2": 1, "Rabe & Staats": 1,
}  # fmt: skip


def test_the_papers_table() -> None:
    found = shipped_taxonomy(family="attention")
    counts = {system: form.passes for form in found.forms for system in form.systems}
    assert {system: counts[system] for system in TABLE_I} == TABLE_I
    published = [f for f in found.forms if set(f.systems) & set(TABLE_I)]
    assert all(form.verdict.stable and form.verdict.exact for form in published)
    assert str(found).startswith("3-pass: PyTorch, TensorFlow, FLAT, E.T.\n2-pass: TileFlow, Choi et al.\n1-pass: ")
    assert max(map(len, str(found).split("\n\n")[1].splitlines())) <= 100


def test_naive_softmax_is_exact_and_breaks_under_large_scores() -> None:
    verdict = judge(load("attn_naive"), load("attn_3pass"), "M")
    assert (verdict.stable, verdict.exact) == (False, True)
    assert verdict.counterexample is not None and "large inputs" in verdict.counterexample


def test_the_papers_iterative_form_is_not_its_function() -> None:
    assert judge(load("c3_iterative"), load("c1_pedagogical"), "K").exact is False


def test_a_wrong_form_is_not_exact() -> None:
    wrong = parse("cascade w\ninput X[m]\noutput A[m]\nsizes M = 12\nS = X[m]\nA[m] = X[m] / S\n")
    assert judge(wrong, load("softmax_3pass"), "M").exact is False


def test_unknown_stays_unknown() -> None:
    nameless = parse("cascade w\ninput X[m]\noutput S\nS = X[m]\n")
    assert judge(nameless, None, "M").stable is None


def test_json_is_a_list_of_documents() -> None:
    result = CliRunner().invoke(cli, ["taxonomy", "attn_3pass", "attn_splitk", "--json"])
    rows = json.loads(result.output)
    assert [row["schema"] for row in rows] == ["fusemax/taxonomy/1"] * 2
    assert rows[0]["divisions"] == "M*P" and rows[0]["exponentials"] == "M*P" and rows[0]["live_footprint"] == "M"
    assert rows[1]["live_footprint"] == "F*M1 + M0 + 2*M1"
    assert set(rows[0]) >= {"cascade", "family", "passes", "sweeps", "stable", "exact", "systems", "sources"}


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(UnknownName, match="atention"):
        shipped_taxonomy(family="atention")
