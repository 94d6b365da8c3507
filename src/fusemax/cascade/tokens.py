"""What the grammar leaves to the token stream: newlines inside brackets, and how deep things nest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fusemax.cascade.automaton import AnyToken, SomeToken

MAX_NESTING = 100

FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "exp": (1, 1), "exp2": (1, 1), "log": (1, 1), "log2": (1, 1), "sqrt": (1, 1), "abs": (1, 1), "tanh": (1, 1),
    "floor": (1, 1), "ceil": (1, 1), "round": (1, 1), "sigmoid": (1, 1), "relu": (1, 1), "max": (2, None),
    "min": (2, None), "where": (3, 3), "div0": (2, 2), "expsub": (2, 2),
}  # fmt: skip
"""Function name -> (fewest, most) arguments; None is no upper limit."""

REDUCTIONS = ("+", "*", "max", "min", "topk", "argtopk")
FIELDS = (
    "title", "source", "note", "input", "output", "partition", "alias", "equal", "parameter", "sizes", "expect",
)  # fmt: skip
HEADINGS = ("init", "iterate", "then")
RESERVED = frozenset(
    ("cascade", *FIELDS, *HEADINGS, "until", "downto", "and", "or", "not", "inf", "pi", "sweeps", "conflict",
     "topk", "argtopk", *FUNCTIONS)
)  # fmt: skip

_OPEN = frozenset({"LPAR", "LSQB"})
_CLOSE = frozenset({"RPAR", "RSQB"})
_CALLABLE = frozenset({"FUNCTION", "MAX", "MIN"})
_OPERAND_END = frozenset({"CAPITAL", "SMALL", "INT", "REAL", "INF", "PI"}) | _CLOSE


class NestingError(Exception):
    """More than `MAX_NESTING` brackets, unary operators and calls inside each other; holds the token."""

    def __init__(self, token: AnyToken) -> None:
        super().__init__(f"nested more than {MAX_NESTING} deep")
        self.token = token


def renamed(tokens: Iterable[SomeToken], functions: frozenset[str]) -> Iterable[SomeToken]:
    """The same tokens, with the names of registered functions as functions."""
    return _renamed(tokens, functions) if functions else tokens


def _renamed(tokens: Iterable[SomeToken], functions: frozenset[str]) -> Iterator[SomeToken]:
    for token in tokens:
        if token.type == "SMALL" and token in functions:
            token.type = "FUNCTION"
        yield token


def significant(tokens: Iterable[SomeToken]) -> Iterator[SomeToken]:
    """The tokens the grammar sees: no newline before the first one or inside brackets.

    Raises `NestingError` at the first token past the limit. A function's name counts as the start of its
    call, since nothing but a call can follow it.
    """
    open_runs: list[int] = []  # unary operators pending at each open bracket
    run = depth = 0  # depth = open brackets + unary operators pending around them
    previous = ""
    for token in tokens:
        kind = token.type
        if kind == "NL" and (not previous or open_runs):
            continue
        if kind in _OPEN:
            open_runs.append(run)
            depth += run + 1
            run = 0
        elif kind in _CLOSE and open_runs:
            run = open_runs.pop()
            depth -= run + 1
        elif kind == "NOT" or (kind == "MINUS" and previous not in _OPERAND_END):
            run += 1
        elif kind not in _OPERAND_END and kind not in _CALLABLE:
            run = 0
        if depth + run + (kind in _CALLABLE) > MAX_NESTING:
            raise NestingError(token)
        previous = kind
        yield token
