"""Each cell of the taxonomy that is a link leads to the lines it comes from."""

from __future__ import annotations

import pytest

from fusemax.analysis.passes import passes
from fusemax.cascade import load, parse
from fusemax.report.contents import Evidence, Report
from fusemax.report.evidence import compared_taxonomy, taxonomy_section
from fusemax.report.page import page

NAMES = ("attn_3pass", "attn_1pass_fusemax", "attn_naive", "attn_1pass_flashd")


def cell(name: str, column: str) -> Evidence:
    (row,) = taxonomy_section([name]).table
    found = row[column]
    assert isinstance(found, Evidence)
    return found


def marked(evidence: Evidence) -> list[str]:
    return [evidence.text.split("\n")[line - 1].strip() for line in evidence.lines]


def test_passes_lead_to_the_einsums_that_end_them() -> None:
    found = cell("attn_3pass", "passes")
    assert (found.value, marked(found)) == ("3", ["GM[p] = QK[m, p] :: max(m)", "SD[p] = SN[m, p]"])
    assert "GM (max over m, line 12) ends pass 1, SD (sum over m, line 14) ends pass 2." in found.title
    assert found.lines == (12, 14)
    assert passes(parse(found.text)).ranks["M"].passes == 3, "what is shown is a cascade"


def test_one_pass_has_nothing_to_mark() -> None:
    found = cell("attn_1pass_fusemax", "passes")
    assert (found.value, found.lines) == ("1", ())


def test_divisions_and_exponentials_lead_to_theirs() -> None:
    assert marked(cell("attn_1pass_fusemax", "divisions")) == ["AV[f, p] = RNV[f, M1, p] / RD[M1, p]"]
    assert [line.partition("[")[0] for line in marked(cell("attn_1pass_fusemax", "exponentials"))] == ["SLN", "PRM"]
    (row,) = taxonomy_section(["attn_1pass_flashd"]).table
    assert row["divisions"] == "0"


def test_what_breaks_a_form_is_its_evidence() -> None:
    found = cell("attn_naive", "stable")
    assert found.value == "no"
    assert "large inputs" in found.title


def test_a_comparison_shows_the_families_of_its_cascades() -> None:
    nameless = parse("cascade mine\ninput X[m]\noutput S\nS = X[m]\n")
    assert compared_taxonomy([nameless]) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_link_has_its_place(name: str) -> None:
    section = taxonomy_section([name])
    text = page(Report("", {}, sections=[section]))
    for column, found in section.table[0].items():
        if isinstance(found, Evidence):
            assert f">{found.value}</a>" in text, column
    assert text.count("<mark>") == sum(len(c.lines) for c in section.table[0].values() if isinstance(c, Evidence))
    assert load(name).name in text
