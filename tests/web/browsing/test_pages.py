"""The explorer as a person uses it, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.web.browser import answer_ms, faults, ready, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = ("cascade", "design", "explore", "taxonomy", "learn")
SHOWS = {"cascade": ".picture svg", "design": "#beside table", "taxonomy": "table"}
"""What a page shows once it has its answers."""
MISTAKE = """cascade   mine
input     Q[e, p], K[e, m]
output    SN[m, p]

QK[m, p] = Q[e, p] * K[e, m]
GM[p] = QK[m, p] :: max(m)
SN[m, p] = exp(QQK[m, p] - GM[p])
"""


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """After the browser, so that without one no server is started."""
    with served(tmp_path_factory.mktemp("explorer")) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; what it complains of on the console is an error, a refused question of ours aside."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)  # a machine that is busy is no failure
    found = context.new_page()
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield found
    context.close()
    assert [text for text in complaints if "status of 4" not in text] == []


def write(page: Page, text: str) -> None:
    """Type a cascade in place of what the editor holds."""
    page.locator(".cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_a_mistake_is_underlined_where_it_is_and_can_be_mended(page: Page, address: str) -> None:
    ready(page, f"{address}/cascade")
    write(page, MISTAKE)
    underlined = page.locator(".cm-lintRange-error")
    underlined.wait_for()
    assert underlined.inner_text() == "QQK"
    assert page.locator(".cm-line").nth(6).locator(".cm-lintRange-error").count() == 1
    errors = page.locator("#errors")
    assert "did you mean 'QK'?" in errors.inner_text() and "^~~" in errors.inner_text()
    errors.get_by_role("button", name="Line 7, column 16").click()
    page.keyboard.press("Delete")  # the cursor stands before QQK
    page.get_by_text("2 passes over M").first.wait_for()
    assert page.locator(".cm-lintRange-error").count() == 0 and errors.inner_text() == ""
    assert "ends pass 1 over M" in page.locator(".cm-line").nth(5).inner_text()
    assert page.locator(".picture svg").count() == 1


@pytest.mark.parametrize(("name", "row"), [("attn_1pass_fusemax", "M1"), ("delta_rule", "I+1")])
def test_factors_of_partitions_and_formulas_of_passes_are_shown(page: Page, address: str, name: str, row: str) -> None:
    ready(page, f"{address}/cascade?name={name}")
    page.get_by_role("row").filter(has_text=row).first.wait_for()
    assert page.locator(".problem").count() == 0 and page.locator(".picture svg").count() == 1


@pytest.mark.proof
def test_every_cascade_that_ships_is_shown(page: Page, address: str) -> None:
    ready(page, f"{address}/cascade")
    names = page.locator("#catalogue option").all_inner_texts()[1:]
    assert len(names) > 100
    for name in names:
        page.locator("#catalogue").select_option(name)
        page.wait_for_function("n => document.querySelector('.picture')?.shadowRoot.textContent.includes(n)", arg=name)
        assert page.locator(".problem").count() == 0, name
        assert " over " in page.locator("#headline").inner_text(), name


def test_a_cascade_is_derived_law_by_law(page: Page, address: str) -> None:
    ready(page, f"{address}/cascade?name=attn_3pass")
    page.get_by_text("3 passes over M").first.wait_for()
    page.locator("#derive").click()
    page.locator("#derived").wait_for()
    assert "3 passes over M → 1" in page.locator("#derived").inner_text()
    step = page.locator("#step")
    assert "Step 1 of 2: defer" in step.inner_text() and "3 → 2 passes" in step.inner_text()
    lines = {kind: step.locator(f".{kind}").count() for kind in ("new", "gone", "same")}
    assert all(lines.values())
    box = step.locator("pre").bounding_box()
    assert box is not None and box["height"] > 15 * sum(lines.values())  # each on a line of its own
    page.locator("#next-step").click()
    assert "Step 2 of 2: iterate" in step.inner_text() and "largest relative error" in step.inner_text()
    page.get_by_role("button", name="Take the result").click()
    page.get_by_text("1 pass over M").first.wait_for()
    assert "iterate i until M" in page.locator(".cm-content").first.inner_text()
    ready(page, f"{address}/learn")
    ready(page, f"{address}/cascade")  # a look at another page loses nothing
    page.get_by_text("1 pass over M").first.wait_for()


def test_a_text_travels_in_the_address(page: Page, address: str) -> None:
    ready(page, f"{address}/cascade")
    write(page, MISTAKE.replace("QQK", "QK"))
    page.get_by_text("2 passes over M").first.wait_for()
    page.get_by_role("button", name="Share").click()
    page.get_by_text("it is in the address").wait_for()
    shared = page.url
    page.goto("about:blank")
    ready(page, shared)
    page.get_by_text("2 passes over M").first.wait_for()
    assert "cascade   mine" in page.locator(".cm-content").first.inner_text()


def test_a_slider_changes_the_numbers(page: Page, address: str, record_property: Callable[[str, object], None]) -> None:
    """How long that takes is told and not tested: `make bench TOPIC=page` holds it against what is promised."""
    ready(page, f"{address}/design")
    time = page.locator("#value-latency")
    time.wait_for()
    before = time.inner_text()
    answers = [answer_ms(page, "#slider-clock") for _ in range(5)] + [answer_ms(page, "#slider-seq_len")]
    record_property("answer_ms", [round(one) for one in answers])
    print(f"from a key to the changed figure: {', '.join(f'{one:.0f}' for one in answers)} ms")
    assert time.inner_text() != before
    assert page.locator("#slider-seq_len").get_attribute("aria-valuetext") == "8K"
    page.locator("#beside").get_by_text("flat").wait_for()
    page.locator("#reset").click()
    page.wait_for_function("before => document.querySelector('#value-latency').textContent === before", arg=before)


def test_a_wrong_design_says_where(page: Page, address: str) -> None:
    ready(page, f"{address}/design")
    page.locator("#edit-design summary").click()
    write(page, "design: mine\ncascade: attn_1pass_fusemaxx\n")
    problem = page.locator(".problem")
    problem.wait_for()
    assert "attn_1pass_fusemax" in problem.inner_text()
    underlined = page.locator("#edit-design .cm-lintRange-error")
    underlined.first.wait_for()
    assert "attn_1pass_fusemaxx".startswith(underlined.first.inner_text().strip())


def test_a_design_is_put_together_from_parts(page: Page, address: str) -> None:
    ready(page, f"{address}/design")
    text = page.locator("#edit-design .cm-content")
    page.locator("#part-schedule optgroup").first.wait_for(state="attached")
    before = page.locator("#value-latency").inner_text()
    page.locator("#part-schedule").select_option("fusemax-architecture")
    page.wait_for_function("before => document.querySelector('#value-latency').textContent !== before", arg=before)
    assert page.locator("#design").input_value() == "fusemax-architecture"
    page.locator("#tile-sizes summary").click()
    page.get_by_label("P1, fills the level").fill("2")
    page.keyboard.press("Tab")
    page.locator("#edit-design summary").click()
    text.get_by_text("P1: 2").wait_for()
    assert page.locator("#design").input_value() == "(edited)"
    page.locator("#part-mapping").select_option("flat")  # of another cascade
    problem = page.locator(".problem")
    problem.wait_for()
    assert "'flat' is of another cascade" in problem.inner_text() and "<design>:" in problem.inner_text()
    assert page.locator("#edit-design .cm-lint-marker-error").count() or "is not mapped" in problem.inner_text()
    for kind, name in (("cascade", "attn_3pass"), ("schedule", "flat"), ("accelerator", "flat-cloud")):
        page.locator(f"#part-{kind}").select_option(name)
        page.wait_for_function("([k, n]) => document.querySelector('#part-' + k).value === n", arg=[kind, name])
        page.wait_for_load_state("networkidle")
    page.wait_for_function("() => document.querySelector('#design').value === 'flat'")
    page.wait_for_function("() => document.querySelector('.problem') === null")


def test_a_count_of_the_taxonomy_leads_to_its_evidence(page: Page, address: str) -> None:
    ready(page, f"{address}/taxonomy")
    page.get_by_role("button", name="attn_3pass: 3 passes, evidence").click(
        timeout=120_000
    )  # the first time all are counted
    marked = page.locator("tr.evidence:visible mark")
    assert [line.split("[")[0].strip() for line in marked.all_inner_texts()] == ["GM", "SD"]


def test_a_sweep_ends_and_a_point_of_its_front_opens_as_a_design(page: Page, address: str) -> None:
    ready(page, f"{address}/explore")
    page.locator("#start-fig12").click()
    page.get_by_text("done, 24 of 24 points").wait_for(timeout=120_000)
    dots = page.locator(".chart .on-front")
    assert dots.count() == 24
    label = dots.first.get_attribute("aria-label") or ""
    dots.first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Open in Design").click()
    page.wait_for_selector("html[data-ready]")
    time = page.locator("#value-latency")
    time.wait_for()
    assert time.inner_text() in label and page.locator("#value-area").inner_text() in label
    assert page.locator("#accounting").input_value() == "published"
    assert page.locator("#slider-seq_len").get_attribute("aria-valuetext") == "256K"


def test_the_front_of_a_search_is_drawn_while_it_runs(page: Page, address: str) -> None:
    ready(page, f"{address}/explore")
    page.locator("#objective").select_option("latency and energy")
    page.locator("#start-search").click()
    page.locator(".chart .on-front").first.wait_for()
    state = page.locator("#job-state").inner_text()
    if state.startswith("running"):  # a search of seconds: it may have ended on a quick machine
        page.get_by_text("open as designs when the search is done").wait_for()
        assert page.locator(".chart [role=button]").count() == 0
        page.locator("#cancel").click()
        page.get_by_text("cancelled, ").first.wait_for()
        assert page.locator(".chart .on-front").count() > 0 and page.locator("#resume").is_visible()
    else:
        page.get_by_role("button", name="Show the best").wait_for()


def test_the_tour_has_five_steps(page: Page, address: str) -> None:
    ready(page, f"{address}/learn")
    for _ in range(4):
        page.get_by_role("button", name="Next").click()
    page.get_by_text("1 pass over M").first.wait_for()
    assert page.get_by_role("button", name="Next").is_disabled()
    page.get_by_role("link", name="Open in the editor").click()
    page.wait_for_selector("html[data-ready]")
    assert "attn_1pass_fusemax" in page.locator(".cm-content").first.inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_accessibility_fault(page: Page, address: str, name: str) -> None:
    ready(page, f"{address}/{name}")
    if name in SHOWS:
        page.locator(SHOWS[name]).first.wait_for(timeout=120_000)
    assert faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    assert faults(page, "color-contrast", "target-size", "scrollable-region-focusable") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways"
