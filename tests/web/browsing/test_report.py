"""The report page in a real browser, opened from disk with the network off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fusemax.report.contents import DesignCard, Provenance, Report, Section
from fusemax.report.page import page as report_page
from tests.report.synthetic import comparison, sweep
from tests.web.browser import faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


ONE = ("bert",)
"""One model: the time goes into looking at every mark of every chart."""
WIDE: dict[str, object] = {"cascade": "attn_3pass", "passes": 3, "sources": "Somebody et al. 2026 arXiv 2601.00001"} | {
    f"column {number}": "M*P + M*P/M0" for number in range(6)
}
"""A row of a table that is wider than a telephone."""


@pytest.fixture(scope="module")
def file(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an invented comparison."""
    parts: list[dict[str, object]] = [
        {"einsum": einsum, "component": component, "quantity": quantity, "value": 1e-3}
        for einsum in ("QK", "LM")
        for component in ("array2d", "dram")
        for quantity in ("time", "energy")
    ]
    report = Report(
        title="A comparison",
        results={"corrected": comparison(workloads=ONE, factor=0.8), "published": comparison(workloads=ONE)},
        provenance=Provenance("fusemax compare -o out", {"fusemax": "1"}, {}, [{"switch": "one", "what": "this"}]),
        area_sweep={"published": sweep(ONE)},
        designs=[DesignCard("fusemax", "Both arrays.", "for p:", [("array2d", "QK", 0, 9)], parts)],
        sections=[Section("Taxonomy", ("What ships.",), {}, [WIDE], "text")],
    )
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(report_page(report), encoding="utf-8")
    return path


def opened(browser: Browser, file: Path, requests: list[str], complaints: list[str]) -> Page:
    """The page with its charts drawn, in a browser that is offline."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn]", timeout=60_000)
    return page


def test_the_report_works_without_a_network(browser: Browser, file: Path) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    page = opened(browser, file, requests, complaints)
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    assert page.locator(".chart").count() > 8
    assert page.locator(".chart svg").count() == page.locator(".chart").count()
    bars = "#chart-fig8 svg path[aria-roledescription='bar']"
    before = page.locator(bars).count()
    assert before > 0
    page.get_by_role("checkbox", name="flat").uncheck()  # a filter over all charts
    page.wait_for_function(f"n => document.querySelectorAll({bars!r}).length < n", arg=before)
    page.get_by_role("radio", name="published").check()
    assert faults(page) == []
    page.locator("#theme").click()
    page.set_viewport_size({"width": 390, "height": 844})
    assert faults(page, "color-contrast", "scrollable-region-focusable") == []
    stacked = page.locator(".stacks .scroll").evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert stacked[0] <= stacked[1], "a wide table scrolls sideways on a telephone"
    assert complaints == []
    page.context.close()
