"""Pictures of every page at two widths, light and dark, to look at: `make screenshots`.

With WRITE=1 those of the README are written into docs/pictures as well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.web.browser import launched, path_of_chromium, ready, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parents[1] / "out" / "screenshots"
PICTURES = Path(__file__).parent / "pictures"
WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PATIENCE_MS = 120_000


def main() -> None:
    """Write PAGE-WIDTH-SCHEME.png for all of them."""
    browser_path = path_of_chromium()
    if browser_path is None:
        sys.exit("make screenshots: no Chromium on this machine; 'apt-get install chromium' brings it")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, launched(browser_path) as browser, served(Path(folder)) as address:
        fill_store(browser, address)
        for width in WIDTHS:
            for scheme in SCHEMES:
                for name, show in PAGES.items():
                    picture(browser, address, name, show, width, scheme)
        if "--write" in sys.argv[1:]:
            for name in ("cascade", "design"):
                readme_picture(browser, address, name)
        report = Path(folder) / "index.html"
        report.write_text(report_text(), encoding="utf-8")
        for width in WIDTHS:
            for scheme in SCHEMES:
                picture(browser, report.as_uri(), "report", show_report, width, scheme)
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(FOLDER.parents[1])}")


def picture(
    browser: Browser,
    address: str,
    name: str,
    show: Callable[[Page, str], None],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    """One picture of a whole page."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    show(page, address)
    page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=True)
    context.close()


def readme_picture(browser: Browser, address: str, name: str) -> None:
    """The upper part of a page, as a reader of the README sees it."""
    PICTURES.mkdir(exist_ok=True)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    PAGES[name](page, address)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=PICTURES / f"explorer-{name}.png")
    context.close()


def fill_store(browser: Browser, address: str) -> None:
    """A sweep, so that there is something to explore."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    ready(page, f"{address}/explore")
    page.locator("#start-fig12").click()
    page.locator("#job-state").get_by_text("done").wait_for()
    page.close()


def show_cascade(page: Page, address: str) -> None:
    """Derived, at the first step."""
    ready(page, f"{address}/cascade?name=attn_3pass")
    page.locator(".picture svg").wait_for()
    page.locator("#derive").click()
    page.locator("#step h3").wait_for()


def show_mistake(page: Page, address: str) -> None:
    """A tensor that does not exist."""
    ready(page, f"{address}/cascade?name=attn_3pass")
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+Home")
    for _ in range(13):  # to SD[p] = SN[m, p]
        page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.type(" * GN[p]")
    page.locator(".cm-lintRange-error").wait_for()


def show_design(page: Page, address: str) -> None:
    """As it opens."""
    ready(page, f"{address}/design")
    page.locator("#beside table").wait_for()
    page.locator("#part-mapping optgroup").first.wait_for(state="attached")


def show_explore(page: Page, address: str) -> None:
    """The sweep, with a point chosen."""
    ready(page, f"{address}/explore")
    page.locator(".job").first.click()
    page.locator(".chart .on-front").nth(8).click()
    page.locator("#point pre").wait_for()


def show_taxonomy(page: Page, address: str) -> None:
    """With the evidence of a count."""
    ready(page, f"{address}/taxonomy")
    page.get_by_role("button", name="attn_3pass: 3 passes, evidence").click()


def show_learn(page: Page, address: str) -> None:
    """The step about attention."""
    ready(page, f"{address}/learn#4")
    page.locator(".picture svg").wait_for()


def show_report(page: Page, address: str) -> None:
    """All charts drawn."""
    page.goto(address)
    page.wait_for_selector("html[data-drawn]")


def report_text() -> str:
    """The page of a comparison of one model at two lengths."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "fusemax",
            "compare",
            "--workloads",
            "bert",
            "--seq-lens",
            "1K,64K",
            "-o",
            folder,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return (Path(folder) / "index.html").read_text(encoding="utf-8")


PAGES: Mapping[str, Callable[[Page, str], None]] = {
    "cascade": show_cascade,
    "cascade-mistake": show_mistake,
    "design": show_design,
    "explore": show_explore,
    "taxonomy": show_taxonomy,
    "learn": show_learn,
}

if __name__ == "__main__":
    main()
