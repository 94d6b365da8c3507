"""The automaton of grammar.lark, worked out once and kept beside it as grammar.json.

Building it takes lark as long as reading fifty cascades, and most commands read one. `python -m
fusemax.cascade.make_table` writes the file again after a change of the grammar; a test holds the two together.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["STARTS", "Table", "load_table", "new_lark"]

STARTS = ("file", "statement")


class Table(TypedDict):
    """A scanner and an automaton as plain data.

    `kinds` are the terminals' regular expressions in the order they are tried, the last one of all that have one
    text and no name's form; `words` are the terminals with one text, `skip` what stands between tokens. A state
    maps terminals and rules to the next state, or terminals to a reduction: the number of the rule, its bits
    inverted. A rule is its name, the name of its action (empty for a rule that hands its one part on), its number
    of parts and whether one of them is a repetition.
    """

    skip: str
    kinds: list[tuple[str, str]]
    words: dict[str, str]
    starts: dict[str, tuple[int, int]]
    rules: list[tuple[str, str, int, bool]]
    states: list[dict[str, int]]


def new_lark() -> Lark:
    """lark's own parser of the grammar; slow to make."""
    from lark import Lark

    return Lark(
        _beside("grammar.lark"),
        start=list(STARTS),
        parser="lalr",
        lexer="basic",
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


@cache
def load_table() -> Table:
    """The table that ships."""
    table: Table = json.loads(_beside("grammar.json"))
    return table


def _beside(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()
