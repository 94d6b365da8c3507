"""A mapping: how ranks are split, in which order loops run at which memory, what each level keeps.

The parts of a rank are its loops: ``P: {P2: rest, P1: fit(buffer), P0: array2d.columns}`` makes the loops
``p2``, ``p1``, ``p0``. A part is an expression, ``rest`` (what the other parts leave, rounded up) or
``fit(LEVEL)`` (the largest divisor of what is left with which everything LEVEL keeps fits).

Levels are the accelerator's memories from the outermost in, then, for an Einsum on the 2D array, any register
file it names (``array1d.registers``: the lanes' registers as the array sees them), then the array's columns
and rows (``spatial``), then the registers inside (``registers``), which keep every operand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from fusemax.base.errors import UsageError
from fusemax.design.accelerator import Frozen
from fusemax.design.expression import parse_expression

__all__ = ["Capacity", "Choices", "EinsumMapping", "Kept", "Mapping", "Part", "Search", "fit_level", "split_kept"]

_FIT = re.compile(r"fit\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)")
_KEPT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\s+if\s+([A-Za-z_][A-Za-z0-9_]*)\s+is\s+([A-Za-z_][A-Za-z0-9_]*))?")


def fit_level(text: str | int) -> str | None:
    """The LEVEL of ``fit(LEVEL)``, or None for any other part."""
    match = _FIT.fullmatch(str(text).strip())
    return match[1] if match else None


def split_kept(text: str) -> tuple[str, str | None, str | None]:
    """``Q if at_Q is on`` as (tensor, parameter, choice); the last two None without a condition."""
    match = _KEPT.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a tensor: expected NAME, or NAME if PARAMETER is CHOICE")
    return match[1], match[2], match[3]


def _check_part(value: int | str) -> int | str:
    if isinstance(value, int):
        if value < 1:
            raise ValueError(f"a part of a rank is at least 1, found {value}")
        return value
    if value != "rest" and fit_level(value) is None:
        try:
            parse_expression(value)
        except UsageError as error:
            raise ValueError(f"{error}, rest or fit(LEVEL)") from None
    return value


def _check_kept(value: str) -> str:
    try:
        split_kept(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return value


def _check_expression(value: int | str) -> int | str:
    if isinstance(value, str):
        try:
            parse_expression(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
    return value


Part = Annotated[int | str, AfterValidator(_check_part)]
Kept = Annotated[str, AfterValidator(_check_kept)]
Amount = Annotated[int | str, AfterValidator(_check_expression)]
Loops = tuple[str, ...]
Choices = AnyMapping[str, AnyMapping[str, Loops]]
"""Loops that depend on a parameter: ``{stationarity: {output: [p1, e], input: [p1, m]}}``."""


class EinsumMapping(Frozen):
    """Where and in which order one Einsum runs.

    ``loops`` overrides the mapping's loops at the levels it names; ``spatial`` spreads a loop over ``columns``
    or ``rows`` of the array; ``keep`` lists the tensors each level holds. ``ranks`` corrects the ranks of a
    tensor where the published declaration differs from the cascade (an accounting choice, not a mapping one).
    """

    on: str
    spatial: AnyMapping[str, str | AnyMapping[str, AnyMapping[str, str]]] = {}
    loops: AnyMapping[str, Loops | Choices] = {}
    keep: AnyMapping[str, tuple[Kept, ...]] = {}
    operations: AnyMapping[str, Annotated[int, Field(ge=0)]] | None = None
    """Operations per point, where they are not those the cascade's text says."""


class Capacity(Frozen):
    """What a level must hold, and what happens to what does not fit.

    ``places`` counts the tiles of a tensor that are there at once (1 unless said; tensors not named are not
    counted when ``places`` is given); ``stage`` is the room, in words, that a tensor needs which passes the level
    by; ``share`` lists tensors that overwrite one another. ``spill`` names the tensors that go to the next
    memory out in proportion to the lack of room; without it a mapping that does not fit is an error.
    """

    level: str
    places: AnyMapping[str, Annotated[int, Field(ge=1)]] | None = None
    stage: AnyMapping[str, Amount] = {}
    share: tuple[tuple[str, ...], ...] = ()
    spill: tuple[Kept, ...] = ()


class Search(Frozen):
    """How the free parameters are found: the least ``objective`` (then the next one), the first of equals.

    ``over`` lists the parameters, the last one varying fastest; ``only`` limits their values and ``alike`` lists
    those that take the same one. ``of`` limits the objective to some Einsums, whose arrays and memory then run side
    by side. ``spared``: a boundary tensor that spills saves the DRAM words it would else have moved.
    """

    objective: tuple[Literal["latency", "traffic", "energy"], ...]
    over: tuple[str, ...]
    only: AnyMapping[str, tuple[int | str, ...]] = {}
    alike: tuple[tuple[str, ...], ...] = ()
    of: tuple[str, ...] = ()
    spared: bool = True
    source: str = ""


class Mapping(Frozen):
    """The mapping of a cascade's Einsums.

    ``batch`` are ranks every tensor has and no Einsum reduces; ``whole`` gives ranks of an Einsum that are not
    split. ``parameters`` are open choices: names (``[output, weight]``), numbers or expressions, or
    ``divisors(EXPRESSION)``; ``search`` closes them.
    """

    mapping: str = ""
    title: str = ""
    source: str = ""
    batch: tuple[str, ...] = ("B", "H")
    partition: AnyMapping[str, AnyMapping[str, Part]] = {}
    loops: AnyMapping[str, Loops] = {}
    parameters: AnyMapping[str, tuple[int | str, ...] | str] = {}
    search: Search | None = None
    capacity: tuple[Capacity, ...] = ()
    labels: AnyMapping[str, str] = {}
    """Names that Einsums and tensors go by in results, where they are not the cascade's."""
    einsums: AnyMapping[str, EinsumMapping]
