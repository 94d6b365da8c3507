"""Tables inside hand-written pages: what stands between a page's two comments of a name is written by a program."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import fusemax


def replace_part(page: str, name: str, program: str, body: str) -> str:
    """The page with `body` between the comments of a part, which say that `program` writes it."""
    begin, end = f"<!-- {name}: written by `{program}` -->", f"<!-- {name}: end -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no part between {begin} and {end}")
    return f"{before}{begin}\n\n{body.strip()}\n\n{end}{after}"


@cache
def accounting_table() -> str:
    """The four headline ratios under each switch of the accounting; switches that change none share a row."""
    head = ("attention, times faster", "attention, energy", "end to end, times faster", "end to end, energy")
    rows = [
        (str(row.pop("switch")), tuple(_ratio(*item) for item in row.items())) for row in fusemax.accounting().rows()
    ]
    published, corrected = rows[0][1], rows[-1][1]
    effective = [(name, ratios) for name, ratios in rows[1:-1] if ratios != published]
    silent = ", ".join(f"`{name}`" for name, ratios in rows[1:-1] if ratios == published)
    lines = ["| switch | " + " | ".join(head) + " |", "|---|" + "--:|" * len(head), _line("*published*", published)]
    lines += [_line(f"`{name}`", ratios) for name, ratios in effective]
    lines += [_line(silent, published), _line("*corrected*: all together", corrected)]
    return "\n".join(lines)


def _ratio(quantity: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)  # unknown
    return f"{value:.3f}" if quantity.endswith("energy") else f"{value:.2f}"


def _line(name: str, ratios: tuple[str, ...]) -> str:
    return f"| {name} | " + " | ".join(ratios) + " |"


PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "accounting"): accounting_table,
    ("docs/explanation/accounting.md", "accounting"): accounting_table,
}
"""(page below the root, name of the part) -> its text."""
