"""The grammar's scanner and LALR automaton, driven by loops of our own.

lark's loop spends most of its time on the chain `expr -> conj -> negation -> ...` that every operand climbs; here the
end of each chain is remembered. What these loops cannot read is left to lark, which knows what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fusemax.cascade.table import Table

if TYPE_CHECKING:
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

    def __init__(self, table: Table) -> None:
        named = "|".join(f"(?P<{name}>{pattern})" for name, pattern in table["kinds"])
        self._pattern = re.compile(rf"(?:{table['skip']})?(?:{named}|\Z)")
        self._words = table["words"]

    def tokens(self, text: str) -> Iterator[Token]:
        """All tokens but the ignored ones; raises `Stuck` where none begins."""
        words = self._words
        line, line_start, position = 1, 0, 0
        for found in self._pattern.finditer(text):
            kind = found.lastgroup
            begin, end = found.span()
            if begin != position:
                raise Stuck
            if kind is None:
                return
            piece = found[kind]
            token = Token(piece)
            token.type = words.get(piece, kind)
            token.line, token.column = line, end - len(piece) - line_start + 1
            yield token
            position = end
            if "\n" in piece:
                line += piece.count("\n")
                line_start = text.rindex("\n", begin, end) + 1


class _Several(list[Any]):
    """What a repetition `( ... )*` of the grammar collected; it is spliced into the rule around it."""


def _spliced(parts: Iterable[Any]) -> _Several:
    found = _Several()
    for part in parts:
        if type(part) is _Several:
            found += part
        else:
            found.append(part)
    return found


def _collect(first: Any, *others: Any) -> _Several:
    if type(first) is not _Several:
        return _spliced((first, *others))
    first += _spliced(others)  # in place: a list of n parts grows n times
    return first


_Action = Callable[..., Any]


def _action(name: str, has_several: bool, actions: object) -> _Action:
    if name.startswith("__"):
        return _collect if has_several else lambda *parts: _Several(parts)
    method: _Action = getattr(actions, name)
    return (lambda *parts: method(*_spliced(parts))) if has_several else method


_Reduction = tuple[_Action | None, int, str]


class Automaton:
    """Tokens -> what `actions` makes of them: it has a method for every rule, or alias of a rule, of the grammar."""

    def __init__(self, table: Table, symbol: str, actions: object) -> None:
        self._start, self._end = table["starts"][symbol]
        self._states = table["states"]
        self._rules: list[_Reduction] = [
            (_action(action, has_several, actions) if action else None, length, name)
            for name, action, length, has_several in table["rules"]
        ]
        self._chains: dict[tuple[int, int, str], int] = {}

    def run(self, tokens: Iterable[Any]) -> Any:
        """The value of the start rule. Raises `Stuck`, and whatever the actions raise."""
        table, rules, chains = self._states, self._rules, self._chains
        states, values = [self._start], list[Any]()
        for token in tokens:
            kind = token.type
            while True:
                state = states[-1]
                target = table[state].get(kind)
                if target is None:
                    raise Stuck
                if target >= 0:
                    states.append(target)
                    values.append(token)
                    break
                rule = rules[~target]
                if rule[0] is None:
                    key = (states[-2], state, kind)
                    states[-1] = chains.get(key) or self._climb(*key)
                else:
                    self._reduce(states, values, rule)
        return self._finish(states, values)

    def _reduce(self, states: list[int], values: list[Any], rule: _Reduction) -> None:
        """Replace the last values by what the rule's action makes of them."""
        action, length, name = rule
        made = action(*values[len(values) - length :]) if action is not None else values[-1]
        if length:
            del states[-length:], values[-length:]
        values.append(made)
        states.append(self._states[states[-1]][name])

    def _finish(self, states: list[int], values: list[Any]) -> Any:
        """Do the reductions that the end of the text calls for."""
        while states[-1] != self._end:
            target = self._states[states[-1]].get("$END")
            if target is None or target >= 0:
                raise Stuck
            self._reduce(states, values, self._rules[~target])
        return values[-1]

    def _climb(self, below: int, state: int, kind: str) -> int:
        """The state at the end of a chain of rules that hand their one part on."""
        end = state
        while (target := self._states[end].get(kind)) is not None and target < 0:
            action, _, name = self._rules[~target]
            if action is not None:
                break
            end = self._states[below][name]
        self._chains[below, state, kind] = end
        return end
