"""The numbers a design point is made of, by name.

    B H D E F S M P L        batch, heads, widths, lengths, layers (``KV``: heads of K and V)
    causal, window           1 with a causal mask; keys a query sees, 0 for all
    relu, gelu, swiglu       1 for the kind of feed-forward layer, else 0
    clock, word              hertz; bits of a tensor's element
    edge, ...                the accelerator's parameters
    buffer.capacity, ...     a component's fields: capacity, access, bandwidth, banks, ports, rows, columns,
                             registers (depth), count

Every value is a Python number, or a NumPy array with one entry per design point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fusemax.base.errors import UnknownName, UsageError
from fusemax.design.accelerator import Accelerator, Array, Component, Memory
from fusemax.design.amounts import amount
from fusemax.design.arithmetic import Number, is_array
from fusemax.design.expression import Expression
from fusemax.design.term import Term
from fusemax.design.workload import Workload

__all__ = ["Sizes", "stacked_sizes", "workload_names_of_sizes", "workload_sizes"]

Override = int | float | str | np.ndarray | Term

_UNITS = {"capacity": "bytes", "access": "bytes", "bandwidth": "rate"}


class Sizes:
    """Names to numbers, each found once. ``overrides`` replace fields of the accelerator or sizes of the workload."""

    def __init__(
        self,
        accelerator: Accelerator,
        given: Mapping[str, Number],
        overrides: Mapping[str, Override] | None = None,
    ) -> None:
        self.accelerator = accelerator
        self._raw: dict[str, tuple[object, str]] = _fields(accelerator)
        for name, value in (overrides or {}).items():
            if name not in self._raw and name not in given:
                raise UnknownName("quantity", name, [*self._raw, *given])
            unit = self._raw[name][1] if name in self._raw else "count"
            self._raw[name] = (value, unit)
        self._values: dict[str, Number] = {k: v for k, v in given.items() if k not in (overrides or {})}
        self._given = dict(self._values)
        self._open: list[str] = []

    def __call__(self, name: str) -> Number:
        """The number of that name. UnknownName; UsageError when it is defined by itself."""
        value = self._values.get(name)
        if value is None:
            value = self._values[name] = self._find(name)
        return value

    def at(self, points: np.ndarray) -> Sizes:
        """The sizes of some of the design points, by index; single numbers stay."""
        found = Sizes.__new__(Sizes)
        found.accelerator = self.accelerator
        found._raw = {n: (v[points] if isinstance(v, np.ndarray) else v, u) for n, (v, u) in self._raw.items()}
        found._values = {n: v[points] for n, v in self._given.items() if isinstance(v, np.ndarray)}
        found._values |= {n: v for n, v in self._given.items() if not isinstance(v, np.ndarray)}
        found._given = dict(found._values)
        found._open = []
        return found

    @property
    def differs(self) -> bool:
        """Whether the accelerator is another at different points."""
        return any(isinstance(value, np.ndarray) for value, _ in self._raw.values())

    def with_sizes(self, given: Mapping[str, Number]) -> Sizes:
        """The same point with other or further sizes."""
        found = Sizes.__new__(Sizes)
        found.accelerator = self.accelerator
        found._raw = {name: entry for name, entry in self._raw.items() if name not in given}
        found._given = self._given | dict(given)
        found._values = dict(found._given)
        found._open = []
        return found

    def known(self, name: str) -> bool:
        """Whether there is a number of that name."""
        return name in self._values or name in self._raw

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return tuple(dict.fromkeys([*self._values, *self._raw]))

    def _find(self, name: str) -> Number:
        if name not in self._raw:
            raise UnknownName("quantity", name, self.names)
        if name in self._open:
            raise UsageError(f"{name} is defined by itself: {' -> '.join([*self._open, name])}")
        value, unit = self._raw[name]
        if is_array(value):
            return value
        if not isinstance(value, int | float | str):
            raise UsageError(f"{name} is not given")
        try:
            found: Number = amount(value, unit)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
        if isinstance(found, Expression):
            self._open.append(name)
            try:
                found = found(self)
            finally:
                self._open.pop()
        if not is_array(found) and found < 1:
            raise UsageError(f"{name} is {found:g}; expected at least 1")
        return found


def stacked_sizes(points: Sequence[tuple[Workload, int]]) -> dict[str, Number]:
    """Sizes of several (workload, sequence length), one array each."""
    each = [workload_sizes(workload, length) for workload, length in points]
    return {name: np.array([sizes[name] for sizes in each], dtype=np.int64) for name in each[0]}


_NAMES = ("B", "H", "KV", "D", "E", "F", "S", "M", "P", "L", "causal", "window", "relu", "gelu", "swiglu")


def workload_names_of_sizes() -> tuple[str, ...]:
    """The names that `workload_sizes` gives, and ``group``, that of rows that share a key."""
    return (*_NAMES, "group")


def workload_sizes(workload: Workload, length: int) -> dict[str, Number]:
    """Sizes of one workload at a sequence length."""
    return {
        "B": workload.batch,
        "H": workload.heads,
        "KV": workload.kv_heads,
        "D": workload.model_width,
        "E": workload.head_size,
        "F": workload.value_head_size,
        "S": workload.ffn_width,
        "M": length,
        "P": workload.queries(length),
        "L": workload.layers,
        "causal": int(workload.mask != "none"),
        "window": workload.window or 0,
        **{kind: int(workload.ffn == kind) for kind in ("relu", "gelu", "swiglu")},
    }


def _fields(accelerator: Accelerator) -> dict[str, tuple[object, str]]:
    found: dict[str, tuple[object, str]] = {"clock": (accelerator.clock, "clock"), "word": (accelerator.word, "count")}
    for name, size in accelerator.parameters.items():
        found[name] = (size, "bytes")
    for name, part in accelerator.components.items():
        for field, value in _component(part).items():
            if value is not None:
                found[f"{name}.{field}"] = (value, _UNITS.get(field, "count"))
    return found


def _component(part: Component) -> dict[str, object]:
    if isinstance(part, Memory):
        return {field: getattr(part, field) for field in ("capacity", "access", "bandwidth", "banks", "ports")}
    if isinstance(part, Array):
        return {"rows": part.rows, "columns": part.columns, "registers": part.registers.depth}
    return {"count": part.count}
