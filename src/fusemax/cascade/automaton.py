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
        ignored = set(lark.ignore_tokens)
        skip = "|".join(t.pattern.to_regexp() for t in ordered if t.name in ignored)
        kinds = (t for t in ordered if t not in words and t.name not in ignored)
        named = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in kinds)
        self._pattern = re.compile(f"(?:{skip})*(?:{named}|$)")

    def tokens(self, text: str) -> Iterator[Token]:
        """All tokens but the ignored ones; raises `Stuck` where none begins."""
        match, words = self._pattern.match, self._words
        line, line_start, position = 1, 0, 0
        while position < len(text):
            found = match(text, position)
            if found is None:
                raise Stuck
            kind, position = found.lastgroup, found.end()
            if kind is None:
                return
            start = found.start(kind)
            token = Token(text[start:position])
            token.type = words.get(token, kind)
            token.line, token.column = line, start - line_start + 1
            yield token
            newlines = token.count("\n")
            if newlines:
                line += newlines
                line_start = text.rindex("\n", start, position) + 1


_Entry = tuple[int | None, Callable[[list[Any]], Any] | None, int, str]


class _Several(list[Any]):
    """What a repetition `( ... )*` of the grammar collected; it is spliced into the rule around it."""


def _spliced(children: list[Any]) -> list[Any]:
    return [part for child in children for part in (child if isinstance(child, _Several) else (child,))]


def _collect(children: list[Any]) -> _Several:
    first = children[0]
    if not isinstance(first, _Several):
        return _Several(_spliced(children))
    first.extend(_spliced(children[1:]))  # in place: a list of n parts grows n times
    return first


def _action(rule: Any, actions: object) -> Callable[[list[Any]], Any] | None:
    """What a rule makes of its parts: the method of its name; None if it only hands its one part on."""
    if rule.options.expand1 and rule.alias is None and len(rule.expansion) == 1:
        return None
    if rule.origin.name.startswith("__"):  # lark's helper for a repetition
        return _collect
    method = getattr(actions, rule.alias or rule.origin.name)
    if any(symbol.name.startswith("__") for symbol in rule.expansion):
        return lambda children: method(*_spliced(children))
    return lambda children: method(*children)


class Automaton:
    """Tokens -> what `actions` makes of them: it has a method for every rule, or alias of a rule, of the grammar."""

    def __init__(self, lark: Lark, start: str, actions: object) -> None:
        from lark.parsers.lalr_analysis import Shift

        def entry(action: Any, target: Any) -> _Entry:
            if action is Shift:
                return target, None, 0, ""
            return None, _action(target, actions), len(target.expansion), target.origin.name

        conf = lark.parse_interactive("", start=start).parser_state.parse_conf
        self._start, self._end = conf.start_state, conf.end_state
        # state -> terminal or rule -> (next state, or None for a reduction; its action; its length; its rule's name)
        self._table: dict[int, dict[str, _Entry]] = {
            state: {name: entry(action, target) for name, (action, target) in row.items()}
            for state, row in conf.parse_table.states.items()
        }
        self._chains: dict[tuple[int, int, str], int] = {}

    def run(self, tokens: Iterable[Any]) -> Any:
        """The value of the start rule. Raises `Stuck`, and whatever the actions raise."""
        table, chains = self._table, self._chains
        states, values = [self._start], list[Any]()
        for token in tokens:
            kind = token.type
            while True:
                state = states[-1]
                entry = table[state].get(kind)
                if entry is None:
                    raise Stuck
                target, action, length, rule = entry
                if target is not None:
                    states.append(target)
                    values.append(token)
                    break
                if action is None:
                    key = (states[-2], state, kind)
                    states[-1] = chains.get(key) or self._climb(*key)
                else:
                    self._reduce(states, values, action, length, rule)
        return self._finish(states, values)

    def _reduce(
        self, states: list[int], values: list[Any], action: Callable[[list[Any]], Any], length: int, rule: str
    ) -> None:
        """Replace the last `length` values by what the rule's action makes of them."""
        if length:
            made = action(values[-length:])
            del states[-length:], values[-length:]
        else:
            made = action([])
        values.append(made)
        following = self._table[states[-1]][rule][0]
        states.append(self._start if following is None else following)

    def _finish(self, states: list[int], values: list[Any]) -> Any:
        """Do the reductions that the end of the text calls for."""
        while states[-1] != self._end:
            entry = self._table[states[-1]].get("$END")
            if entry is None or entry[0] is not None:
                raise Stuck
            _, action, length, rule = entry
            if action is None:
                states[-1] = self._climb(states[-2], states[-1], "$END")
            else:
                self._reduce(states, values, action, length, rule)
        return values[-1]

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
