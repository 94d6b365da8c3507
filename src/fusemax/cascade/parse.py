"""Text -> Cascade. The grammar is grammar.lark; this module feeds it and turns its complaints into ours."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fusemax.base.errors import SourceError
from fusemax.cascade.automaton import Automaton, Scanner, Stuck
from fusemax.cascade.ir import Cascade, Einsum, Expr, Source, Span, children
from fusemax.cascade.located import located
from fusemax.cascade.resolve import resolve, resolve_einsum
from fusemax.cascade.tokens import FIELDS, FUNCTIONS, HEADINGS, REDUCTIONS, NestingError, significant

if TYPE_CHECKING:
    from lark import Lark, Token, UnexpectedToken

MAX_BYTES = 1 << 20
MAX_DEPTH = 800
"""Most operations an expression may have inside each other: `a + b + c` is two deep."""


def parse(text: str, file: str = "<text>") -> Cascade:
    """Read one cascade and give its names their meaning. The legality rules are `check_rules`, not this.

    Raises `SourceError` at the first token that cannot be right.
    """
    source = Source(file, text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if len(text) * 4 > MAX_BYTES and len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise located(source, Span(1, 1, 1), "the file is larger than 1 MiB")
    cascade: Cascade = replace(_read(source, "file"), origin=source)
    for einsum in cascade.einsums:
        _check_depth(source, *einsum.left, einsum.right)
    _check_depth(source, *(claim.count for claim in cascade.claims if claim.count is not None))
    return resolve(cascade)


def parse_einsum(text: str, file: str = "<einsum>") -> Einsum:
    """Read one statement on its own, such as `Z[m,n] = A[k,m]*B[k,n]`.

    A capitalised name without brackets is a rank's size when the statement uses the rank's variable, and a
    0-rank tensor otherwise. Raises `SourceError`.
    """
    source = Source(file, text)
    einsum: Einsum = _read(source, "statement")
    _check_depth(source, *einsum.left, einsum.right)
    return resolve_einsum(einsum)


@cache
def _lark() -> Lark:
    from lark import Lark

    from fusemax.cascade.build import Builder

    grammar = (files("fusemax.cascade") / "grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar, start=["file", "statement"], parser="lalr", lexer="basic", transformer=Builder(),
        keep_all_tokens=True, maybe_placeholders=False,
    )  # fmt: skip


@cache
def _machine(start: str) -> tuple[Scanner, Automaton]:
    return Scanner(_lark()), Automaton(_lark(), start)


def _read(source: Source, start: str) -> Any:
    from fusemax.cascade.build import Misread, span

    text = source.text if source.text.endswith("\n") else source.text + "\n"
    scanner, automaton = _machine(start)
    try:
        return automaton.run(significant(scanner.tokens(text)))
    except Stuck:
        return _read_slowly(source, text, start)
    except Misread as problem:
        raise located(source, span(problem.token), problem.message) from None
    except NestingError as problem:
        raise located(source, span(problem.token), str(problem)) from None


def _read_slowly(source: Source, text: str, start: str) -> Any:
    """Read with lark's own loop, which stops at the first token that cannot be right and knows what could be."""
    from lark import UnexpectedCharacters, UnexpectedToken

    reader = _lark().parse_interactive(text, start=start)
    previous: list[Token] = []
    try:
        for token in significant(reader.lexer_thread.lex(reader.parser_state)):
            reader.feed_token(token)
            previous = [*previous[-1:], token]
        return reader.feed_eof(previous[-1] if previous else None)
    except UnexpectedCharacters as problem:
        character = source.line(problem.line)[problem.column - 1 :][:1]
        raise located(source, Span(problem.line, problem.column), f"unexpected character {character!r}") from None
    except UnexpectedToken as problem:
        raise _explain(source, problem, previous[-1] if previous else None, reader.accepts()) from None


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
    return {t.name: t.pattern.value for t in _lark().terminals if t.pattern.type == "str"}


def _check_depth(source: Source, *exprs: Expr) -> None:
    stack = [(expr, 1) for expr in exprs]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise located(source, node.span, f"more than {MAX_DEPTH} operations inside each other; use more Einsums")
        stack.extend((child, depth + 1) for child in children(node))
