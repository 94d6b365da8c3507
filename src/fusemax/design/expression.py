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

    __slots__ = ("_tree", "names", "text")

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text = text
        self._tree = tree
        self.names = tuple(dict.fromkeys(_names(tree)))

    def __call__(self, lookup: Lookup) -> Number:
        """The value, each name looked up once or more."""
        return _value(self._tree, lookup)

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


def _value(node: ast.expr, lookup: Lookup) -> Number:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name() | ast.Attribute():
            return lookup(ast.unparse(node))
        case ast.UnaryOp(operand=operand):
            return -_value(operand, lookup)
        case ast.BinOp(left=left, op=operator, right=right):
            return _apply(operator, _value(left, lookup), _value(right, lookup))
        case ast.Call(func=ast.Name(id="ceil"), args=[ast.BinOp(left=left, op=ast.Div(), right=right)]):
            return ceil_div(_value(left, lookup), _value(right, lookup))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            values = [_value(argument, lookup) for argument in arguments]
            if name == "ceil":
                return -(-values[0] // 1)
            return minimum(*values) if name == "min" else maximum(*values)
    raise AssertionError(ast.dump(node))  # _check admits nothing else


def _apply(operator: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(operator, ast.Div | ast.FloorDiv | ast.Mod) and not isinstance(right, np.ndarray) and right == 0:
        raise UsageError("division by zero in an expression")
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.FloorDiv():
            return left // right
    return left % right
