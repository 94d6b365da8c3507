"""A part of a text is replaced, the rest stays."""

from __future__ import annotations

import pytest

from fusemax.base.errors import SourceError
from fusemax.design.document import read_document
from fusemax.web.answers.replace import document_of, replaced

TEXT = """# what it is
design: mine   # my own
cascade: attn_3pass
accelerator:
  clock: 1GHz  # fast

# how it is mapped
mapping: flat
"""


def test_only_its_own_lines_change() -> None:
    found = replaced(TEXT, {"accelerator": {"clock": "2GHz", "components": {}}})
    assert found == TEXT.replace("  clock: 1GHz  # fast\n", "  clock: 2GHz\n  components: {}\n")
    assert replaced(TEXT, {"mapping": "un-fused"}) == TEXT.replace("mapping: flat", "mapping: un-fused")
    assert replaced(TEXT, {"mapping": None}) == TEXT.removesuffix("mapping: flat\n")
    assert replaced(TEXT.rstrip(), {"binding": "true"}) == TEXT + 'binding: "true"\n'
    assert replaced(TEXT, {"title": "a: b", "cascade": "x\ny\n"}).count("\n") == TEXT.count("\n") + 3


def test_one_line_is_written_anew() -> None:
    found = replaced('{"design": "mine", "mapping": {"a": [1, 2]}}', {"mapping": "flat", "binding": None})
    assert read_document(found, file="x").data == {"design": "mine", "mapping": "flat"}


def test_what_is_no_design() -> None:
    for text in ("[1]", "text", "", "a: b: c"):
        with pytest.raises(SourceError):
            document_of(text)
