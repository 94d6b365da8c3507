"""A cascade as an SVG picture: Einsums in layers, sections as frames, ends of passes as cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from fusemax.cascade.cuts import Cuts, levels_along
from fusemax.cascade.graph import Edge, Node, edges, nodes
from fusemax.cascade.ir import Cascade, Section
from fusemax.cascade.layout import Layout, arrange
from fusemax.cascade.unicode import UNICODE

__all__ = ["draw"]

_HEIGHT, _GAP, _MARGIN, _TITLE = 40.0, 34.0, 24.0, 58.0
_SECTION_GAP, _CUT_GAP = 30.0, 30.0
_BOLD, _SMALL = 7.4, 6.3  # widths of a character of the two lines of a box
_LONGEST = 54
FILLS = ("#e7f0fa", "#fdf0da", "#e7f5e7", "#f5e6f1", "#ececec")
"""Background of an Einsum by its pass, again and again."""

_STYLE = """
  text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1b1f24; }
  .name { font-size: 12.5px; font-weight: 600; text-anchor: middle; }
  .body { font-size: 10.5px; text-anchor: middle; fill: #4a5058; }
  .title { font-size: 15px; font-weight: 600; }
  .note { font-size: 11px; fill: #4a5058; }
  .section { font-size: 11px; font-weight: 600; fill: #6a7078; }
  .frame { fill: none; stroke: #c9ced4; stroke-dasharray: 2 3; }
  .box { stroke: #8a929b; }
  .input { fill: #ffffff; }
  .output { stroke: #1b1f24; stroke-width: 1.8; }
  .barrier { stroke: #b3261e; stroke-width: 2.2; }
  .edge { fill: none; stroke: #8a929b; stroke-width: 1.1; }
  .back { fill: none; stroke: #2f6fb0; stroke-width: 1.2; stroke-dasharray: 4 3; }
  .cut { stroke: #b3261e; stroke-width: 1.4; stroke-dasharray: 8 4; }
  .reason { font-size: 11px; fill: #b3261e; font-weight: 600; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
"""


@dataclass(frozen=True)
class _Picture:
    """Everything placed: `tops` is the upper edge of each layer, `width` the whole width of the boxes."""

    cascade: Cascade
    cuts: Cuts | None
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    levels: dict[str, int]
    sections: dict[str, int]
    widths: dict[str, float]
    layout: Layout
    tops: list[float]
    width: float

    layers: dict[str, int]

    def layer_of(self, key: str) -> int:
        return self.layers[key]


def draw(cascade: Cascade, cuts: Cuts | None = None) -> str:
    """The picture as a self-contained SVG document.

    With `cuts`, Einsums have the colour of their pass over the rank, barriers a red border, and a line is drawn
    where all above it is in an earlier pass than all below it.
    """
    picture = _place(cascade, cuts)
    loops = min(16.0 * sum(edge.is_recurrence for edge in picture.edges), 90.0)
    width = max(picture.width + loops, len(_subtitle(cascade, cuts)) * 6.7) + 2 * _MARGIN
    height = picture.tops[-1] + _HEIGHT + _MARGIN if picture.tops else 120.0
    parts = [
        _opening(cascade, width, height),
        f'<text class="title" x="{_MARGIN}" y="26">{escape(cascade.name)}</text>',
        f'<text class="note" x="{_MARGIN}" y="43">{escape(_subtitle(cascade, cuts))}</text>',
        *_frames(picture, width),
        *(_edge(picture, edge) for edge in picture.edges if not edge.is_recurrence),
        *_backward(picture),
        *(_box(picture, node) for node in picture.nodes),
        *_cut_lines(picture, width),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _opening(cascade: Cascade, width: float, height: float) -> str:
    label = f"{cascade.name}: {cascade.title}" if cascade.title else cascade.name
    size = f'width="{width:.0f}" height="{height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}">\n<style>{_STYLE}</style>\n<rect {size} fill="#ffffff"/>\n'
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0.8 L8 4 L0 7.2 z" fill="#8a929b"/></marker></defs>'
    )


def _subtitle(cascade: Cascade, cuts: Cuts | None) -> str:
    text = " · ".join(filter(None, (cuts.headline() if cuts else "", cascade.title or "")))
    return text if len(text) <= 150 else text[:149] + "…"


# --------------------------------------------------------------------------------------------------- placing


def _place(cascade: Cascade, cuts: Cuts | None) -> _Picture:
    order, found = nodes(cascade), edges(cascade)
    levels = levels_along(cascade, cuts)
    sections = {node.key: node.section for node in order if node.section is not None}
    for node in order:  # an input stands in the section of its first reader
        readers = [sections[edge.target] for edge in found if edge.source == node.key]
        sections.setdefault(node.key, min(readers, default=0))
    steps = sorted({(sections[key], level) for key, level in levels.items()})
    bands = {node.key: steps.index((sections[node.key], levels[node.key])) for node in order}
    widths = {node.key: max(len(line) * size for line, size in _lines(node)) + 18 for node in order}
    forward = [(edge.source, edge.target) for edge in found if not edge.is_recurrence and edge.source != edge.target]
    layout = arrange(widths, forward, bands)
    tops = _tops(layout, sections, levels)
    width = max((layout.centres[key] + widths[key] / 2 for key in widths), default=0.0)
    return _Picture(cascade, cuts, order, found, levels, sections, widths, layout, tops, width, layout.layer_of())


def _lines(node: Node) -> list[tuple[str, float]]:
    if node.einsum is None:
        return [(node.name, _BOLD)]
    right = UNICODE.einsum(node.einsum).split(" = ", 1)[1]
    return [(node.name, _BOLD), (right if len(right) <= _LONGEST else right[: _LONGEST - 1] + "…", _SMALL)]


def _tops(layout: Layout, sections: dict[str, int], levels: dict[str, int]) -> list[float]:
    tops: list[float] = []
    before: tuple[int, int] | None = None
    y = _TITLE
    for layer in layout.layers:
        step = min((sections[key], levels[key]) for key in layer)
        if before is None:
            y += _SECTION_GAP if len(set(sections.values())) > 1 else 0.0
        elif step[0] != before[0]:
            y += _SECTION_GAP
        elif step[1] != before[1]:
            y += _CUT_GAP
        if before is not None and step[0] != before[0] and step[1] != before[1]:
            y += _CUT_GAP
        tops.append(y)
        y += _HEIGHT + _GAP
        before = step
    return tops


# --------------------------------------------------------------------------------------------------- drawing


def _box(picture: _Picture, node: Node) -> str:
    width, top = picture.widths[node.key], picture.tops[picture.layer_of(node.key)]
    x = picture.layout.centres[node.key] + _MARGIN
    outputs = {declaration.tensor for declaration in picture.cascade.outputs}
    lines = _lines(node)
    barrier = picture.cuts.barriers.get(node.tensor) if picture.cuts and node.einsum else None
    kind = "input" if node.einsum is None else "barrier" if barrier else "output" if node.tensor in outputs else ""
    fill = FILLS[(picture.levels[node.key] - 1) % len(FILLS)]
    style = "" if node.einsum is None else f' style="fill:{fill if picture.cuts else FILLS[-1]}"'
    radius = _HEIGHT / 2 if node.einsum is None else 5
    tip = node.text + (f"\npass {picture.levels[node.key]}" if picture.cuts and node.einsum else "")
    tip += f"\nends the pass: {barrier}" if barrier else ""
    rows = [top + 24.5] if len(lines) == 1 else [top + 17, top + 32]
    texts = "".join(
        f'<text class="{style_of}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
        for (text, _), y, style_of in zip(lines, rows, ("name", "body"), strict=False)
    )
    return (
        f'<g><title>{escape(tip)}</title><rect class="box {kind}"{style} x="{x - width / 2:.1f}" y="{top:.1f}" '
        f'width="{width:.1f}" height="{_HEIGHT:.0f}" rx="{radius:.0f}"/>{texts}</g>'
    )


def _edge(picture: _Picture, edge: Edge) -> str:
    route = picture.layout.routes[edge.source, edge.target]
    points: list[tuple[float, float]] = []
    for number, (layer, centre) in enumerate(route):
        top = picture.tops[layer]
        ends = [top + _HEIGHT] if number == 0 else [top - 1] if number == len(route) - 1 else [top, top + _HEIGHT]
        points += [(centre + _MARGIN, y) for y in ends]
    return f'<path class="edge" marker-end="url(#to)" d="{_curve(points)}"><title>{escape(edge.tensor)}</title></path>'


def _curve(points: Sequence[tuple[float, float]]) -> str:
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (y1 - y0) / 2
        straight = abs(x1 - x0) < 0.05
        curve = f" C{x0:.1f} {y0 + half:.1f} {x1:.1f} {y1 - half:.1f} {x1:.1f} {y1:.1f}"
        text += f" L{x1:.1f} {y1:.1f}" if straight else curve
    return text


def _backward(picture: _Picture) -> list[str]:
    """Recurrences: dashed, along the right side, from the writer up to the reader of the next step."""
    found = []
    for number, edge in enumerate(e for e in picture.edges if e.is_recurrence):
        ends = []
        for key, part in ((edge.source, 0.65), (edge.target, 0.35)):
            x = picture.layout.centres[key] + picture.widths[key] / 2 + _MARGIN
            ends.append((x, picture.tops[picture.layer_of(key)] + _HEIGHT * part))
        (x0, y0), (x1, y1) = ends
        side = max(x0, x1) + 26 + 9 * (number % 6)
        path = f"M{x0:.1f} {y0:.1f} C{side:.1f} {y0:.1f} {side:.1f} {y1:.1f} {x1 + 1:.1f} {y1:.1f}"
        tip = escape(f"{edge.tensor} of the step before")
        found.append(f'<path class="back" marker-end="url(#to)" d="{path}"><title>{tip}</title></path>')
    return found


def _frames(picture: _Picture, width: float) -> list[str]:
    if all(section.kind == "flat" for section in picture.cascade.sections):
        return []
    found = []
    for number, section in enumerate(picture.cascade.sections):
        layers = [picture.layer_of(key) for key, own in picture.sections.items() if own == number]
        if not layers:
            continue
        top, bottom = picture.tops[min(layers)] - 24, picture.tops[max(layers)] + _HEIGHT + 10
        found.append(
            f'<rect class="frame" x="10" y="{top:.1f}" width="{width - 20:.1f}" height="{bottom - top:.1f}" rx="6"/>'
            f'<text class="section" x="18" y="{top + 14:.1f}">{escape(_heading(section))}</text>'
        )
    return found


def _heading(section: Section) -> str:
    if section.variable is None:
        return section.kind
    end = f"until {section.until}" if section.until is not None else "downto 0"
    return f"iterate {section.variable} {end}"


def _cut_lines(picture: _Picture, width: float) -> list[str]:
    """A line where every layer above is in an earlier pass than every layer below."""
    if picture.cuts is None:
        return []
    levels = [[picture.levels[key] for key in layer] for layer in picture.layout.layers]
    found = []
    for number in range(1, len(levels)):
        above, below = max(max(layer) for layer in levels[:number]), min(min(layer) for layer in levels[number:])
        if above >= below:
            continue
        y = picture.tops[number] - (_CUT_GAP + _GAP) / 2 + 2
        y -= _SECTION_GAP / 2 if _starts_section(picture, number) else 0
        closing = [node.tensor for node in picture.nodes if node.einsum and picture.levels[node.key] == above]
        text = picture.cuts.end(above, closing)
        found.append(
            f'<line class="cut" x1="10" y1="{y:.1f}" x2="{width - 10:.1f}" y2="{y:.1f}"/>'
            f'<text class="reason" x="{width - 14:.1f}" y="{y - 5:.1f}" text-anchor="end">{escape(text)}</text>'
        )
    return found


def _starts_section(picture: _Picture, number: int) -> bool:
    own, before = (picture.sections[str(picture.layout.layers[n][0])] for n in (number, number - 1))
    return own != before
