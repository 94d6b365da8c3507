"""When things happen: the slots of an epoch, how many epochs apart the stages are, which registers that takes.

The rows of a binding say which slot; this module says which epoch. A stage's lag is the least number of epochs
after the entering stage at which everything it reads is there: registers of the same unit, words of the lanes
that come back through memory (`R` cycles after they were written), words down a column N deep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from fusemax.base.errors import UsageError
from fusemax.design.expression import parse_expression
from fusemax.simulate.array.binding import Binding, Row, split_word
from fusemax.simulate.array.exponential import Exponential

__all__ = ["Slot", "Timing", "timing"]

Operand = str | float
EXTENTS = {"e": "E", "f": "F", "n": "N"}


@dataclass(frozen=True)
class Slot:
    """One micro-operation in one slot. `index` is the loop variable's value; words are (tensor, index) pairs."""

    unit: str
    slot: int
    stage: str
    einsum: str
    do: str
    of: tuple[Operand, ...]
    to: str | None
    right: str | None
    down: str | None
    feed: tuple[tuple[str, Operand, int], ...]
    read: tuple[str, int] | None
    write: tuple[str, int, str] | None
    last_only: bool


@dataclass(frozen=True)
class Timing:
    """An expanded binding for given sizes.

    `period` is the steady epoch in cycles, `last_period` that of an epoch in which a tile ends its queries,
    `lags` stage -> epochs, `copies` (unit, register) -> physical registers, `queries` the least number of query
    tiles that must take turns so that no tile waits for its own previous one.
    """

    slots: tuple[Slot, ...]
    period: int
    last_period: int
    lags: Mapping[str, int]
    copies: Mapping[tuple[str, str], int]
    queries: int

    def registers(self, unit: str) -> int:
        """Physical registers of a unit."""
        return sum(copies for (owner, _), copies in self.copies.items() if owner == unit)


def timing(
    binding: Binding, how: Exponential, *, array: int, head_size: int, value_head_size: int, return_delay: int
) -> Timing:
    """Expand a binding and solve for its lags; `UsageError` when two rows want one slot of a unit."""
    quantities = {
        "E": head_size, "F": value_head_size, "N": array, "X": how.num_operations, "R": return_delay,
        "Z": binding.interleaved * max(head_size, value_head_size),
    }  # fmt: skip
    slots = tuple(
        sorted(_expanded(binding, how, quantities), key=lambda s: (s.unit, s.slot, binding.stages.index(s.stage)))
    )
    for before, after in pairwise(slots):
        if (before.unit, before.slot) == (after.unit, after.slot):
            raise UsageError(
                f"binding '{binding.binding}': {before.einsum} and {after.einsum} both want slot {after.slot} "
                f"of a {after.unit}"
            )
    period = 1 + max(s.slot for s in slots if not s.last_only)
    last_period = max(period, 1 + max(s.slot for s in slots))
    flows = tuple(_flows(binding, slots, array, return_delay))
    lags = _lags(binding, flows, period)
    queries = max([1, *(f.queries(lags, period) for f in flows)])
    return Timing(slots, period, last_period, lags, _copies(slots, lags, period), queries)


def _expanded(binding: Binding, how: Exponential, quantities: Mapping[str, int]) -> Iterator[Slot]:
    for unit, rows in (("pe", binding.pe), ("lane", binding.lane)):
        for row in rows:
            extent = quantities[EXTENTS[row.variable]] if row.variable else 1
            for i in range(row.first, extent):
                yield from _steps(_slot(unit, row, i, quantities), how)


def _slot(unit: str, row: Row, i: int, quantities: Mapping[str, int]) -> Slot:
    def lookup(name: str) -> int:
        return i if name == row.variable else quantities[name]

    def word(text: str) -> tuple[str, int]:
        name, index = split_word(text)
        if index is None:
            return name, 0
        return name, i if index == row.variable else int(parse_expression(index)(lookup))

    feed = tuple(
        (side, name, 0) if not isinstance(name, str) else (side, *word(name)) for side, name in row.feed.items()
    )
    write = next(((*word(target), source) for target, source in row.write.items()), None)
    return Slot(
        unit, int(parse_expression(str(row.at))(lookup)), row.tile, row.einsum, row.do, row.of, row.to, row.right,
        row.down, feed, word(row.read) if row.read else None, write, row.when == "last",
    )  # fmt: skip


def _steps(slot: Slot, how: Exponential) -> Iterator[Slot]:
    """An exp becomes the steps of the method in consecutive slots; temporaries are registers of the unit."""
    if slot.do != "exp":
        yield slot
        return
    names = {"x": slot.of[0], "y": slot.to}
    for i, step in enumerate(how.steps):
        operands = tuple(names.get(o, f"exp.{o}") if isinstance(o, str) else o for o in step.of)
        target = names.get(step.to, f"exp.{step.to}")
        yield replace(slot, slot=slot.slot + i, do=step.do, of=operands, to=target)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Flow:
    """`reader` needs what `writer` stored at least `delay` cycles before, in the frame of slots.

    `own`: of the same tile; otherwise of the tile that had the same queries before.
    """

    writer: Slot
    reader: Slot
    delay: int
    own: bool

    def lag(self, period: int) -> int:
        return -((self.reader.slot - self.writer.slot - self.delay) // period)

    def queries(self, lags: Mapping[str, int], period: int) -> int:
        if self.own:
            return 1
        late = lags[self.writer.stage] - lags[self.reader.stage]
        return late + self.lag(period)


def _flows(binding: Binding, slots: tuple[Slot, ...], array: int, return_delay: int) -> Iterator[_Flow]:
    order = {stage: i for i, stage in enumerate(binding.stages)}

    def place(slot: Slot) -> tuple[int, int]:
        return order[slot.stage], slot.slot

    for reader in slots:
        for name in dict.fromkeys(o for o in _registers_read(reader)):
            writers = [s for s in slots if s.unit == reader.unit and s.to == name and place(s) < place(reader)]
            if writers:
                yield _Flow(max(writers, key=place), reader, 1, own=True)
        for word in _words_read(reader):
            for writer in slots:
                if writer.write is not None and writer.write[:2] == word:
                    delay = return_delay + (array if reader.unit == "pe" else 0)
                    yield _Flow(writer, reader, delay, own=place(writer) < place(reader))


def _registers_read(slot: Slot) -> Iterator[str]:
    names = [*slot.of, slot.right, slot.down, slot.write[2] if slot.write else None]
    yield from (n for n in names if isinstance(n, str) and n not in ("left", "top", "memory", "result"))


def _words_read(slot: Slot) -> Iterator[tuple[str, int]]:
    if slot.read is not None:
        yield slot.read
    yield from ((name, i) for _, name, i in slot.feed if isinstance(name, str))


def _lags(binding: Binding, flows: tuple[_Flow, ...], period: int) -> dict[str, int]:
    lags = dict.fromkeys(binding.stages, 0)
    for _ in binding.stages:
        for flow in flows:
            if flow.own and flow.writer.stage != flow.reader.stage:
                least = lags[flow.writer.stage] + flow.lag(period)
                lags[flow.reader.stage] = max(lags[flow.reader.stage], least)
    return lags


def _copies(slots: tuple[Slot, ...], lags: Mapping[str, int], period: int) -> dict[tuple[str, str], int]:
    """Physical registers per name: a value lives until its last reader, the next tile's comes a period later."""
    copies: dict[tuple[str, str], int] = {}
    for name in dict.fromkeys((s.unit, s.to) for s in slots if s.to is not None):
        unit, register = name
        first = min(lags[s.stage] * period + s.slot for s in slots if s.unit == unit and s.to == register)
        readers = [s for s in slots if s.unit == unit and register in _registers_read(s)]
        last = max([first + 1, *(lags[s.stage] * period + s.slot for s in readers)])
        copies[unit, str(register)] = -((first - last) // period)
    return copies
