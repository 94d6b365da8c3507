"""How long the Design page takes from a key on a slider to the changed figure, by the clock of the browser's page."""

from __future__ import annotations

import atexit
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.case import Case
from tests.web.browser import answer_ms, launched, path_of_chromium, ready, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROMISED_S = 0.1


def cases() -> list[Case]:
    """One case, or none without Chromium. Every press is a point that nobody has asked for yet."""
    path = path_of_chromium()
    if path is None:
        print("page: no Chromium on this machine, left out", file=sys.stderr)
        return []
    return [
        Case(
            name="a slider of the Design page, from the key to the figure",
            baseline_name="100 ms",
            ours=lambda: answer_ms(_page(path), "#slider-clock") / 1e3,
            baseline=lambda: time.sleep(PROMISED_S),
            at_most=1,
            repeat=25,
            tells=True,
        )
    ]


@cache
def _page(path: str) -> Page:
    """The Design page in a browser; both it and its server end with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    page = stack.enter_context(launched(path)).new_page()
    ready(page, f"{stack.enter_context(served(Path(folder)))}/design")
    page.locator("#beside table").wait_for()
    return page
