"""The epoch of a phase of several steps: which Einsum has its array when, and how old the tile is it works on.

Times are in ticks from the epoch's start. A value that is reduced down a column is at its foot as many cycles
later as the column is deep; an Einsum whose inputs are not there yet when its turn comes works on an older tile: it
lags, by the least number of epochs with which everything it reads of the same tile is there. An Einsum that makes
several words per lane for others of its own array is held back to the last epoch in which they still get them,
since its results would have to wait in registers.

A running tensor is read as the last tile of the same queries left it. So many tiles of other queries must
come in between (`Epoch.flight`) that it is there in time, else epochs stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Epoch", "Flow", "Slot", "Template", "epochs_between", "settle"]


@dataclass(frozen=True)
class Slot:
    """An Einsum's turn: on ``array`` from ``start`` to ``end``; elements of its result from ``first_out`` on."""

    einsum: str
    array: str
    start: int
    end: int


@dataclass(frozen=True)
class Flow:
    """``reader`` reads what ``writer`` makes, ``delay`` ticks after it left its unit.

    ``streamed``: element by element, otherwise when all is there. ``running``: of the last tile of the same queries.
    """

    writer: str
    reader: str
    delay: int
    streamed: bool
    running: bool
    tensor: str = ""

    def ready(self, slots: Mapping[str, Slot], reading: Mapping[str, Slot] | None = None) -> int:
        """When, from the writer's epoch's start, the reader may begin; ``reading`` are the slots of its own epoch."""
        writer, reader = slots[self.writer], (slots if reading is None else reading)[self.reader]
        if not self.streamed:
            return writer.end + self.delay
        length = reader.end - reader.start
        return max(writer.start, writer.end - length) + self.delay


@dataclass(frozen=True)
class Template:
    """One epoch: slots by Einsum, its length, and by array the ticks it waits for others within the steps."""

    slots: Mapping[str, Slot]
    length: int
    waits: Mapping[str, Mapping[str, int]]
    """Array -> cause -> ticks."""


@dataclass(frozen=True)
class Epoch:
    """A template with its lags. ``reuse`` is the running flows' distance in epochs: reader of a tile to its writer.

    ``shortest``: the epoch at which everything that may be skipped is; None where all epochs are alike.
    """

    template: Template
    lags: Mapping[str, int]
    flows: tuple[Flow, ...]
    shortest: Template | None = None

    @cached_property
    def flight(self) -> int:
        """Tiles that must be in flight, in epochs from a tile's entry to that of the next of the same queries."""
        return max([1, *(self.distance(flow) for flow in self.flows if flow.running)])

    def distance(self, flow: Flow) -> int:
        """Epochs that must lie between the entries of two tiles for a running flow."""
        return self.lags[flow.writer] - self.lags[flow.reader] + epochs_between(flow, self.template, self.shortest)

    @cached_property
    def last(self) -> int:
        """The largest lag."""
        return max(self.lags.values())


def epochs_between(flow: Flow, template: Template, shortest: Template | None = None) -> int:
    """Epochs after its writer's that a reader can work on a tile: whichever tiles skip what, where epochs differ.

    Within one epoch the writer and the reader are of the same template; from one to another, of any.
    """
    late = flow.ready(template.slots) - template.slots[flow.reader].start
    if shortest is None:
        return -(-late // template.length)
    within = max(late, flow.ready(shortest.slots) - shortest.slots[flow.reader].start)
    if within <= 0:
        return 0
    late = max(within, flow.ready(template.slots, shortest.slots) - shortest.slots[flow.reader].start)
    return max(1, -(-late // shortest.length))


def settle(
    template: Template, flows: tuple[Flow, ...], held: frozenset[str], least: Mapping[str, int] | None = None,
    shortest: Template | None = None,
) -> Epoch:  # fmt: skip
    """The least lags, ``held`` Einsums as late as their readers allow; ``least`` are lags that are given."""
    lags = {name: (least or {}).get(name, 0) for name in template.slots}
    same = [flow for flow in flows if not flow.running]
    for _ in template.slots:
        for flow in same:
            lags[flow.reader] = max(lags[flow.reader], lags[flow.writer] + epochs_between(flow, template, shortest))
    for name in reversed(list(template.slots)):
        latest = [lags[flow.reader] - epochs_between(flow, template, shortest) for flow in same if flow.writer == name]
        if name in held and latest:
            lags[name] = max(lags[name], min(latest))
    return Epoch(template, lags, flows, shortest)


def flight_with_best_order(epoch: Epoch) -> tuple[int, dict[str, int]]:
    """The least tiles in flight that any choice of lags needs, and the lags: longest paths without positive cycles."""
    names = list(epoch.template.slots)
    for flight in range(1, epoch.flight + 1):
        lags = dict(epoch.lags)
        for _ in range(len(names) + 1):
            changed = False
            for flow in epoch.flows:
                late = epochs_between(flow, epoch.template, epoch.shortest)
                least = lags[flow.writer] + late - (flight if flow.running else 0)
                if least > lags[flow.reader]:
                    lags[flow.reader], changed = least, True
            if not changed:
                return flight, lags
    return epoch.flight, dict(epoch.lags)
