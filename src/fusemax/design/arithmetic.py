"""Arithmetic that is written once and works on Python numbers and on NumPy arrays of design points alike.

Counts are integers: Python's own (exact at any size), or int64 arrays where the caller has made sure that
they fit, or arrays of Python integers (dtype object) where they do not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

Number: TypeAlias = Any
"""A Python int or float, or a NumPy array of them: one entry per design point."""

_WRAP = (1 << 64) - 1

__all__ = [
    "Number",
    "ceil_div",
    "divisors",
    "is_array",
    "largest_divisor",
    "maximum",
    "minimum",
    "product",
    "where",
    "wrapped_share",
]


def is_array(value: Number) -> bool:
    """Whether ``value`` holds several design points."""
    return isinstance(value, np.ndarray)


def where(condition: Number, yes: Number, no: Number) -> Number:
    """``yes`` where the condition holds, else ``no``."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no)
    return yes if condition else no


def maximum(*values: Number) -> Number:
    """The largest of one or more values, point by point."""
    largest = values[0]
    for value in values[1:]:
        if isinstance(largest, np.ndarray) or isinstance(value, np.ndarray):
            largest = np.maximum(largest, value)
        elif value > largest:
            largest = value
    return largest


def minimum(*values: Number) -> Number:
    """The smallest of one or more values, point by point."""
    smallest = values[0]
    for value in values[1:]:
        if isinstance(smallest, np.ndarray) or isinstance(value, np.ndarray):
            smallest = np.minimum(smallest, value)
        elif value < smallest:
            smallest = value
    return smallest


def product(values: Any) -> Number:
    """The product of an iterable of numbers; 1 for none."""
    result: Number = 1
    for value in values:
        result = result * value
    return result


def ceil_div(dividend: Number, divisor: Number) -> Number:
    """The quotient rounded up."""
    return -(-dividend // divisor)


def wrapped_share(whole: Number, tile: Number, parts: Number) -> Number:
    """``(whole * tile mod 2^64) div (tile * parts)``: an even share as an unsigned 64-bit program finds it."""
    if not (is_array(whole) or is_array(tile)):
        return ((whole * tile) & _WRAP) // (tile * parts)
    arrays = [np.asarray(value) for value in (whole, tile, parts)]
    if any(array.dtype == object for array in arrays):
        return ((arrays[0] * arrays[1]) & _WRAP) // (arrays[1] * arrays[2])
    unsigned = [array.astype(np.uint64) for array in arrays]
    return ((unsigned[0] * unsigned[1]) // (unsigned[1] * unsigned[2])).astype(np.int64)


@lru_cache(maxsize=65536)
def divisors(number: int) -> tuple[int, ...]:
    """The divisors of a positive integer, ascending."""
    small, large = [], []
    candidate = 1
    while candidate * candidate <= number:
        if number % candidate == 0:
            small.append(candidate)
            if candidate * candidate != number:
                large.append(number // candidate)
        candidate += 1
    return tuple(small + large[::-1])


def largest_divisor(number: Number, limit: Number) -> Number:
    """The largest divisor of ``number`` not above ``limit``; 0 where the limit is below 1."""
    if not (is_array(number) or is_array(limit)):
        found = 0
        for divisor in divisors(int(number)):
            if divisor > limit:
                break
            found = divisor
        return found
    numbers, limits = np.broadcast_arrays(np.asarray(number), np.asarray(limit))
    result = np.zeros(numbers.shape, dtype=np.int64)
    for value in np.unique(numbers):
        chosen = numbers == value
        table = np.asarray((0, *divisors(int(value))), dtype=np.int64)
        result[chosen] = table[np.searchsorted(table, limits[chosen], side="right") - 1]
    return result
