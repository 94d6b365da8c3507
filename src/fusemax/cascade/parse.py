"""Text -> Cascade. The grammar is grammar.lark; this module feeds it and turns its complaints into ours."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Cascade, Expr, Source, Span, children
from fusemax.cascade.located import located
from fusemax.cascade.resolve import resolve
from fusemax.cascade.tokens import FIELDS, FUNCTIONS, HEADINGS, REDUCTIONS, NestingError, significant

if TYPE_CHECKING:
    from lark import Lark, Token, UnexpectedToken

MAX_BYTES = 1 << 20
MAX_DEPTH = 800
"""Most operations an expression may have inside each other: `a + b + c` is two deep."""


def parse(text: str, file: str = "<text>") -> Cascade:
    """Read one cascade and give its names their meaning. The legality rules are `rules.check`, not this.

    Raises `SourceError` at the first token that cannot be right.
    """
    source = Source(file, text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise located(source, Span(1, 1, 1), "the file is larger than 1 MiB")
    cascade = replace(_read(source), origin=source)
    for einsum in cascade.einsums:
        for expr in (*einsum.left, einsum.right):
            _check_depth(source, expr)
    for claim in cascade.claims:
        if claim.count is not None:
            _check_depth(source, claim.count)
    return resolve(cascade)


@cache
def _parser() -> Lark:
    from lark import Lark

    from fusemax.cascade.build import Builder

    grammar = (files("fusemax.cascade") / "grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar, start="file", parser="lalr", lexer="basic", transformer=Builder(), keep_all_tokens=True,
        maybe_placeholders=False,
    )  # fmt: skip


def _read(source: Source) -> Cascade:
    from lark import UnexpectedCharacters, UnexpectedToken

    from fusemax.cascade.build import Misread, span

    text = source.text if source.text.endswith("\n") else source.text + "\n"
    reader = _parser().parse_interactive(text)
    previous: Token | None = None
    try:
        for token in significant(reader.lexer_thread.lex(reader.parser_state)):
            reader.feed_token(token)
            previous = token
        cascade: Cascade = reader.feed_eof(previous)
    except UnexpectedCharacters as problem:
        character = source.line(problem.line)[problem.column - 1 :][:1]
        raise located(source, Span(problem.line, problem.column), f"unexpected character {character!r}") from None
    except UnexpectedToken as problem:
        raise _explain(source, problem, previous, reader.accepts()) from None
    except Misread as problem:
        raise located(source, span(problem.token), problem.message) from None
    except NestingError as problem:
        raise located(source, span(problem.token), str(problem)) from None
    return cascade


def _explain(source: Source, problem: UnexpectedToken, previous: Token | None, accepted: set[str]) -> SourceError:
    """Say what was found and what was expected; unknown words are named for what they were meant to be."""
    from fusemax.cascade.build import span

    token = problem.token
    if token.type == "LPAR" and previous is not None and previous.type == "SMALL":
        word = str(previous)
        return located(source, span(previous), f"unknown function '{word}'", word, FUNCTIONS)
    place, found = (_end(source), "the end of the file") if token.type == "$END" else (span(token), f"'{token}'")
    if token.type == "NL":
        place, found = Span(place.line, place.column), "the end of the line"
    if token.type in ("SMALL", "CAPITAL", "FUNCTION") and "TOPK" in accepted:
        return located(source, place, f"unknown reduction {found}", str(token), REDUCTIONS)
    if token.type in ("SMALL", "FUNCTION") and "TITLE" in accepted and "CASCADE" not in accepted:
        return located(source, place, f"unknown field {found}", str(token), (*FIELDS, *HEADINGS))
    if token.type == "STRING":
        found = "a string"
    message = f"expected {_expected(accepted)}, found {found}"
    if "SMALL" in accepted and "CAPITAL" not in accepted and token.type not in ("NL", "$END", "CAPITAL"):
        message += " (reserved)" if str(token).isidentifier() else ""
    return located(source, place, message)


def _end(source: Source) -> Span:
    lines = source.text.split("\n")
    return Span(len(lines), len(lines[-1]) + 1)


_WORDS = {
    "CAPITAL": "a name that starts with a capital", "SMALL": "a rank variable", "INT": "an integer",
    "REAL": "a number", "STRING": "a string in double quotes", "NL": "the end of the line",
    "$END": "the end of the file", "FUNCTION": "a function", "CASCADE": "'cascade'",
}  # fmt: skip


def _expected(accepted: set[str]) -> str:
    """The accepted tokens in words: an expression or an operator as one word instead of their tokens."""
    left = set(accepted)
    words = []
    if {"LPAR", "MINUS", "CAPITAL"} <= left:
        words.append("an expression")
        left -= {"LPAR", "MINUS", "CAPITAL", "SMALL", "INF", "PI", "FUNCTION", "MAX", "MIN", "INT", "REAL", "NOT"}
    operators = {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "LE", "LT", "GE", "GT", "EQ", "NE", "AND", "OR"}
    if len(left & operators) > 2:
        words.append("an operator")
        left -= operators
    if "TITLE" in left and "CASCADE" not in left:
        words.append("a field or a statement")
        left -= {field.upper() for field in FIELDS} | {"CAPITAL", *(heading.upper() for heading in HEADINGS)}
    if "CASCADE" in left and "TITLE" in left:
        return "a name"
    symbols = {name: f"'{pattern}'" for name, pattern in _symbols().items()}
    words += sorted(_WORDS.get(name) or symbols.get(name, name.lower()) for name in left)
    return " or ".join(words)


@cache
def _symbols() -> dict[str, str]:
    return {t.name: t.pattern.value for t in _parser().terminals if t.pattern.type == "str"}


def _check_depth(source: Source, expr: Expr) -> None:
    stack: list[tuple[Expr, int]] = [(expr, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise located(source, node.span, f"more than {MAX_DEPTH} operations inside each other; use more Einsums")
        stack.extend((child, depth + 1) for child in children(node))
