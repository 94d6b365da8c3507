"""Chromium and a server for tests and screenshots, and what axe-core says of a page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["answer_ms", "chromium", "faults", "launched", "path_of_chromium", "ready", "served"]

_SERIOUS = ("serious", "critical")


def path_of_chromium() -> str | None:
    """Where the machine's own Chromium is."""
    return next(filter(None, map(shutil.which, ("chromium", "/usr/bin/chromium", "chromium-browser"))), None)


def chromium() -> str:
    """Its path; without one the test is skipped, or fails where FUSEMAX_REQUIRE_BROWSER is set."""
    found = path_of_chromium()
    if found is None:
        reason = "no Chromium on this machine: 'apt-get install chromium' lets the browser tests run"
        if os.environ.get("FUSEMAX_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    """A browser without a window. Root may not use Chromium's sandbox, and the pages are our own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of an explorer that works in `folder`, on a port of its own."""
    command = [sys.executable, "-u", "-m", "fusemax", "serve", "--no-open", "--port", "0", "--store", "explorer.store"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as server:
        assert server.stdout is not None
        try:
            lines: list[str] = []
            while True:  # until it says where it is
                line = server.stdout.readline()
                assert line, f"the server ended: {''.join(lines)}"
                lines.append(line)
                if "http://" in line:
                    break
            yield "http://" + line.partition("http://")[2].split()[0].rstrip("/")
        finally:
            server.terminate()
            server.communicate(timeout=20)


def ready(page: Page, address: str) -> None:
    """Go to a page of the explorer, and wait until it has started."""
    page.goto(address)
    page.wait_for_selector("html[data-ready]")


_WATCH = """slider => {
  const shown = () => [...document.querySelectorAll(".tiles dd")].map(one => one.textContent).join();
  const before = shown();
  let pressed = 0;
  document.querySelector(slider).addEventListener("keydown", event => { pressed = event.timeStamp; }, {once: true});
  window.answered = new Promise(done => {
    const watch = new MutationObserver(() => {
      if (!pressed || shown() === before) return;
      watch.disconnect();
      done(performance.now() - pressed);
    });
    watch.observe(document.querySelector("main"), {subtree: true, childList: true, characterData: true});
  });
}"""


def answer_ms(page: Page, slider: str, key: str = "ArrowRight") -> float:
    """Milliseconds from a key on a slider of the Design page until a figure has changed, by the page's own clock."""
    page.locator(slider).focus()
    page.evaluate(_WATCH, slider)
    page.keyboard.press(key)
    return float(page.evaluate("() => window.answered"))


def faults(page: Page, *rules: str) -> list[str]:
    """The serious faults that axe-core finds on a page, by all its rules or some: rule, help and the elements."""
    script = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(script)
    chosen = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **chosen})
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:4]}"
        for one in found["violations"]
        if one["impact"] in _SERIOUS
    ]
