"""HTML built from parts, so that text from users cannot become markup: what is not Markup is escaped."""

from __future__ import annotations

import html
import json

__all__ = ["Markup", "element", "join", "json_script"]

VOID = frozenset({"br", "hr", "input", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """An element; children are escaped unless they are Markup, None and False are left out.

    Attribute names lose a trailing underscore and turn others into hyphens: `class_`, `aria_label`. True is an
    attribute without value; None and False leave it out.

    >>> element("p", "a < b", element("b", "c"), class_="x")
    '<p class="x">a &lt; b<b>c</b></p>'
    """
    opening = tag + "".join(_attribute(name, value) for name, value in attributes.items())
    return Markup(f"<{opening}>" if tag in VOID else f"<{opening}>{join(*children)}</{tag}>")


def join(*children: object) -> Markup:
    """Children one after another, escaped unless Markup; lists are flattened."""
    parts = []
    for child in children:
        if child is None or child is False:
            continue
        if isinstance(child, Markup):
            parts.append(str(child))
        elif isinstance(child, list | tuple):
            parts.append(str(join(*child)))
        else:
            parts.append(html.escape(str(child)))
    return Markup("".join(parts))


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'


def json_script(identifier: str, data: object) -> Markup:
    """Data for a page's script; no `<` is left that could end the element."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="{html.escape(identifier)}">{text}</script>')
