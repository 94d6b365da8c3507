"""Without Chromium the browser tests say so, and fail where that is asked for."""

from __future__ import annotations

import pytest

from tests.web import browser


def test_a_missing_browser_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "path_of_chromium", lambda: None)
    monkeypatch.delenv("FUSEMAX_REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium on this machine"):
        browser.chromium()


def test_a_missing_browser_fails_where_one_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "path_of_chromium", lambda: None)
    monkeypatch.setenv("FUSEMAX_REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="no Chromium on this machine"):
        browser.chromium()
