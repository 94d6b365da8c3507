"""Every picture of the page is a file."""

from __future__ import annotations

from fusemax.report.contents import Report, Section
from fusemax.report.export import picture
from fusemax.report.pictures import file_name, pictures, section_names
from tests.report.test_page import report


def test_every_chart_of_the_page_has_a_name() -> None:
    found = pictures(report())
    assert {"fig6a", "fig8", "fusemax-epoch", "fusemax-time", "fusemax-energy", "search"} <= set(found)
    assert b"<svg" in picture(found["fusemax-epoch"], "svg")
    assert picture(found["fusemax-epoch"], "pdf").startswith(b"%PDF")


def test_names_are_plain_and_no_two_alike() -> None:
    assert file_name("bert at 4K, µ/corrected: x") == "bert-at-4K-corrected-x"
    assert file_name("../..") == "other"
    assert section_names(Report("", {}, sections=[Section("a b"), Section("a/b")])) == ["a-b", "a-b-1"]
