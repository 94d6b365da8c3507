"""Text -> Cascade. The grammar is grammar.lark; this module feeds it and turns its complaints into ours."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fusemax.cascade.automaton import Automaton, Scanner, Stuck
from fusemax.cascade.ir import Cascade, Einsum, Expr, Source, Span, children
from fusemax.cascade.located import located
from fusemax.cascade.resolve import resolve, resolve_einsum
from fusemax.cascade.tokens import NestingError, significant

if TYPE_CHECKING:
    from lark import Lark, Token

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

    from fusemax.cascade.complaints import bad_character, unexpected

    reader = _lark().parse_interactive(text, start=start)
    before: list[Token] = []
    try:
        for token in significant(reader.lexer_thread.lex(reader.parser_state)):
            reader.feed_token(token)
            before = [*before[-1:], token]
        return reader.feed_eof(before[-1] if before else None)
    except UnexpectedCharacters as problem:
        raise bad_character(source, Span(problem.line, problem.column)) from None
    except UnexpectedToken as problem:
        raise unexpected(source, problem.token, before, reader.accepts(), _symbols()) from None


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
