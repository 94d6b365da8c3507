"""Text -> Cascade. The grammar is grammar.lark; this module feeds it and turns its complaints into ours."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from fusemax.cascade.automaton import Automaton, Scanner, Stuck
from fusemax.cascade.functions import UserFunction, check_arguments, check_name
from fusemax.cascade.ir import Call, Cascade, Einsum, Expr, Source, Span, children, start
from fusemax.cascade.located import located
from fusemax.cascade.resolve import resolve, resolve_einsum, rewrite
from fusemax.cascade.table import load_table, new_lark
from fusemax.cascade.tokens import NestingError, renamed, significant

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_BYTES = 1 << 20
MAX_DEPTH = 800
"""Most operations an expression may have inside each other: `a + b + c` is two deep."""
FRAMES = 10
"""Calls that walking one operation of an expression may take."""


def parse(text: str, file: str = "<text>", functions: Mapping[str, UserFunction] | None = None) -> Cascade:
    """Read one cascade and give its names their meaning. The legality rules are `check_rules`, not this.

    `functions` are registered ones: their names are words of the language in this text. Raises `SourceError` at
    the first token that cannot be right, `UsageError` for a function's name that is not free.
    """
    own = functions or {}
    for name in own:
        check_name(name)
    source = Source(file, text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if len(text) * 4 > MAX_BYTES and len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise located(source, Span(1, 1, 1), "the file is larger than 1 MiB")
    cascade: Cascade = replace(_read(source, "file", frozenset(own)), origin=source)
    _check_depth(source, (expr for einsum in cascade.einsums for expr in (*einsum.left, einsum.right)))
    _check_depth(source, (claim.count for claim in cascade.claims if claim.count is not None))
    return resolve(_with_functions(cascade, own) if own else cascade)


def parse_einsum(text: str, file: str = "<einsum>") -> Einsum:
    """Read one statement on its own, such as `Z[m,n] = A[k,m]*B[k,n]`.

    A capitalised name without brackets is a rank's size when the statement uses the rank's variable, and a
    0-rank tensor otherwise. Raises `SourceError`.
    """
    source = Source(file, text)
    einsum: Einsum = _read(source, "statement")
    _check_depth(source, (*einsum.left, einsum.right))
    return resolve_einsum(einsum)


@cache
def _lark() -> Lark:
    return new_lark()


@cache
def _machine(symbol: str) -> tuple[Scanner, Automaton]:
    from fusemax.cascade.build import Builder

    table = load_table()
    return Scanner(table), Automaton(table, symbol, Builder())


def _read(source: Source, symbol: str, functions: frozenset[str] = frozenset()) -> Any:
    from fusemax.cascade.build import Misread, span

    text = source.text if source.text.endswith("\n") else source.text + "\n"
    scanner, automaton = _machine(symbol)
    try:
        return automaton.run(significant(renamed(scanner.tokens(text), functions)))
    except Stuck:
        return _read_slowly(source, text, symbol, functions)
    except Misread as problem:
        raise located(source, span(problem.token), problem.message) from None
    except NestingError as problem:
        raise located(source, span(problem.token), str(problem)) from None


def _read_slowly(source: Source, text: str, symbol: str, functions: frozenset[str]) -> Any:
    """Read with lark's own loop, which stops at the first token that cannot be right and knows what could be."""
    from lark import UnexpectedCharacters, UnexpectedToken

    from fusemax.cascade.complaints import bad_character, unexpected

    reader = _lark().parse_interactive(text, start=symbol)
    before: list[Token] = []
    try:
        for token in significant(renamed(reader.lexer_thread.lex(reader.parser_state), functions)):
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


def _with_functions(cascade: Cascade, functions: Mapping[str, UserFunction]) -> Cascade:
    """Calls of registered functions held to their number of arguments and given their merge operator."""

    def leaf(expr: Expr) -> Expr:
        if not isinstance(expr, Call) or expr.function not in functions:
            return expr
        function = functions[expr.function]
        message = check_arguments(expr.function, function, len(expr.arguments))
        if message:
            raise located(cascade.origin, expr.span, message)
        return replace(expr, merge=function.merge)

    sections = (
        replace(s, einsums=tuple(replace(e, right=rewrite(e.right, leaf)) for e in s.einsums)) for s in cascade.sections
    )
    return replace(cascade, sections=tuple(sections))


def _check_depth(source: Source, exprs: Iterable[Expr]) -> None:
    """Refuse an expression more than `MAX_DEPTH` deep, and make room for walking one that is not."""
    deepest = 0
    for expr in exprs:
        depth, level = 0, [expr]
        while level:
            depth += 1
            if depth > MAX_DEPTH:
                message = f"more than {MAX_DEPTH} operations inside each other: split the expression"
                raise located(source, start(expr), message)
            level = [child for node in level for child in children(node)]
        deepest = max(deepest, depth)
    if deepest > 50:  # every room walks expressions by recursion, and Python stops that at 1000 frames
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000 + FRAMES * deepest))
