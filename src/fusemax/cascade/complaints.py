"""What is wrong with a text that the grammar does not take, and where.

The place is the first token that cannot be right. At the end of the file it is where the missing token was
expected: behind the last one, on the next line when that was complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusemax.base.errors import SourceError
from fusemax.cascade.automaton import AnyToken
from fusemax.cascade.build import span
from fusemax.cascade.ir import Source, Span
from fusemax.cascade.located import located
from fusemax.cascade.tokens import FIELDS, FUNCTIONS, HEADINGS, REDUCTIONS, RESERVED

_WORDS = {
    "CAPITAL": "a name that starts with a capital", "SMALL": "a rank variable", "INT": "an integer",
    "STRING": "a string in double quotes", "NL": "the end of the line", "$END": "the end of the file",
    "FUNCTION": "a function", "CASCADE": "'cascade'",
}  # fmt: skip
_EXPRESSION = frozenset(
    ("LPAR", "MINUS", "CAPITAL", "SMALL", "INF", "PI", "FUNCTION", "MAX", "MIN", "INT", "REAL", "NOT")
)
_COMPARISONS = frozenset(("LE", "LT", "GE", "GT", "EQ", "NE"))
_OPERATORS = _COMPARISONS | {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "AND", "OR"}
_REDUCTIONS = frozenset(("PLUS", "STAR", "MAX", "MIN", "TOPK", "ARGTOPK"))
_USES = _OPERATORS | {"COMMA", "RSQB", "RPAR", "COLON", "FOLD", "EQUALS", "NL", "$END"}
"""Tokens that can only stand behind a complete operand."""


def bad_character(source: Source, place: Span) -> SourceError:
    """The error for a character that begins no token."""
    character = source.line(place.line)[place.column - 1 :][:1]
    if character == '"':
        return located(source, place, 'a string ends on its line, and \\ in it stands before " or \\ only')
    return located(source, place, f"unexpected character {character!r}")


def unexpected(
    source: Source, token: AnyToken, before: Sequence[AnyToken], accepted: set[str], symbols: Mapping[str, str]
) -> SourceError:
    """The error for a token the grammar does not take.

    `before` are the last tokens taken, `accepted` the terminals that would be, `symbols` the texts of those that
    have one text.
    """
    previous = before[-1] if before else None
    if previous is not None:
        named = _misnamed(source, token, previous, accepted)
        if named is not None:
            return named
    place, found = _found(source, token, previous)
    word, is_word = str(token), token.type in ("SMALL", "CAPITAL", "FUNCTION")
    if is_word and "TOPK" in accepted:
        return located(source, place, f"unknown reduction {found}", word, REDUCTIONS)
    if token.type in ("SMALL", "FUNCTION") and "TITLE" in accepted and "CASCADE" not in accepted:
        return located(source, place, f"unknown field {found}", word, (*FIELDS, *HEADINGS))
    message = f"expected {expected(accepted, symbols)}, found {found}"
    if "SMALL" in accepted and word in RESERVED:
        message += " (reserved: no rank variable has that name)"
    elif token.type in _COMPARISONS and accepted & {"AND", "OR"}:
        message += ": comparisons do not chain"
    elif token.type == "STRING":
        message = f"expected {expected(accepted, symbols)}, found a string"
    return located(source, place, message)


def _misnamed(source: Source, token: AnyToken, previous: AnyToken, accepted: set[str]) -> SourceError | None:
    """An error that lies with the word before the token: it is no function, or it is one and was used as a name."""
    word = str(previous)
    if token.type == "LPAR" and previous.type == "SMALL":
        return located(source, span(previous), f"unknown function '{word}'", word, FUNCTIONS)
    if accepted == {"LPAR"} and word in FUNCTIONS and token.type in _USES:
        return located(source, span(previous), f"'{word}' is reserved for the function: no rank variable has that name")
    if token.type == "LPAR" and previous.type == "CAPITAL" and "LSQB" in accepted:
        message = f"expected an operator or '[', found '(': indices of '{word}' go in square brackets"
        return located(source, span(token), message)
    return None


def _found(source: Source, token: AnyToken, previous: AnyToken | None) -> tuple[Span, str]:
    if token.type == "NL":
        return Span(span(token).line, span(token).column), "the end of the line"
    if token.type != "$END":
        return span(token), f"'{token}'"
    if previous is None:
        place = Span(1, 1)
    elif previous.type == "NL":
        lines = source.text.split("\n")
        place = Span(len(lines), len(lines[-1]) + 1)
    else:
        place = Span(span(previous).line, span(previous).column + span(previous).length)
    return place, "the end of the file"


def expected(accepted: set[str], symbols: Mapping[str, str]) -> str:
    """The accepted terminals in words, an expression or an operator as one word instead of its tokens."""
    if "CASCADE" in accepted and "TITLE" in accepted:
        return "a name"
    left = set(accepted)
    words = []
    if left >= {"LPAR", "MINUS", "CAPITAL"}:
        words.append("an expression")
        left -= _EXPRESSION
    if left >= _REDUCTIONS and "NL" not in left:
        words.append("a reduction (+, *, max, min, topk or argtopk)")
        left -= _REDUCTIONS
    if "TITLE" in left:
        words.append("a field or a statement")
        left -= {"CAPITAL", *(word.upper() for word in (*FIELDS, *HEADINGS))}
    elif "$END" in left and "CAPITAL" in left:
        words.append("a statement")
        left -= {"CAPITAL"}
    if left & {"AND", "OR"} or len(left & _OPERATORS) > 1:
        words.append("an operator")
        left -= _OPERATORS
    if {"INT", "REAL"} <= left:
        words.append("a number")
        left -= {"INT", "REAL", "MINUS"}
    words += sorted(_WORDS.get(name) or f"'{symbols.get(name, name.lower())}'" for name in left)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
