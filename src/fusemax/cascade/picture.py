"""A cascade as text for a terminal: one row per Einsum, one lane per tensor from its write to its last read."""

from __future__ import annotations

from dataclasses import dataclass

from fusemax.cascade.cuts import Cuts, levels_along
from fusemax.cascade.graph import Node, edges, nodes
from fusemax.cascade.ir import Cascade
from fusemax.cascade.print import heading
from fusemax.cascade.unicode import UNICODE

__all__ = ["draw_text"]

WRITTEN, READ, LIVE, CROSSED = "●", "○", "│", "╪"


@dataclass(frozen=True)
class _Row:
    node: Node
    section: int
    level: int
    reads: frozenset[str]


def draw_text(cascade: Cascade, cuts: Cuts | None = None) -> str:
    """The picture. `●` a tensor is written, `○` it is read, `│` it is kept for a later row.

    With `cuts`, a line shows where a pass over the rank ends, and what lives across it.
    """
    rows = _rows(cascade, cuts)
    lanes = _lanes(cascade, rows)
    count = max((lane for lane, _, _ in lanes.values()), default=-1) + 1
    lines = [cascade.name + (f": {cuts.headline()}" if cuts else "")]
    lines += [cascade.title] if cascade.title else []
    sectioned = any(section.kind != "flat" for section in cascade.sections)
    for number, row in enumerate(rows):
        before = rows[number - 1] if number else None
        if before is None or (sectioned and row.section != before.section):
            lines.append("")
        if cuts is not None and before is not None and row.level > before.level and _is_cut(rows, number):
            lines.append(_cut(cuts, rows, number, lanes, count))
        if sectioned and (before is None or row.section != before.section):
            lines.append(heading(cascade.sections[row.section]))
        lines.append(f"  {_marks(row, number, lanes, count)}  {_text(row.node)}".rstrip())
    return "\n".join(lines) + "\n"


def _text(node: Node) -> str:
    return UNICODE.einsum(node.einsum) if node.einsum is not None else node.name


def _rows(cascade: Cascade, cuts: Cuts | None) -> list[_Row]:
    """The Einsums by section and pass, every input right before its first reader."""
    levels, links = levels_along(cascade, cuts), edges(cascade)
    order = {node.key: node for node in nodes(cascade)}
    reads: dict[str, set[str]] = {key: set() for key in order}
    for edge in links:
        reads[edge.target].add(edge.tensor)
    statements = [node for node in order.values() if node.section is not None]
    statements.sort(key=lambda node: (node.section or 0, levels[node.key]))
    found: list[_Row] = []
    shown: set[str] = set()
    for node in statements:
        section = node.section or 0
        for edge in links:
            if edge.target == node.key and order[edge.source].einsum is None and edge.source not in shown:
                shown.add(edge.source)
                found.append(_Row(order[edge.source], section, levels[node.key], frozenset()))
        found.append(_Row(node, section, levels[node.key], frozenset(reads[node.key])))
    unread = [node for node in order.values() if node.einsum is None and node.key not in shown]
    return [*(_Row(node, 0, 1, frozenset()) for node in unread), *found]


def _lanes(cascade: Cascade, rows: list[_Row]) -> dict[str, tuple[int, int, int]]:
    """Tensor -> its lane, the first and the last row where it lives; lanes are used again."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, row in enumerate(rows):
        first.setdefault(row.node.tensor, number)
        last[row.node.tensor] = number
        for tensor in row.reads:
            last[tensor] = number
    for edge in edges(cascade):  # what the next iteration reads lives to the end of the section
        if edge.is_recurrence:
            section = next(row.section for row in rows if row.node.key == edge.target)
            end = max(number for number, row in enumerate(rows) if row.section == section)
            last[edge.tensor] = max(last[edge.tensor], end)
    for declaration in cascade.outputs:
        if declaration.tensor in last:
            last[declaration.tensor] = len(rows) - 1
    ends: list[int] = []
    found: dict[str, tuple[int, int, int]] = {}
    for tensor in sorted(first, key=lambda name: first[name]):
        lane = next((n for n, end in enumerate(ends) if end < first[tensor]), len(ends))
        ends[lane : lane + 1] = [last[tensor]]
        found[tensor] = (lane, first[tensor], last[tensor])
    return found


def _marks(row: _Row, number: int, lanes: dict[str, tuple[int, int, int]], count: int) -> str:
    marks = [" "] * count
    for tensor, (lane, first, last) in lanes.items():
        if first <= number <= last:
            marks[lane] = WRITTEN if tensor == row.node.tensor else READ if tensor in row.reads else LIVE
    return " ".join(marks)


def _is_cut(rows: list[_Row], number: int) -> bool:
    return max(row.level for row in rows[:number]) < min(row.level for row in rows[number:])


def _cut(cuts: Cuts, rows: list[_Row], number: int, lanes: dict[str, tuple[int, int, int]], count: int) -> str:
    level = rows[number - 1].level
    crossing = {tensor: lane for tensor, (lane, first, last) in lanes.items() if first < number <= last}
    closing = [row.node.tensor for row in rows[:number] if row.node.einsum is not None and row.level == level]
    line = "─".join(CROSSED if lane in crossing.values() else "─" for lane in range(count))
    return f"──{line}── {cuts.end(level, closing)}; across it: {', '.join(sorted(crossing))}"
