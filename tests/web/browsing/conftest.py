"""One browser for the tests of this folder: while it is there, no other test can run an event loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.web.browser import chromium, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; without it the tests that ask for it are skipped, or fail where one is required."""
    with launched(chromium()) as found:
        yield found
