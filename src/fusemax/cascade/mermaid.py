"""A cascade as a Mermaid flowchart, for documents that draw Mermaid."""

from __future__ import annotations

from fusemax.cascade.cuts import Cuts, levels_along
from fusemax.cascade.graph import Node, edges, nodes
from fusemax.cascade.ir import Cascade
from fusemax.cascade.print import heading
from fusemax.cascade.svg import FILLS
from fusemax.cascade.unicode import UNICODE

__all__ = ["draw_mermaid"]


def draw_mermaid(cascade: Cascade, cuts: Cuts | None = None) -> str:
    """The flowchart: sections, or else passes, as subgraphs; recurrences dotted; barriers with a red border."""
    order, levels = nodes(cascade), levels_along(cascade, cuts)
    lines = ["flowchart TD"]
    lines += [f"  {_key(node)}([{_quoted(node.name)}])" for node in order if node.einsum is None]
    for number, (title, members) in enumerate(_groups(cascade, cuts, order, levels)):
        if title:
            lines.append(f"  subgraph group{number}[{_quoted(title)}]")
        indent = "    " if title else "  "
        lines += [f"{indent}{_key(node)}[{_quoted(_label(node))}]" for node in members]
        if title:
            lines.append("  end")
    for edge in edges(cascade):
        arrow = f'-. "{edge.tensor} before" .->' if edge.is_recurrence else "-->"
        source, target = (next(_key(n) for n in order if n.key == key) for key in (edge.source, edge.target))
        lines.append(f"  {source} {arrow} {target}")
    if cuts is not None:
        lines += _styles(cuts, order, levels)
    return "\n".join(lines) + "\n"


def _groups(
    cascade: Cascade, cuts: Cuts | None, order: tuple[Node, ...], levels: dict[str, int]
) -> list[tuple[str, list[Node]]]:
    statements = [node for node in order if node.einsum is not None]
    if any(section.kind != "flat" for section in cascade.sections):
        return [
            (heading(section).rstrip(":"), [node for node in statements if node.section == number])
            for number, section in enumerate(cascade.sections)
        ]
    if cuts is None:
        return [("", statements)]
    return [
        (cuts.title(level), [node for node in statements if levels[node.key] == level])
        for level in sorted({levels[node.key] for node in statements})
    ]


def _styles(cuts: Cuts, order: tuple[Node, ...], levels: dict[str, int]) -> list[str]:
    found = []
    for node in order:
        if node.einsum is None:
            continue
        border = ",stroke:#b3261e,stroke-width:3px" if node.tensor in cuts.barriers else ",stroke:#8a929b"
        found.append(f"  style {_key(node)} fill:{FILLS[(levels[node.key] - 1) % len(FILLS)]},color:#1b1f24{border}")
    return found


def _key(node: Node) -> str:
    return f"in_{node.key}" if node.einsum is None else f"e{node.key}"


def _label(node: Node) -> str:
    return UNICODE.einsum(node.einsum) if node.einsum is not None else node.name


def _quoted(text: str) -> str:
    # Mermaid has no escape but HTML entities, written with # for &.
    for character, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(character, entity)
    return f'"{text}"'
