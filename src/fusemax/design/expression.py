"""Small arithmetic in design files: ``array2d.rows``, ``P // P0``, ``min(array2d.rows, E)``.

An expression is integers, decimal numbers, names (with dots), ``+ - * / // %``, ``min``, ``max``, ``ceil``
and parentheses. It is parsed once and evaluated on Python numbers or on NumPy arrays of design points alike.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from fusemax.base.errors import UsageError
from fusemax.design.arithmetic import Number, ceil_div, maximum, minimum

_LONGEST = 200
_DEEPEST = 20
_FUNCTIONS = ("min", "max", "ceil")

Lookup = Callable[[str], Number]

__all__ = ["Expression", "parse_expression"]


class Expression:
    """A parsed expression; ``names`` are the quantities it reads, in order of appearance."""

    __slots__ = ("_evaluate", "names", "text")

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text = text
        self._evaluate = _compiled(tree)
        self.names = tuple(dict.fromkeys(_names(tree)))

    def __call__(self, lookup: Lookup) -> Number:
        """The value, each name looked up once or more."""
        return self._evaluate(lookup)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Parse ``text``; UsageError says what is not arithmetic."""
    if len(text) > _LONGEST:
        raise UsageError(f"expression longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"{text!r} is not an expression: expected names, numbers, + - * / // %, min, max") from None
    _check(tree, text, 0)
    return Expression(text.strip(), tree)


def _check(node: ast.expr, text: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise UsageError(f"{text!r} nests more than {_DEEPEST} deep")
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            return
        case ast.Name():
            return
        case ast.Attribute(value=inner):
            if not isinstance(inner, ast.Name | ast.Attribute):
                raise UsageError(f"{text!r} is not an expression: a dot joins names only")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, text, depth + 1)
        case ast.BinOp(
            left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Mod(), right=right
        ):
            _check(left, text, depth + 1)
            _check(right, text, depth + 1)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
            for argument in arguments:
                _check(argument, text, depth + 1)
        case _:
            raise UsageError(f"{text!r} is not an expression: expected names, numbers, + - * / // %, min, max")


def _names(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Attribute():
            yield ast.unparse(node)
        case ast.UnaryOp(operand=operand):
            yield from _names(operand)
        case ast.BinOp(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case ast.Call(args=arguments):
            for argument in arguments:
                yield from _names(argument)


def _compiled(node: ast.expr) -> Callable[[Lookup], Number]:
    """A function of the lookup, made once, so that evaluating does not walk the tree."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return lambda lookup: value
        case ast.Name() | ast.Attribute():
            name = ast.unparse(node)
            return lambda lookup: lookup(name)
        case ast.UnaryOp(operand=operand):
            inner = _compiled(operand)
            return lambda lookup: -inner(lookup)
        case ast.BinOp(left=left, op=operator, right=right):
            first, second, apply = _compiled(left), _compiled(right), _APPLY[type(operator)]
            return lambda lookup: apply(first(lookup), second(lookup))
        case ast.Call(func=ast.Name(id="ceil"), args=[ast.BinOp(left=left, op=ast.Div(), right=right)]):
            first, second = _compiled(left), _compiled(right)
            return lambda lookup: ceil_div(first(lookup), second(lookup))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            parts = [_compiled(argument) for argument in arguments]
            combine = {"min": minimum, "max": maximum, "ceil": _ceil}[name]
            return lambda lookup: combine(*(part(lookup) for part in parts))
    raise AssertionError(ast.dump(node))  # _check admits nothing else


def _ceil(value: Number, *_: Number) -> Number:
    return -(-value // 1)


def _nonzero(divisor: Number) -> Number:
    if not isinstance(divisor, np.ndarray) and divisor == 0:
        raise UsageError("division by zero in an expression")
    return divisor


_APPLY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / _nonzero(right),
    ast.FloorDiv: lambda left, right: left // _nonzero(right),
    ast.Mod: lambda left, right: left % _nonzero(right),
}
