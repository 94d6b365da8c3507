"""A sweep's specification: designs, workloads, lengths, and the fields that vary.

sweep: buffers
designs: [fusemax]
workloads: [bert, t5]
seq_lens: [4K, 64K]                         # or {from: 1K, to: 1M, times: 4}
accounting: corrected
vary:
  edge: {from: 64, to: 256, times: 2}       # a quantity of the accelerator, by its name
  buffer.capacity: [8MiB, 16MiB]
  workload.batch: {from: 1, to: 9, step: 4}
  schedule.streams: [1, 2]                  # any field, by its path
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, SkipValidation, ValidationError

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors, UsageError
from fusemax.base.units import parse_bytes, parse_length, parse_rate
from fusemax.design.accelerator import Frozen
from fusemax.design.document import Document, read_document, validate

__all__ = ["Range", "SweepSpec", "located", "number_of", "read_spec", "spec_text", "whole_numbers"]

_MOST = 10_000_000


def _number(given: object) -> object:
    found = number_of(given)
    return given if found is None else found


class Range(Frozen):
    """Whole numbers from ``from`` up to ``to`` at most: ``step`` is added each time, or ``times`` multiplied."""

    first: Any = Field(alias="from")
    last: Any = Field(alias="to")
    step: Annotated[int, BeforeValidator(_number), Field(ge=1)] | None = None
    times: Annotated[int, Field(ge=2)] | None = None

    def values(self) -> Sequence[int]:
        """The numbers. ValueError for a range that has none, or too many."""
        first, last = number_of(self.first), number_of(self.last)
        if first is None or last is None:
            raise ValueError("a range goes from a whole number to a whole number")
        if self.step is not None and self.times is not None:
            raise ValueError("a range has a step or a factor ('times'), not both")
        if last < first:
            raise ValueError(f"a range from {first} to {last} is empty")
        if self.times is None:
            step = self.step or 1
            if (last - first) // step >= _MOST:
                raise ValueError(f"a range of more than {_MOST} numbers")
            return range(first, last + 1, step)
        if first < 1:
            raise ValueError("a range with a factor begins at 1 or more")
        found = [first]
        while found[-1] * self.times <= last:
            found.append(found[-1] * self.times)
        return tuple(found)


def number_of(value: object) -> int | None:
    """A whole number as it is, or of a text like ``4K``, ``16MiB`` or ``400GiB/s``; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    for parse in (parse_length, parse_bytes, parse_rate):
        try:
            found = parse(value) if isinstance(value, str) else None
        except UsageError:
            continue
        if found is not None and found == int(found):
            return int(found)
    return None


def _values(given: object) -> object:
    if isinstance(given, Mapping) and "from" in given:
        try:
            return Range.model_validate(given).values()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            raise ValueError(f"not a range: {name}: {first['msg']} (expected from, to, and step or times)") from None
    if isinstance(given, list | tuple):
        if not given:
            raise ValueError("expected at least one value")
        if len({repr(v) for v in given}) < len(given):
            raise ValueError("a value is given twice")
        return tuple(given)
    return (given,)


Values = Annotated[Sequence[Any], SkipValidation(), BeforeValidator(_values)]
"""Values of a field; a ``range`` stays one, for it may be long."""


def _names(given: object) -> object:
    return (given,) if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]


class SweepSpec(Frozen):
    """See the module."""

    sweep: str = "sweep"
    title: str = ""
    designs: Names
    workloads: Names
    seq_lens: Values
    accounting: Literal["corrected", "published"] = "corrected"
    vary: Mapping[str, Values] = {}


def spec_text(designs: str, workloads: str, seq_lens: str, vary: Mapping[str, str]) -> str:
    """A specification from texts as one types them: ``a,b``, ``1K..64K`` with ``x2`` or ``+1K`` behind, ``8MiB,16MiB``.

    UsageError for a text that is none of these.
    """
    import json

    lines = [f"designs: {json.dumps(_listed(designs))}", f"workloads: {json.dumps(_listed(workloads))}"]
    lines.append(f"seq_lens: {json.dumps(_typed(seq_lens))}")
    lines += ["vary:"] if vary else []
    lines += [f"  {json.dumps(name)}: {json.dumps(_typed(text))}" for name, text in vary.items()]
    return "\n".join(lines) + "\n"


_RANGE = re.compile(r"(?P<first>[^.]+)\.\.(?P<last>[^.+x]+)(?:x(?P<times>[0-9]+)|\+(?P<step>\w+))?")


def _typed(text: str) -> object:
    if ".." not in text:
        return [int(value) if value.isdecimal() else value for value in _listed(text)]
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no range: expected FROM..TO, FROM..TO+STEP or FROM..TOxFACTOR")
    given = {"from": found["first"], "to": found["last"], "step": found["step"]}
    times = {"times": int(found["times"])} if found["times"] else {}
    return {name: value for name, value in given.items() if value} | times


def _listed(text: str) -> list[str]:
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise UsageError(f"{text!r}: expected values separated by commas")
    return found


def read_spec(path: str, text: str | None = None) -> tuple[SweepSpec, Document]:
    """A specification from a file, ``-``, or ``text`` that is called ``path``.

    Raises FileError, SourceError or SourceErrors.
    """
    document = read_document(path) if text is None else read_document(text, file=path)
    spec = validate(SweepSpec, document)
    for place, value in enumerate(_ends(spec.seq_lens)):
        try:
            parse_length(value)
        except UsageError as error:
            raise located(document, "seq_lens", place, error) from None
    return spec, document


def _ends(values: Sequence[Any]) -> Sequence[Any]:
    return values[:1] if isinstance(values, range) else values


def whole_numbers(values: Sequence[Any]) -> npt.NDArray[np.int64] | None:
    """Values that are all whole numbers from 1 up, as an array; None where some are not."""
    if isinstance(values, range):
        return np.arange(values.start, values.stop, values.step, dtype=np.int64) if values[0] > 0 else None
    numbers = [number_of(value) for value in values]
    whole = [n for n in numbers if n is not None and n > 0]
    return np.array(whole, dtype=np.int64) if len(whole) == len(values) else None


def located(document: Document, name: str, place: int, error: FusemaxError) -> SourceError:
    """An error about a value of the specification, where that value stands."""
    where: tuple[str | int, ...] = tuple(name.split("/"))
    if isinstance(error, SourceErrors):
        text, suggestion = error.errors[0].message, error.errors[0].suggestion
    elif isinstance(error, SourceError):
        text, suggestion = error.message, error.suggestion
    else:
        text, suggestion = str(error), None
    return document.positions.error((*where, place), text, suggestion=suggestion)
