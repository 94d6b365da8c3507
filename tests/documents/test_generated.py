"""The generated pages are those that ``make docs`` writes, and every command is documented."""

from __future__ import annotations

import click
import pytest

from docs.generate import DOCS, pages
from fusemax.cli.main import cli


@pytest.mark.parametrize("path", [str(path.relative_to(DOCS.parent)) for path in pages()])
def test_page_is_up_to_date(path: str) -> None:
    page = DOCS.parent / path
    assert page.read_text(encoding="utf-8") == pages()[page](), "run 'make docs'"


def test_every_command_is_documented() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    for name in cli.list_commands(click.Context(cli)):
        assert f"## fusemax {name}\n" in text
