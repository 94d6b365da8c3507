import pytest

from fusemax.base.errors import UnknownName
from fusemax.cascade import catalogue as cascade_names
from fusemax.report.catalogue import KINDS, catalogue, catalogue_text


def test_every_file_has_a_title_and_a_source() -> None:
    entries = catalogue().entries
    assert {entry.kind for entry in entries} == set(KINDS)
    assert [e for e in entries if not e.title] == []
    assert [e for e in entries if not e.source] == []


def test_one_kind() -> None:
    assert tuple(entry.name for entry in catalogue("cascades").entries) == cascade_names()
    with pytest.raises(UnknownName, match="did you mean 'designs'"):
        catalogue("design")


def test_a_file_is_printed_as_it_is() -> None:
    assert catalogue_text("cascades", "attn_3pass").startswith("cascade   attn_3pass\n")
    with pytest.raises(UnknownName, match="unknown cascade 'attn_4pass'"):
        catalogue_text("cascades", "attn_4pass")
