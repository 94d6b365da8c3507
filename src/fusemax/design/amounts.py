"""Amounts in design files: a number with its unit, or an expression of other amounts.

The text is kept as it was written, so that a design prints as it was read; it is turned into a number when a
design point's sizes are known. Bytes are bytes, rates bytes per second, clocks hertz.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from fusemax.base.errors import UsageError
from fusemax.base.units import parse_bytes, parse_length, parse_quantity, parse_rate
from fusemax.design.arithmetic import Number
from fusemax.design.expression import Expression, Lookup, parse_expression

__all__ = ["Bytes", "Clock", "Count", "Rate", "amount", "bytes_of", "clock_of", "count_of", "rate_of"]


def amount(value: int | float | str, unit: str) -> float | Expression:
    """``value`` as a number in the product's unit, or as an expression; ValueError when it is neither.

    ``unit`` is ``bytes``, ``rate``, ``clock`` or ``count``.
    """
    return _amount(value, unit)


@lru_cache(maxsize=4096)
def _amount(value: int | float | str, unit: str) -> float | Expression:
    if isinstance(value, bool):
        raise ValueError("expected a number, found true or false")
    if unit in ("rate", "clock") and _is_number(value):
        example = {"rate": "400GiB/s", "clock": "940MHz"}[unit]
        raise ValueError(f"{value} has no unit: expected a {unit} like {example}")
    if isinstance(value, int | float):
        if value < 0 or value != int(value):
            raise ValueError(f"{value} is not a whole number from 0 up")
        return int(value)
    parse: Callable[[str], float] = {
        "bytes": parse_bytes,
        "rate": parse_rate,
        "clock": _frequency,
        "count": parse_length,
    }[unit]
    try:
        return parse(value)
    except UsageError as reason:
        try:
            expression = parse_expression(value)
        except UsageError as error:
            raise ValueError(str(reason if value[:1] in "0123456789+-." else error)) from None
        if not expression.names:
            raise ValueError(str(reason)) from None
        return expression


def _is_number(value: int | float | str) -> bool:
    return not isinstance(value, str) or value.strip().replace(".", "", 1).isdigit()


def _frequency(text: str) -> float:
    return parse_quantity(text, "frequency")


def _checker(unit: str) -> AfterValidator:
    def check(value: int | float | str) -> int | float | str:
        _amount(value, unit)
        return value

    return AfterValidator(check)


Bytes = Annotated[int | str, _checker("bytes")]
Rate = Annotated[int | float | str, _checker("rate")]
Clock = Annotated[int | float | str, _checker("clock")]
Count = Annotated[int | str, _checker("count")]


def _of(value: int | float | str, unit: str, lookup: Lookup) -> Number:
    found = _amount(value, unit)
    return found(lookup) if isinstance(found, Expression) else found


def bytes_of(value: int | str, lookup: Lookup) -> Number:
    """A size in bytes."""
    return _of(value, "bytes", lookup)


def rate_of(value: int | float | str, lookup: Lookup) -> Number:
    """A rate in bytes per second."""
    return _of(value, "rate", lookup)


def clock_of(value: int | float | str, lookup: Lookup) -> Number:
    """A frequency in hertz."""
    return _of(value, "clock", lookup)


def count_of(value: int | str, lookup: Lookup) -> Number:
    """A whole number."""
    return _of(value, "count", lookup)
