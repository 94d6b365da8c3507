"""How many epochs apart the stages are, which registers that takes, how far apart tiles of one query must be.

The rows of a binding say which slot of an epoch; this module says which epoch. Everything that must happen before
something else is a `Wait`: a register of the same unit, a lane's word that a lane or, down a column N deep and back
through memory, a port reads, and a word that must be read before it is overwritten. A stage's lag is the least
number of epochs after the entering stage with which every wait within a tile is kept; waits from a tile to the next
one of the same queries give the least number of epochs between the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fusemax.simulate.array.binding import Binding
from fusemax.simulate.array.expand import Sizes, Slot, Word, expand, quantities

__all__ = ["Timing", "Wait", "timing"]


@dataclass(frozen=True)
class Wait:
    """`after` happens at least `delay` cycles after `before`, counted in the frame of slots.

    `of`: "tile": both of one tile; "next": `after` of the next tile of the same query; "whole": `before` of every
    tile of the query.
    """

    before: Slot
    after: Slot
    delay: int
    of: str
    what: str

    def epochs(self, period: int) -> int:
        """Least number of epochs from the one of `before` to the one of `after`."""
        before, after = self.before.slot, self.after.slot
        if self.of != "tile" or self.before.stage != self.after.stage:
            # Slots past the period are there only in an epoch that is as much longer.
            before, after = min(before, period), min(after, period)
        return -((after - before - self.delay) // period)


@dataclass(frozen=True)
class Timing:
    """A binding expanded for given sizes and solved.

    `period` is an epoch in cycles, `last_period` that of one in which a tile is its query's last, `lags` stage ->
    epochs, `copies` (unit, register) -> physical registers, `separation` the least number of epochs between two
    tiles of the same query. `impossible` holds waits that no lag keeps.
    """

    binding: Binding
    sizes: Sizes
    slots: tuple[Slot, ...]
    period: int
    last_period: int
    lags: Mapping[str, int]
    copies: Mapping[tuple[str, str], int]
    separation: int
    waits: tuple[Wait, ...]
    impossible: tuple[Wait, ...]

    def registers(self, unit: str) -> int:
        """Physical registers of a unit."""
        return sum(copies for (owner, _), copies in self.copies.items() if owner == unit)

    def place(self, slot: Slot) -> tuple[int, int]:
        """Where a slot stands in the life of a tile: its stage's number, then its slot."""
        return self.binding.stages.index(slot.stage), slot.slot

    def when(self, slot: Slot) -> int:
        """Cycles from the beginning of the epoch in which its tile entered."""
        return self.lags[slot.stage] * self.period + slot.slot

    def of(self, unit: str) -> tuple[Slot, ...]:
        """The slots of a unit."""
        return tuple(s for s in self.slots if s.unit == unit)


def timing(binding: Binding, sizes: Sizes, span: int = 0) -> Timing:
    """Expand a binding and solve it. `span`: epochs from the first to the last tile of a query."""
    slots = expand(binding, sizes)
    period = max(1 + max(s.slot for s in slots if s.when != "last"), _least_epoch(binding, sizes))
    last_period = max(period, 1 + max(s.slot for s in slots))
    waits = tuple(_waits(binding, slots, sizes))
    lags, impossible = _lags(binding, waits, period, span)
    apart = [w.epochs(period) + lags[w.before.stage] - lags[w.after.stage] for w in waits if w.of == "next"]
    copies = _copies(slots, lags, period)
    return Timing(
        binding, sizes, slots, period, last_period, lags, copies, max([1, *apart]), waits, impossible
    )  # fmt: skip


def _least_epoch(binding: Binding, sizes: Sizes) -> int:
    from fusemax.design.expression import parse_expression

    return int(parse_expression(str(binding.epoch))(quantities(binding, sizes).__getitem__))


def _waits(binding: Binding, slots: tuple[Slot, ...], sizes: Sizes) -> Iterator[Wait]:
    order = {stage: i for i, stage in enumerate(binding.stages)}

    def place(slot: Slot) -> tuple[int, int]:
        return order[slot.stage], slot.slot

    writers: dict[tuple[str, str], list[Slot]] = defaultdict(list)
    stores: dict[Word, list[Slot]] = defaultdict(list)
    for slot in sorted(slots, key=place):
        if slot.to is not None:
            writers[slot.unit, slot.to].append(slot)
        if slot.write is not None:
            stores[slot.write[:2]].append(slot)
    for reader in slots:
        for name in reader.registers_read:
            there = writers[reader.unit, name]
            before = bisect_left(there, place(reader), key=place)
            if before:
                yield Wait(there[before - 1], reader, 1, "tile", f"register {name}")
        for word in reader.words_read:
            if stores[word]:
                yield from _of_word(word, reader, stores[word], place, binding, sizes)


def _of_word(
    word: Word,
    reader: Slot,
    stores: list[Slot],
    place: Callable[[Slot], tuple[int, int]],
    binding: Binding,
    sizes: Sizes,
) -> Iterator[Wait]:
    """What a reader of a memory word waits for, and which writer waits for the reader."""
    depth = sizes.array if reader.unit == "pe" else 0  # a lane works on a slot N cycles after the first row's PE
    arrive = sizes.return_delay + depth
    what = f"{word[0]}[{word[1]}]"
    own = [s for s in stores if place(s) < place(reader)]
    later = [s for s in stores if place(s) >= place(reader)]
    if reader.whole:
        yield Wait(stores[-1], reader, arrive, "whole", what)
        return
    kept = 0 if reader.unit == "lane" else 1 - depth
    if own:
        yield Wait(own[-1], reader, arrive, "tile", what)
    if later:
        yield Wait(reader, later[0], kept, "tile", f"{what} before it is overwritten")
    if binding.tensors[word[0]].per == "query" and word[0] in binding.memory:
        if not own:
            yield Wait(stores[-1], reader, arrive, "next", what)
        if not later:
            yield Wait(reader, stores[0], kept, "next", f"{what} before it is overwritten")


def _lags(binding: Binding, waits: tuple[Wait, ...], period: int, span: int) -> tuple[dict[str, int], tuple[Wait, ...]]:
    """Least lags by relaxation; the waits that are broken even so. Stated lags are taken as they are."""
    lags = dict.fromkeys(binding.stages, 0)

    def least(wait: Wait) -> int:
        return lags[wait.before.stage] + wait.epochs(period) + (span if wait.of == "whole" else 0)

    within = [w for w in waits if w.of != "next"]
    if binding.lags:
        lags |= binding.lags
    else:
        for _ in range(len(lags) + 1):
            for wait in within:
                if wait.after.stage != wait.before.stage:
                    lags[wait.after.stage] = max(lags[wait.after.stage], least(wait))
    return lags, tuple(w for w in within if lags[w.after.stage] < least(w))


def _copies(slots: tuple[Slot, ...], lags: Mapping[str, int], period: int) -> dict[tuple[str, str], int]:
    """Physical registers per name: a value lives until its last reader, the next tile's comes a period later."""
    writes: dict[tuple[str, str], int] = {}
    reads: dict[tuple[str, str], int] = {}
    for slot in slots:
        when = lags[slot.stage] * period + min(slot.slot, period)
        if slot.to is not None:
            key = (slot.unit, slot.to)
            writes[key] = min(writes.get(key, when), when)
        for name in slot.registers_read:
            key = (slot.unit, name)
            reads[key] = max(reads.get(key, when), when)
    return {key: max(1, -((first - reads.get(key, first)) // period)) for key, first in writes.items()}
