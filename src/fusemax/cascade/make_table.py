"""Writes grammar.json, the automaton of grammar.lark: `python -m fusemax.cascade.make_table`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusemax.base.files import write_atomically
from fusemax.cascade.table import STARTS, Table, new_lark

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["build_table", "table_text"]


def build_table(lark: Lark) -> Table:
    """The table of lark's parser."""
    from lark.parsers.lalr_analysis import Shift

    ordered = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    words = {t.pattern.value: t.name for t in ordered if t.pattern.type == "str"}
    patterns = [(t.name, t.pattern.to_regexp()) for t in ordered if t.pattern.type != "str"]
    symbols = "|".join(t.pattern.to_regexp() for t in ordered if t.name in words.values() and not _is_name(t))
    ignored = set(lark.ignore_tokens)
    conf = {start: lark.parse_interactive("", start=start).parser_state.parse_conf for start in STARTS}
    rows: dict[Any, dict[str, Any]] = conf["file"].parse_table.states
    order = _reached(rows, [one.start_state for one in conf.values()])
    numbers = {state: number for number, state in enumerate(order)}
    rules = sorted({_rule(target) for row in rows.values() for action, target in row.values() if action is not Shift})
    numbered = {rule: number for number, rule in enumerate(rules)}

    def entry(action: Any, target: Any) -> int:
        return numbers[target] if action is Shift else ~numbered[_rule(target)]

    return {
        "skip": "|".join(pattern for name, pattern in patterns if name in ignored),
        "kinds": [*((name, pattern) for name, pattern in patterns if name not in ignored), ("SYMBOL", symbols)],
        "words": words,
        "starts": {start: (numbers[one.start_state], numbers[one.end_state]) for start, one in conf.items()},
        "rules": rules,
        "states": [{str(name): entry(*rows[state][name]) for name in sorted(rows[state])} for state in order],
    }


def _reached(rows: dict[Any, dict[str, Any]], starts: list[Any]) -> list[Any]:
    """The states in an order that the grammar alone decides: lark's own depends on the run."""
    from lark.parsers.lalr_analysis import Shift

    order = dict.fromkeys(starts)
    queue = list(order)
    while queue:
        row = rows[queue.pop(0)]
        following = [row[name][1] for name in sorted(row) if row[name][0] is Shift]
        queue += dict.fromkeys(state for state in following if state not in order)
        order |= dict.fromkeys(following)
    return list(order)


def _is_name(terminal: Any) -> bool:
    return bool(terminal.pattern.value.isidentifier())


def _rule(rule: Any) -> tuple[str, str, int, bool]:
    """Its name, its action, its number of parts, and whether one of them is a repetition (lark's name has `__`)."""
    hands_on = rule.options.expand1 and rule.alias is None and len(rule.expansion) == 1
    action = "" if hands_on else str(rule.alias or rule.origin.name)
    repeats = any(part.name.startswith("__") for part in rule.expansion)
    return str(rule.origin.name), action, len(rule.expansion), repeats


def table_text() -> str:
    """The text of grammar.json."""
    table = build_table(new_lark())
    lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in table.items())
    return f"{{{lines}}}\n"


if __name__ == "__main__":
    write_atomically(Path(__file__).with_name("grammar.json"), table_text())
