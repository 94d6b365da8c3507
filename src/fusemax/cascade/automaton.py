"""The grammar's LALR automaton, driven by a loop of our own.

lark builds the scanner's terminals and the parse table from grammar.lark. Its own loop spends most of its time on
the chain `expr -> conj -> negation -> ...` that every operand climbs; here the end of each chain is remembered, so
that a catalogue reads in a fraction of the time. What this loop cannot read is left to lark, which knows how to
say what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from lark import Lark
    from lark import Token as LarkToken


class Stuck(Exception):
    """The text is not in the language; read it with lark to learn why."""


class Token(str):
    """A piece of text with its terminal's name and place, as lark's own tokens have them."""

    __slots__ = ("column", "line", "type")
    type: str
    line: int
    column: int


AnyToken: TypeAlias = "Token | LarkToken"
SomeToken = TypeVar("SomeToken", Token, "LarkToken")


class Scanner:
    """Text -> tokens, from the terminals of a grammar."""

    def __init__(self, lark: Lark) -> None:
        ordered = sorted(
            lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name)
        )
        words = [t for t in ordered if t.pattern.type == "str" and t.pattern.value.isidentifier()]
        self._words = {t.pattern.value: t.name for t in words}
        rest = (t for t in ordered if t not in words)
        self._pattern = re.compile("|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in rest))
        self._ignored = frozenset(lark.ignore_tokens)

    def tokens(self, text: str) -> Iterator[Token]:
        """All tokens but the ignored ones; raises `Stuck` where none begins."""
        match, words, ignored = self._pattern.match, self._words, self._ignored
        position, line, line_start = 0, 1, 0
        while position < len(text):
            found = match(text, position)
            if found is None:
                raise Stuck
            kind, end = found.lastgroup or "", found.end()
            if kind not in ignored:
                token = Token(found.group())
                token.type = words.get(token, kind)
                token.line, token.column = line, position - line_start + 1
                yield token
            newlines = text.count("\n", position, end)
            if newlines:
                line += newlines
                line_start = text.rfind("\n", position, end) + 1
            position = end


_Entry = tuple[int | None, Callable[[list[Any]], Any] | None, int, str]


def _entry(action: Any, target: Any, callbacks: dict[Any, Any]) -> _Entry:
    from lark.parsers.lalr_analysis import Shift

    if action is Shift:
        return target, None, 0, ""
    is_unit = target.options.expand1 and target.alias is None and len(target.expansion) == 1
    return None, None if is_unit else callbacks[target], len(target.expansion), target.origin.name


class Automaton:
    """Tokens -> what the grammar's actions make of them."""

    def __init__(self, lark: Lark, start: str) -> None:
        conf = lark.parse_interactive("", start=start).parser_state.parse_conf
        self._start, self._end = conf.start_state, conf.end_state
        # state -> terminal or rule -> (next state, or None for a reduction; its action; its length; its rule's name)
        self._table: dict[int, dict[str, _Entry]] = {
            state: {name: _entry(action, target, conf.callbacks) for name, (action, target) in row.items()}
            for state, row in conf.parse_table.states.items()
        }
        self._chains: dict[tuple[int, int, str], int] = {}

    def run(self, tokens: Iterable[Any]) -> Any:
        """The value of the start rule. Raises `Stuck`, and whatever the actions raise."""
        table = self._table
        states, values = [self._start], list[Any]()
        for token in tokens:
            self._reduce(states, values, token.type)
            target = table[states[-1]][token.type][0]
            states.append(target if target is not None else self._start)
            values.append(token)
        self._reduce(states, values, "$END")
        return values[-1]

    def _reduce(self, states: list[int], values: list[Any], kind: str) -> None:
        """Do every reduction that `kind` calls for, until it can be shifted (or the text ends)."""
        table = self._table
        while True:
            state = states[-1]
            entry = table[state].get(kind)
            if entry is None:
                if kind == "$END" and state == self._end:
                    return
                raise Stuck
            target, action, length, rule = entry
            if target is not None:
                return
            if action is None:
                states[-1] = self._climb(states[-2], state, kind)
                continue
            made = action(values[-length:] if length else [])
            if length:
                del states[-length:], values[-length:]
            values.append(made)
            following = table[states[-1]][rule][0]
            states.append(following if following is not None else self._start)

    def _climb(self, below: int, state: int, kind: str) -> int:
        """The state at the end of a chain of rules that hand their one part on."""
        known = self._chains.get((below, state, kind))
        if known is None:
            known = state
            while (entry := self._table[known].get(kind)) and entry[0] is None and entry[1] is None:
                following = self._table[below][entry[3]][0]
                known = following if following is not None else known
            self._chains[below, state, kind] = known
        return known
