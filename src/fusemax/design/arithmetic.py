"""Arithmetic that is written once and works on Python numbers, on NumPy arrays of design points, and on terms.

Counts are integers: Python's own (exact at any size), or int64 arrays where the caller has made sure that
they fit, or arrays of Python integers (dtype object) where they do not. A `Term` stands for a number that is not
known yet; what is done to it is written down and becomes a program (`fusemax.model.program`).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fusemax.design.term import Term, is_term

Number: TypeAlias = Any
"""A Python int or float, a NumPy array of them (one entry per design point), or a `Term`."""

_WRAP = (1 << 64) - 1
_TABLED = (1 << 16) - 1  # divisors of every number up to this are tabled when many are asked for
_SMALL_ROOT = 64
_SMALL = _SMALL_ROOT**2  # and up to this always
_FEW = 4096

__all__ = [
    "Number",
    "as_real",
    "ceil_div",
    "ceil_log2",
    "divisors",
    "floor_div",
    "is_array",
    "largest_divisor",
    "maximum",
    "minimum",
    "or_zero",
    "product",
    "round_to",
    "where",
    "wrapped_share",
]


def is_array(value: Number) -> bool:
    """Whether ``value`` stands for several design points, or for one that is not known yet."""
    return isinstance(value, np.ndarray | Term)


def where(condition: Number, yes: Number, no: Number) -> Number:
    """``yes`` where the condition holds, else ``no``."""
    if is_term(condition, yes, no):
        return Term.where(condition, yes, no)
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no)
    return yes if condition else no


def maximum(*values: Number) -> Number:
    """The largest of one or more values, point by point."""
    largest = values[0]
    for value in values[1:]:
        if is_term(largest, value):
            largest = largest if largest is value else Term.call("maximum", largest, value)
        elif isinstance(largest, np.ndarray) or isinstance(value, np.ndarray):
            largest = np.maximum(largest, value)
        elif value > largest:
            largest = value
    return largest


def minimum(*values: Number) -> Number:
    """The smallest of one or more values, point by point."""
    smallest = values[0]
    for value in values[1:]:
        if is_term(smallest, value):
            smallest = smallest if smallest is value else Term.call("minimum", smallest, value)
        elif isinstance(smallest, np.ndarray) or isinstance(value, np.ndarray):
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


def floor_div(dividend: Number, divisor: Number) -> Number:
    """The quotient rounded down; of whole numbers in doubles by division and floor, which NumPy does much faster.

    Below 2^53 a correctly rounded quotient never reaches a whole number that the exact one does not.
    """
    if isinstance(dividend, np.ndarray) and dividend.dtype == np.float64:
        return np.floor(dividend / divisor)
    return dividend // divisor


def ceil_log2(value: Number) -> Number:
    """The bits that count up to ``value``."""
    if is_term(value):
        return Term.call("ceil_log2", value)
    if isinstance(value, np.ndarray):
        return np.ceil(np.log2(np.asarray(value, dtype=np.float64)))
    return (int(value) - 1).bit_length() if value > 0 else 0


def as_real(value: Number) -> Number:
    """Arrays of integers as doubles; a Python integer as it is, for its own division rounds correctly."""
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype != object else value


def or_zero(value: Number) -> Number:
    """The value, and 0 where it is unknown (NaN)."""
    if is_term(value):
        return Term.call("or_zero", value)
    if isinstance(value, np.ndarray):
        return np.where(np.isnan(value), 0.0, value)
    return value if value == value else 0


def round_to(value: Number, digits: int) -> Number:
    """The value rounded to decimal digits."""
    if is_term(value):
        return Term.call("round_to", value, digits)
    return np.round(value, digits) if isinstance(value, np.ndarray) else round(value, digits)


def wrapped_share(whole: Number, tile: Number, parts: Number) -> Number:
    """``(whole * tile mod 2^64) div (tile * parts)``: an even share as an unsigned 64-bit program finds it."""
    if is_term(whole, tile, parts):
        return Term.call("wrapped_share", whole, tile, parts)
    if not (is_array(whole) or is_array(tile)):
        return ((whole * tile) & _WRAP) // (tile * parts)
    arrays = [np.asarray(value) for value in (whole, tile, parts)]
    if any(array.dtype == object for array in arrays):
        return ((arrays[0] * arrays[1]) & _WRAP) // (arrays[1] * arrays[2])
    unsigned = [array.view(np.uint64) if array.dtype == np.int64 else array.astype(np.uint64) for array in arrays]
    return ((unsigned[0] * unsigned[1]) // (unsigned[1] * unsigned[2])).view(np.int64)


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
    if is_term(number, limit):
        return Term.call("largest_divisor", number, limit)
    if not (is_array(number) or is_array(limit)):
        found = 0
        for divisor in divisors(int(number)):
            if divisor > limit:
                break
            found = divisor
        return found
    numbers, limits = np.broadcast_arrays(np.asarray(number), np.asarray(limit))
    if not numbers.size:
        return np.zeros(numbers.shape, dtype=np.int64)
    largest = int(numbers.max())
    if largest <= _TABLED and (largest <= _SMALL or numbers.size > _FEW):
        return _looked_up(numbers, limits, largest)
    numbers = numbers.astype(np.int64, copy=False)
    limits = np.minimum(limits, numbers).astype(np.int64, copy=False)
    result = np.zeros(numbers.shape, dtype=np.int64)
    for value in np.unique(numbers):
        chosen = numbers == value
        table = np.asarray((0, *divisors(int(value))), dtype=np.int64)
        result[chosen] = table[np.searchsorted(table, limits[chosen], side="right") - 1]
    return result


def _looked_up(numbers: npt.NDArray[Any], limits: npt.NDArray[Any], largest: int) -> npt.NDArray[np.int64]:
    """Largest divisors by one look into a table.

    A divisor up to the root is looked up by the limit; a larger one by its partner, which is the smallest divisor
    from number / limit up and hence not above the root.
    """
    root = _SMALL_ROOT
    while root * root < largest:
        root *= 2
    wide = numbers.astype(np.float64, copy=False)
    clipped = np.minimum(np.maximum(limits, 0), wide)
    with np.errstate(divide="ignore"):
        partner = np.ceil(wide / clipped)
    at = np.where(clipped <= root, clipped, root + partner)
    at += wide * (2 * root + 1)
    found: npt.NDArray[np.int64] = _divisor_table(root)[at.astype(np.intp)].astype(np.int64)
    return found


@cache
def _divisor_table(root: int) -> npt.NDArray[np.uint16]:
    """By number up to root^2, a row of 2 root + 1: largest divisors up to 0 .. root, then partners of the smallest
    divisors from 1 .. root up."""
    numbers = np.arange(min(root * root, _TABLED) + 1)
    table = np.zeros((numbers.size, 2 * root + 1), dtype=np.uint16)
    for divisor in range(1, root + 1):
        table[::divisor, divisor : root + 1] = divisor
    # Where no divisor up to the root follows, the next one is the partner of the last.
    table[:, root + 1 :] = table[:, root : root + 1]
    for divisor in range(root, 0, -1):
        table[::divisor, root + 1 : root + 1 + divisor] = numbers[::divisor, None] // divisor
    return table.ravel()
