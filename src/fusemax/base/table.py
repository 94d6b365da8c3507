"""Rows as a plain table that fits a terminal and survives being pasted into an issue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Row = Mapping[str, object]

__all__ = ["Row", "columns_of", "format_cell", "format_table", "html_table"]


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The keys of all rows, in the order of their first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def format_cell(value: object) -> str:
    """A value for people: ``unknown`` for None, ``yes``/``no``, six significant digits, lists joined.

    >>> format_cell(None), format_cell(True), format_cell(0.1234567), format_cell(1048576)
    ('unknown', 'yes', '0.123457', '1048576')
    """
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return ", ".join(format_cell(item) for item in items)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {format_cell(item)}" for key, item in value.items())
    return str(value)


def format_table(rows: Sequence[Row], columns: Sequence[str] | None = None, width: int = 100) -> str:
    """Rows as aligned text, at most ``width`` columns wide: numbers to the right, long cells wrapped.

    A key a row lacks is left blank.

    >>> print(format_table([{"rank": "M", "passes": 3}, {"rank": "P", "passes": 1}]))
    rank  passes
    ----  ------
    M          3
    P          1
    """
    names = list(columns) if columns is not None else columns_of(rows)
    if not names:
        return ""
    cells = [[format_cell(row[name]) if name in row else "" for name in names] for row in rows]
    right = [_is_numeric(rows, name) for name in names]
    heads = [name.replace("_", " ") for name in names]
    widths = _fit([[heads[i], *(line[i] for line in cells)] for i in range(len(names))], width)
    lines = _lay(heads, widths, right)
    lines.append("  ".join("-" * w for w in widths))
    for line in cells:
        lines.extend(_lay(line, widths, right))
    return "\n".join(lines)


def html_table(rows: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Rows as an HTML table, every cell escaped."""
    import html

    names = list(columns) if columns is not None else columns_of(rows)
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(format_cell(row[n])) if n in row else ''}</td>" for n in names) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    values = [row[name] for row in rows if row.get(name) is not None]
    return bool(values) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _fit(columns: Sequence[Sequence[str]], width: int) -> list[int]:
    """Column widths that together fit: the widest column gives way first, down to 8."""
    widths = [max(1, *(len(part) for cell in column for part in cell.split("\n"))) for column in columns]
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    return widths


def _lay(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    wrapped = [
        [piece for part in cell.split("\n") for piece in _wrap(part, w)] for cell, w in zip(cells, widths, strict=True)
    ]
    lines = []
    for i in range(max(len(pieces) for pieces in wrapped)):
        texts = [pieces[i] if i < len(pieces) else "" for pieces in wrapped]
        laid = [t.rjust(w) if r else t.ljust(w) for t, w, r in zip(texts, widths, right, strict=True)]
        lines.append("  ".join(laid).rstrip())
    return lines


def _wrap(text: str, width: int) -> list[str]:
    if len(text) <= width and text.isprintable():  # nearly all do; tabs and the like are no printable characters
        return [text]
    import textwrap

    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
