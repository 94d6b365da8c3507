"""The report as one HTML page that needs no server and no network.

Charts are Vega-Lite specifications drawn by the libraries inside the page; a content security policy with hashes of the
page's own scripts lets nothing else run and nothing be fetched. Text colours come from the style sheet
(`currentColor`), so light, dark and print need no second drawing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from fusemax.base.errors import MissingExtra
from fusemax.report.contents import Report, section_document
from fusemax.report.export import vegalite_version
from fusemax.report.grid import COLUMNS, Row
from fusemax.report.html import Markup, element, join, json_script
from fusemax.report.page_parts import (
    design_part,
    downloads_part,
    figures_part,
    provenance_part,
    section_part,
)
from fusemax.report.page_tables import headline_part, tables_part
from fusemax.report.pictures import section_names

__all__ = ["page"]


def page(report: Report) -> str:
    """The whole page as text; raises MissingExtra without altair or vl-convert."""
    charts: dict[str, dict[str, Any]] = {}  # identifier -> accounting ("" for any) -> specification
    body = [
        headline_part(report),
        figures_part(report, charts),
        tables_part(report),
        [design_part(card, i, charts) for i, card in enumerate(report.designs)],
        [section_part(section, i, charts) for i, section in enumerate(report.sections)],
        provenance_part(report.provenance),
        downloads_part(report),
    ]
    return _document(report, join(*body), charts)


def _document(report: Report, body: Markup, charts: Mapping[str, Mapping[str, Any]]) -> str:
    document = {name: value for name, value in report.document().items() if name not in ("results", "sections")}
    data = {
        "charts": charts,
        "columns": list(COLUMNS),
        "results": {name: _coded(rows) for name, rows in report.results.items()},
        "document": document | {"sections": [_bare(section_document(section)) for section in report.sections]},
        "files": section_names(report),
    }
    scripts = [_libraries(), _asset("page.js")]
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", report.title),
        element("style", Markup(_asset("page.css"))),
    ]
    switch = element("button", "Dark", type="button", id="theme", class_="quiet", aria_pressed="false", hidden=True)
    top = element("header", element("h1", report.title), switch)
    skip = element("a", "Skip to the results", href="#headline", class_="skip")
    plain = element("noscript", element("p", "Charts and downloads need JavaScript; the tables do not.", class_="note"))
    main = element("main", plain, body, id="main")
    end = [json_script("data", data), *(element("script", Markup(script)) for script in scripts)]
    return "<!DOCTYPE html>\n" + element(
        "html", element("head", *head), element("body", skip, top, _contents(report), main, *end), lang="en"
    )


def _coded(rows: Sequence[Row]) -> dict[str, object]:
    """Rows as lists; in columns of nothing but texts a text is its place among them: most come a thousand times."""
    columns = [[row.get(name) for row in rows] for name in COLUMNS]
    texts: list[list[object]] = []
    for i, column in enumerate(columns):
        places: dict[object, int] = {}
        if all(isinstance(cell, str) for cell in column):
            columns[i] = [places.setdefault(cell, len(places)) for cell in column]
        texts.append(list(places))
    return {"texts": texts, "rows": [list(row) for row in zip(*columns, strict=True)]}


def _bare(section: dict[str, Any]) -> dict[str, Any]:
    """A section without its charts, which the page has once already; its captions keep their places."""
    return section | {"charts": list(section["charts"])}


def _contents(report: Report) -> Markup:
    links = [("headline", "Headline"), ("figures", "Figures"), ("tables", "Tables")] if report.results else []
    links += [(f"design-{i}", card.name) for i, card in enumerate(report.designs)]
    links += [(f"section-{i}", section.title) for i, section in enumerate(report.sections)]
    links += [("provenance", "How the numbers were made"), ("downloads", "Downloads")]
    items = [element("li", element("a", text, href=f"#{target}")) for target, text in links]
    return element("nav", element("ul", *items), aria_label="Contents")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _asset(name: str) -> str:
    return (files("fusemax.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def _libraries() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtra("vl-convert-python", "charts") from error
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vegalite_version()))
