"""The generated pages are those that ``make docs`` writes, and every command is documented."""

from __future__ import annotations

import click
import pytest

from docs.generate import DOCS, PAGES
from fusemax.cli.main import cli


@pytest.mark.parametrize("page", PAGES)
def test_page_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page](), "run 'make docs'"


def test_every_command_is_documented() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    for name in cli.list_commands(click.Context(cli)):
        assert f"## fusemax {name}\n" in text
