"""Quantities as people write them: lengths ``4K``, sizes ``16MiB``, rates ``400GiB/s``, ``0.56pJ``.

Sequence lengths and ranks count with K = 1024, M = 1024^2, G = 1024^3. Sizes in bytes follow the
IEC: ``KiB MiB GiB TiB`` are powers of 1024, ``kB MB GB TB`` powers of 1000. Every other quantity is
an SI unit with a prefix, and a bare number is refused: a file states its unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from fusemax.base.errors import UsageError

__all__ = [
    "format_bytes",
    "format_length",
    "format_rate",
    "format_si",
    "parse_bytes",
    "parse_length",
    "parse_quantity",
    "parse_rate",
]

_LENGTH = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_BINARY = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_DECIMAL = {"kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES: Mapping[str, int] = MappingProxyType({"B": 1} | _BINARY | _DECIMAL)
_PREFIX = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15}
_SQUARE = {"um^2": Fraction(1), "mm^2": Fraction(10**6), "nm^2": Fraction(1, 10**6)}
_BASES = {"energy": ("J", -12), "frequency": ("Hz", 0), "time": ("s", 0), "power": ("W", 0)}
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)\s*([A-Za-zµ/^2]*)\s*", re.ASCII)
_LARGEST = 1 << 62  # a length or size past this is a typing error, and would not fit an int64
_LONGEST = 40  # characters in a quantity


def parse_length(text: str | int) -> int:
    """A sequence length or rank shape: ``4096``, ``4K`` (K = 1024), ``1M``, ``1.5K``; at least 1.

    Raises UsageError for anything else.

    >>> parse_length("4K"), parse_length("1M"), parse_length(77)
    (4096, 1048576, 77)
    """
    number, unit = _split(text, "length", "like 4096, 4K or 1M")
    scale = _LENGTH.get(unit.upper())
    if scale is None:
        raise _wrong(text, "length", "like 4096, 4K or 1M")
    return _whole(number * scale, text, "length", least=1)


def parse_bytes(text: str | int) -> int:
    """A size in bytes: ``16MiB``, ``512kB``, ``64B`` or a plain number of bytes.

    >>> parse_bytes("16MiB"), parse_bytes("64 kB"), parse_bytes("7")
    (16777216, 64000, 7)
    """
    number, unit = _split(text, "size", "like 16MiB, 64kB or 4096")
    scale = _BYTES.get(unit or "B")
    if scale is None:
        raise _wrong(text, "size", "like 16MiB, 64kB or 4096")
    return _whole(number * scale, text, "size", least=0)


def parse_rate(text: str | int) -> float:
    """A rate in bytes per second: ``400GiB/s``, ``1TB/s`` or a plain number of bytes per second.

    >>> parse_rate("400GiB/s")
    429496729600.0
    """
    number, unit = _split(text, "rate", "like 400GiB/s")
    scale = _BYTES.get(unit.removesuffix("/s") or "B") if unit == "" or unit.endswith("/s") else None
    if scale is None or number <= 0:
        raise _wrong(text, "rate", "like 400GiB/s")
    return float(number * scale)


def parse_quantity(text: str, kind: str) -> float:
    """A quantity with its unit, in the unit the product keeps it in.

    ``kind`` is ``energy`` (pJ), ``frequency`` (Hz), ``time`` (s), ``power`` (W) or ``area`` (um^2).
    Raises UsageError for a missing or foreign unit.

    >>> parse_quantity("0.56pJ", "energy"), parse_quantity("940 MHz", "frequency")
    (0.56, 940000000.0)
    """
    expected = f"with its unit, like {_example(kind)}"
    number, unit = _split(text, kind, expected)
    if kind == "area":
        square = _SQUARE.get(unit.replace("µ", "u"))
        if square is None:
            raise _wrong(text, kind, expected)
        return float(number * square)
    base, kept = _BASES[kind]
    prefix = unit.removesuffix(base)
    if not unit.endswith(base) or prefix not in _PREFIX:
        raise _wrong(text, kind, expected)
    return float(number * Fraction(10) ** (_PREFIX[prefix] - kept))


def format_length(length: int) -> str:
    """The shortest exact way to write a length.

    >>> format_length(4096), format_length(1 << 20), format_length(1000)
    ('4K', '1M', '1000')
    """
    for unit in ("G", "M", "K"):
        if length and length % _LENGTH[unit] == 0:
            return f"{length // _LENGTH[unit]}{unit}"
    return str(length)


def format_bytes(size: float) -> str:
    """A size for people, to four digits, in powers of 1024.

    >>> format_bytes(16777216), format_bytes(1536), format_bytes(12)
    ('16 MiB', '1.5 KiB', '12 B')
    """
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if abs(size) >= _BINARY[unit]:
            return f"{size / _BINARY[unit]:.4g} {unit}"
    return f"{size:.4g} B"


def format_rate(rate: float) -> str:
    """A rate for people: bytes per second in powers of 1024.

    >>> format_rate(400 * 2**30)
    '400 GiB/s'
    """
    return f"{format_bytes(rate)}/s"


def format_si(value: float, unit: str) -> str:
    """A value for people, to four digits, with the SI prefix that leaves 1 to 999 before the point.

    >>> format_si(0.0000123, "s"), format_si(940e6, "Hz"), format_si(0.0, "s")
    ('12.3 us', '940 MHz', '0 s')
    """
    for prefix in ("P", "T", "G", "M", "k", "", "m", "u", "n", "p"):
        scale = float(Fraction(10) ** _PREFIX[prefix])
        # 0.99995 rounds to 1.000 at four digits, and so belongs to the larger prefix
        if abs(value) >= scale * 0.99995:
            return f"{value / scale:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}"


def _example(kind: str) -> str:
    return {"energy": "0.56pJ", "frequency": "940MHz", "time": "1.5us", "power": "2W", "area": "1200um^2"}[kind]


def _split(text: str | int, kind: str, expected: str) -> tuple[Fraction, str]:
    written = str(text)
    match = _NUMBER.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        raise _wrong(text, kind, expected)
    return Fraction(match[1]), match[2]


def _whole(value: Fraction, text: str | int, kind: str, least: int) -> int:
    if value.denominator != 1:
        raise UsageError(f"{str(text)!r} is not a whole number: expected a {kind} in whole units")
    if not least <= value <= _LARGEST:
        raise UsageError(f"{_shown(text)} is out of range: expected a {kind} of at least {least}")
    return int(value)


def _wrong(text: str | int, kind: str, expected: str) -> UsageError:
    article = "an" if kind[0] in "aeiou" else "a"
    return UsageError(f"{_shown(text)} is not {article} {kind}: expected {article} {kind} {expected}")


def _shown(text: str | int) -> str:
    written = str(text)
    return repr(written if len(written) <= _LONGEST else written[:_LONGEST] + "...")
