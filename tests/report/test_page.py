"""The page: self-contained, safe with any text, and drawn by a real browser without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fusemax.report.charts import pareto
from fusemax.report.contents import DesignCard, Evidence, Provenance, Report, Section
from fusemax.report.html import Markup, element, json_script
from fusemax.report.page import page
from tests.report.synthetic import DESIGNS, comparison, sweep

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def report() -> Report:
    points = [{"latency": 1.0 + i, "energy": 9.0 - i, "text": f"mapping {i} {EVIL}"} for i in range(5)]
    chart = pareto(points, x=("latency", "latency (s)"), y=("energy", "energy (J)"), interactive=True)
    parts = [
        {"einsum": e, "component": c, "quantity": q, "value": 1e-3}
        for e in ("QK", "LM")
        for c in ("array2d", "dram")
        for q in ("time", "energy")
    ]
    why = Evidence("3", "Why", f"a\n{EVIL}\nc", [2])
    return Report(
        title=f"Report {EVIL}",
        results={"corrected": comparison(factor=0.8), "published": comparison()},
        provenance=Provenance(
            f"fusemax compare {EVIL}", {"fusemax": "1"}, {"in": EVIL}, [{"switch": EVIL, "what": None}]
        ),
        area_sweep={"published": sweep()},
        designs=[DesignCard("fusemax", EVIL, f"for p: {EVIL}", [("array2d", EVIL, 0, 9)], parts)],
        sections=[
            Section("Search", ("Click.",), {f"Points {EVIL}": chart}),
            Section("Taxonomy", (), {}, [{"cascade": EVIL, "passes": why}], EVIL),
        ],
    )


@pytest.fixture(scope="module")
def text() -> str:
    return page(report())


class Tags(HTMLParser):
    """Every element with its attributes, and the text of each script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def tags(text: str) -> Tags:
    found = Tags()
    found.feed(text)
    return found


def test_small_enough_and_refers_to_nothing_outside(text: str, tags: Tags) -> None:
    assert len(text.encode()) < 3_000_000
    outside = [(t, a) for t, a in tags.tags for n in ("src", "href") if a.get(n) and not str(a[n]).startswith("#")]
    assert outside == []
    assert not any(tag in ("link", "img", "iframe", "base", "object") for tag, _ in tags.tags)


def test_user_text_never_becomes_markup(text: str, tags: Tags) -> None:
    assert "<script>alert" not in text
    assert not any(name.startswith("on") for _, attributes in tags.tags for name in attributes)
    assert len(tags.scripts) == 3, "the data, the libraries, the page's own"


def test_only_its_own_scripts_may_run(text: str, tags: Tags) -> None:
    policy = next(str(a["content"]) for t, a in tags.tags if t == "meta" and "http-equiv" in a)
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    own = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in tags.scripts[1:]]
    assert allowed == own
    assert "unsafe-eval" not in policy
    assert policy.startswith("default-src 'none'")


def test_structure_for_readers_and_keyboards(tags: Tags) -> None:
    ids = [str(a["id"]) for _, a in tags.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"])[1:] for t, a in tags.tags if t == "a"}
    assert targets <= set(ids)
    assert tags.tags[0] == ("html", {"lang": "en"})
    assert sum(t == "h1" for t, _ in tags.tags) == 1
    assert sum(t == "caption" for t, _ in tags.tags) == sum(t == "table" for t, _ in tags.tags)
    assert all(a.get("tabindex") == "0" for t, a in tags.tags if a.get("class") == "scroll")


def test_data_carry_full_precision(tags: Tags) -> None:
    data = json.loads(tags.scripts[0])
    rows = report().results["corrected"]
    coded = data["results"]["corrected"]
    assert [row[5] for row in coded["rows"]] == [row["value"] for row in rows]
    assert [coded["texts"][1][row[1]] for row in coded["rows"]] == [row["design"] for row in rows]
    assert set(data["charts"]["fig8"]) == {"corrected", "published"}
    assert set(data["charts"]["fig12"]) == {"published"}


def test_a_report_comes_back_from_its_document() -> None:
    first = report()
    again = Report.from_document(json.loads(json.dumps(first.document())))
    assert (again.results, again.area_sweep, again.provenance.command) == (
        {name: list(rows) for name, rows in first.results.items()},
        {name: list(rows) for name, rows in first.area_sweep.items()},
        first.provenance.command,
    )


def test_an_empty_report_is_a_page() -> None:
    assert "How the numbers were made" in page(Report("Nothing yet", {}))


def test_a_long_text_is_folded_away() -> None:
    short, long = (page(Report("", {}, sections=[Section("Best", code="line\n" * n)])) for n in (10, 100))
    assert "<details>" not in short
    assert "<summary>The text, 101 lines</summary>" in long


def test_elements_escape() -> None:
    assert element("p", "<", [Markup("<b>"), None, False, "&"], title='"', hidden=True) == (
        '<p title="&quot;" hidden>&lt;<b>&amp;</p>'
    )
    assert "</script>" not in str(json_script("x", "</script>"))[:-9]


PROBE = """
<script>
(async () => {
  const done = (text) => { document.documentElement.dataset.probe = text; };
  while (document.documentElement.dataset.drawn !== "true") await new Promise((f) => setTimeout(f, 50));
  const bars = () => document.querySelectorAll("#chart-fig8 path[aria-roledescription=bar]").length;
  const count = (selector) => document.querySelectorAll(selector).length;
  const found = { failed: count(".failed"), charts: count(".chart svg") };
  found.before = bars();
  document.querySelector("input[name=design]").click();
  await new Promise((f) => setTimeout(f, 300));
  found.after = bars();
  document.querySelector("input[name=accounting][value=published]").click();
  await new Promise((f) => setTimeout(f, 1500));
  found.switched = bars();
  found.requests = performance.getEntriesByType("resource").filter((e) => !e.name.startsWith("blob:")).length;
  const pick = document.querySelector("#chart-section-0-0 + .pick select");
  pick.value = "1";
  pick.dispatchEvent(new Event("change"));
  found.picked = document.querySelector("#chosen-section-0-0 pre").textContent;
  const points = [...document.querySelectorAll("#chart-section-0-0 path[aria-roledescription=point]")];
  const { left, top, width, height } = points[0].getBoundingClientRect();
  const at = { bubbles: true, clientX: left + width / 2, clientY: top + height / 2 };
  for (const kind of ["mousemove", "mousedown", "mouseup", "click"]) points[0].dispatchEvent(new MouseEvent(kind, at));
  await new Promise((f) => setTimeout(f, 200));
  found.clicked = document.querySelector("#chosen-section-0-0 pre").textContent;
  found.points = points.length;
  location.hash = "#evidence-1-0";
  const shown = document.querySelector("#evidence-1-0");
  found.evidence = getComputedStyle(shown).display + " " + shown.querySelector("mark").textContent;
  const saved = [];
  URL.createObjectURL = (blob) => { saved.push(blob); return "blob:x"; };
  document.querySelector("button[data-table='1']").click();
  document.querySelector("button[data-form=json]").click();
  found.csv = await saved[0].text();
  found.json = JSON.parse(await saved[1].text());
  found.wide = document.documentElement.scrollWidth > innerWidth;
  done(JSON.stringify(found));
})();
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page is not drawn")
def test_a_browser_draws_filters_and_switches(tmp_path: Path, text: str) -> None:
    """The probe is no script of the page, so the copy it runs in has the policy's name changed."""
    body, end = text.replace('http-equiv="Content-Security-Policy"', 'name="policy"').rsplit("</body>", 1)
    copy = f"{body}{PROBE}</body>{end}"
    (tmp_path / "index.html").write_text(copy)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    command = [str(BROWSER), *flags, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=60000"]
    address = (tmp_path / "index.html").as_uri()
    run = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=120, check=True)
    match = re.search(r'data-probe="([^"]*)"', run.stdout)
    assert match, "the page's script did not come to its end"
    found = json.loads(html.unescape(match[1]))
    assert (found["failed"], found["requests"], found["wide"]) == (0, 0, False)
    assert found["charts"] == 11
    assert found["csv"].splitlines()[0] == "cascade,passes"
    assert found["csv"].endswith(",3\n"), "evidence is saved as what it is evidence for"
    assert found["json"] == json.loads(json.dumps(report().document())), "what is saved makes the page again"
    assert found["points"] == 5
    assert found["evidence"] == f"block {EVIL}"
    assert found["picked"].startswith("mapping 1 "), "the front's second point, from the list"
    assert found["clicked"].startswith("mapping 0 "), "its first, by a click"
    assert (found["before"], found["after"], found["switched"]) == (120, 96, 96)
    assert len(DESIGNS) * 24 == 120


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page is not drawn")
def test_the_policy_lets_the_page_draw(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.html").write_text(text)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    command = [str(BROWSER), *flags, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=60000"]
    address = (tmp_path / "index.html").as_uri()
    run = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=120, check=True)
    assert 'data-drawn="true"' in run.stdout
    assert "could not be drawn" not in run.stdout.split("<script")[0]
