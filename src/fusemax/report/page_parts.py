"""The parts of the page: figures with their controls, designs, further sections, provenance, downloads.

Each returns one `<section>`; what draws charts also adds their specifications to `charts`, by identifier and accounting
(the empty text: any).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fusemax.base.table import format_cell
from fusemax.report.contents import DesignCard, Evidence, Provenance, Report, Section
from fusemax.report.export import specification
from fusemax.report.figures import figures
from fusemax.report.grid import Grid
from fusemax.report.html import Markup, element, join
from fusemax.report.page_tables import line, scroll, table
from fusemax.report.palette import colours
from fusemax.report.pictures import design_charts, epoch_picture, epoch_words

__all__ = ["Charts", "design_part", "downloads_part", "figures_part", "provenance_part", "section_part"]

Charts = dict[str, dict[str, Any]]
MOST_LINES = 40
"""A longer text to copy is folded away."""
MOST_COLUMNS = 6
"""A table of more has its cells one below the other on a narrow screen, each with its name."""
LONG_TEXT = 18

CAPTIONS = {
    "fig6a": "Figure 6a. Utilization of the 1D array.",
    "fig6b": "Figure 6b. Utilization of the 2D array.",
    "fig7": "Figure 7. What the 2D array spends its time on.",
    "fig8": "Figure 8. Attention: how many times faster than the first design.",
    "fig9": "Figure 9. Attention: energy relative to the first design.",
    "fig10": "Figure 10. Attention and linear layers: how many times faster than the first design.",
    "fig11": "Figure 11. Attention and linear layers: energy relative to the first design.",
    "fig12": "Figure 12. Chip area against the time of attention, by size of the array.",
}


def figures_part(report: Report, charts: Charts) -> Markup:
    """The paper's figures, with controls that choose accounting and designs in all of them."""
    for accounting in dict.fromkeys((*report.results, *report.area_sweep)):
        rows, sweep = report.results.get(accounting, ()), report.area_sweep.get(accounting, ())
        found = figures(rows, area_sweep=sweep, accounting=accounting, interactive=True)
        for name, chart in found.items():
            charts.setdefault(name, {})[accounting] = specification(chart)
    if not charts or not report.results:
        return Markup("")
    ordered = [name for name in CAPTIONS if name in charts]
    first = Grid.of(next(iter(report.results.values())))
    return element(
        "section",
        element("h2", "Figures"),
        element("div", _switch(list(report.results)), _filter(first.designs), class_="controls"),
        *(_figure(name, CAPTIONS[name]) for name in ordered),
        id="figures",
    )


def _figure(identifier: str, caption: str) -> Markup:
    buttons = [
        element("button", form, type="button", class_="quiet save", data_chart=identifier, data_form=form.lower())
        for form in ("SVG", "PNG")
    ]
    box = element(
        "div", class_="chart", id=f"chart-{identifier}", data_chart=identifier, role="group", aria_label=caption
    )
    variant = element("span", class_="note", id=f"variant-{identifier}")
    label = element("figcaption", caption, " ", variant, " ", element("span", "Save as ", *buttons, class_="tools"))
    detail = element("div", class_="chosen", id=f"chosen-{identifier}", hidden=True)
    return element("figure", label, box, detail)


def _switch(accountings: Sequence[str]) -> Markup:
    """Radio buttons that choose the accounting the figures show."""
    radios = [
        element(
            "label",
            element("input", type="radio", name="accounting", value=name, checked=i == 0),
            element("span", name),
        )
        for i, name in enumerate(accountings)
    ]
    return element("fieldset", element("legend", "Accounting"), *radios, class_="accounting")


def _filter(designs: Sequence[str]) -> Markup:
    """Check boxes that choose the designs the figures show, each with its colour."""
    boxes = [
        element(
            "label",
            element("input", type="checkbox", name="design", value=name, checked=True),
            element("span", class_="swatch", style=f"background:{colour}"),
            element("span", name),
        )
        for name, colour in colours(designs).items()
    ]
    return element("fieldset", element("legend", "Designs"), *boxes, class_="designs")


def design_part(card: DesignCard, place: int, charts: Charts) -> Markup:
    """One design: summary, epoch, where time and energy go, loop nest."""
    parts: list[Markup] = [element("p", card.summary)] if card.summary else []
    if card.epoch:
        words = epoch_words(card)
        box = scroll(Markup(epoch_picture(card)), words)
        parts.append(element("figure", element("figcaption", words), box))
    for quantity, chart in design_charts(card).items():
        identifier = f"design-{place}-{quantity}"
        charts[identifier] = {"": specification(chart)}
        parts.append(_figure(identifier, f"{quantity.capitalize()} by component and Einsum."))
    if card.loop_nest:
        code = scroll(element("pre", element("code", card.loop_nest)), f"Loop nest of {card.name}")
        parts.append(element("details", element("summary", "Loop nest"), code, open=True))
    return element("section", element("h2", card.name), *parts, id=f"design-{place}")


def section_part(section: Section, place: int, charts: Charts) -> Markup:
    """A further section: words, charts, a table whose cells may link to evidence, a text to copy."""
    parts: list[Markup] = [element("p", text) for text in section.paragraphs]
    for i, (caption, chart) in enumerate(section.charts.items()):
        identifier = f"section-{place}-{i}"
        charts[identifier] = {"": specification(chart)}
        parts.append(_figure(identifier, caption))
    if section.table:
        parts.append(_evidence_table(section, place))
        save = element(
            "button", "Save as CSV", type="button", class_="quiet download", data_form="csv", data_table=str(place)
        )
        parts.append(element("p", save))
    if section.code:
        copy = element("button", "Copy", type="button", class_="quiet copy", data_copy=f"code-{place}", hidden=True)
        parts.append(copy)
        text = scroll(element("pre", element("code", section.code, id=f"code-{place}")), section.title)
        lines = section.code.count("\n") + 1
        long = element("details", element("summary", f"The text, {lines} lines"), text)
        parts.append(text if lines <= MOST_LINES else long)
    return element("section", element("h2", section.title), *parts, id=f"section-{place}", class_="further")


def _evidence_table(section: Section, place: int) -> Markup:
    names = list(dict.fromkeys(name for row in section.table for name in row))
    blocks: list[Markup] = []
    body = []
    for row in section.table:
        cells = []
        for name in names:
            cell, label = row.get(name, ""), name.replace("_", " ")
            if isinstance(cell, Evidence):
                target = f"evidence-{place}-{len(blocks)}"
                blocks.append(_evidence(cell, target))
                class_ = _width(cell.value)
                cells.append(
                    element("td", element("a", cell.value, href=f"#{target}"), class_=class_, data_label=label)
                )
            else:
                number = isinstance(cell, int | float) and not isinstance(cell, bool)
                text = format_cell(cell)
                cells.append(element("td", text, class_="number" if number else _width(text), data_label=label))
        body.append(element("tr", *cells))
    found = scroll(table(section.title, [name.replace("_", " ") for name in names], body), section.title)
    is_wide = len(names) > MOST_COLUMNS
    return join(
        element("div", found, class_="stacks") if is_wide else found, element("div", *blocks, class_="evidence")
    )


def _width(text: str) -> str | None:
    """Where the cells of a row stand one below the other, long ones have a line of their own."""
    return "long" if len(text) > LONG_TEXT else None


def _evidence(cell: Evidence, target: str) -> Markup:
    texts = enumerate(cell.text.split("\n"), start=1)
    lines = [element("mark", text) if i in cell.lines else text for i, text in texts]
    code = join(*(part for line in lines for part in (line, "\n")))
    text = scroll(element("pre", element("code", code)), cell.title)
    return element("div", element("h3", cell.title), text, id=target, tabindex="-1")


def provenance_part(made: Provenance) -> Markup:
    """Command, versions, inputs and accounting switches."""
    parts: list[Markup] = []
    if made.command:
        copy = element("button", "Copy", type="button", class_="quiet copy", data_copy="command", hidden=True)
        parts.append(element("p", "Made by this command; run it again to get the same numbers. ", copy))
        parts.append(scroll(element("pre", element("code", made.command, id="command")), "Command"))
    for title, pairs in (("Versions", made.versions), ("Inputs", made.inputs)):
        if pairs:
            body = [line(pair, 2) for pair in pairs.items()]
            parts += [element("h3", title), scroll(table(title, ("name", "value"), body), title)]
    if made.switches:
        names = list(dict.fromkeys(name for row in made.switches for name in row))
        body = [line([format_cell(row.get(name, "")) for name in names], len(names)) for row in made.switches]
        heads = [name.replace("_", " ") for name in names]
        words = element("p", "fusemax accounting says what each does to the headline.", class_="note")
        found = scroll(table("Accounting switches", heads, body), "Switches")
        parts += [element("h3", "Accounting switches"), words, found]
    return element("section", element("h2", "How the numbers were made"), *parts, id="provenance")


def downloads_part(report: Report) -> Markup:
    """Buttons that save the rows the page carries."""
    buttons = [
        element(
            "button", f"CSV, {name} accounting", type="button", class_="download", data_form="csv", data_results=name
        )
        for name in report.results
    ]
    buttons.append(element("button", "JSON, everything", type="button", class_="download", data_form="json"))
    return element("section", element("h2", "Downloads"), element("p", *buttons), id="downloads")
