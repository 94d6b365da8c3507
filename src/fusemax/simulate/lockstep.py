"""A phase of several steps, executed: one epoch after the other, every Einsum in its turn on the tile its lag says.

The schedule is static: an epoch in which an Einsum has no tile yet, or none any more, takes as long as any other,
and one in which a running tensor would be read too early stays empty for the tile that would have entered. Only the
outermost memory and the buffer's ports hold the whole machine up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from fusemax.simulate.machine import Machine
from fusemax.simulate.memory import Bus, Ports
from fusemax.simulate.pattern import period_of, runs_at
from fusemax.simulate.plan import LockstepPlan
from fusemax.simulate.space import Index
from fusemax.simulate.template import Slot, Template
from fusemax.simulate.trace import Recorder

__all__ = ["Lockstep", "Tally", "worth_a_look"]


_RESULTS = -1
"""The turn of results: before operands, whose turn is 0."""


@dataclass
class Tally:
    """Counters of a run: tiles by Einsum, ticks by array and cause, epochs.

    Where tiles skip Einsums: ``unworked``, by Einsum the ticks that saves; ``saved``, by how many epochs are shorter.
    """

    tiles: dict[str, int] = field(default_factory=dict)
    waits: dict[tuple[str, str], int] = field(default_factory=dict)
    held_up: dict[str, int] = field(default_factory=dict)
    unworked: dict[str, int] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    epochs: int = 0
    empty: int = 0

    def values(self) -> dict[tuple[str, object], int]:
        """All counters under one key each."""
        found: dict[tuple[str, object], int] = {("epochs", ""): self.epochs, ("empty", ""): self.empty}
        found |= {("tiles", name): n for name, n in self.tiles.items()}
        found |= {("waits", key): n for key, n in self.waits.items()}
        found |= {("unworked", name): n for name, n in self.unworked.items()}
        found |= {("saved", name): n for name, n in self.saved.items()}
        return found | {("held_up", cause): n for cause, n in self.held_up.items()}

    def add(self, later: dict[tuple[str, object], int], times: int) -> None:
        """The counters' growth since ``later``, so many times over."""
        now = self.values()
        for (kind, key), value in now.items():
            more = (value - later.get((kind, key), 0)) * times
            if kind == "epochs":
                self.epochs += more
            elif kind == "empty":
                self.empty += more
            elif more:
                counters: dict[object, int] = getattr(self, kind)
                counters[key] = counters.get(key, 0) + more


@dataclass(frozen=True)
class _Entry:
    """What entered in an epoch: a tile (None: the epoch stayed empty) and whether it starts or ends its keys."""

    tile: Index | None
    queries: Index = ()
    first: bool = False
    last: bool = False
    number: int = 0
    """Which tile it is, counted up to the period of what some tiles skip."""


_NONE = _Entry(None)


@dataclass(frozen=True)
class _Seen:
    """A state met before: when, at which tile, counters then, and up to where iterations are alike."""

    time: int
    tile: Index
    counters: dict[tuple[str, object], int]
    memory: tuple[int, int, int, int]
    until: int


class Lockstep:
    """One run of a phase; `run` does it and returns when the last epoch's last turn ends."""

    def __init__(self, machine: Machine, plan: LockstepPlan, begin: int, recorder: Recorder | None = None) -> None:
        self.machine, self.plan, self.recorder = machine, plan, recorder
        self.bus: Bus = plan.bus
        self.ports: Ports | None = plan.bus.ports
        self.tally = Tally()
        self.now = begin
        self.done = begin
        self.bus.free = begin
        if self.ports is not None:
            self.ports.start(begin)
        self.live = 0
        self.most_live = 0
        depth = max(plan.epoch.last, plan.lag_of_finals, plan.epoch.flight) + 1
        self.window: deque[_Entry] = deque([_NONE] * depth, maxlen=depth)
        self.seen: list[dict[tuple[object, ...], _Seen]] = [{} for _ in plan.space.axes]
        self.looks = [0] * len(self.seen)
        self.period = period_of(plan.shares.values())
        self.number = 0
        self.skips: list[tuple[int, int]] = []

    def run(self) -> int:
        """Execute all tiles."""
        space = self.plan.space
        tile = space.first()
        before: Index | None = None
        while tile is not None:
            entry = self._entry(tile)
            if self._too_early(entry):
                self.tally.empty += 1
                self._epoch(_NONE)
                continue
            tile = self._skip(tile, before)
            if before is None or tile != entry.tile:
                entry = self._entry(tile)
            self._epoch(entry)
            self.number = (self.number + 1) % self.period
            before, tile = tile, space.next(tile)
        for _ in range(max(self.plan.epoch.last, self.plan.lag_of_finals)):
            self._epoch(_NONE)
        return max(self.done, self.bus.finish())

    def _entry(self, tile: Index) -> _Entry:
        first, last = self.plan.space.ends(tile)
        return _Entry(tile, tuple(tile[i] for i in self.plan.query_axes), first, last, self.number)

    def _too_early(self, entry: _Entry) -> bool:
        """Whether a running tensor of the same queries would not be there in time."""
        if entry.first:
            return False
        near = self.plan.epoch.flight - 1
        return any(other.tile is not None and other.queries == entry.queries for other in self._latest(near))

    def _latest(self, number: int) -> Iterable[_Entry]:
        return (self.window[-1 - i] for i in range(min(number, len(self.window))))

    def _epoch(self, entering: _Entry) -> None:
        plan, window = self.plan, self.window
        window.append(entering)
        finals = window[-1 - plan.lag_of_finals].last
        template = self._template(finals) if plan.shares else plan.with_finals if finals else plan.epoch.template
        start = self._start(template)
        self._commit(template, start, finals)
        if window[-1 - plan.lag_of_running].first:
            self.live += 1
            self.most_live = max(self.most_live, self.live)
        if self.recorder is not None:
            for tensor, words in plan.live_words.items():
                self.recorder.level(self.now, self.machine.measured.next, tensor, self.live * words)
        if finals:
            self.live -= 1
        self.tally.epochs += 1
        self.now = start + template.length

    def _template(self, finals: bool) -> Template:
        """The epoch, the tiles that Einsums work on in it skipping what they do."""
        plan, tally = self.plan, self.tally
        entries = {name: self.window[-1 - plan.lags[name]] for name in plan.shares}
        skipping = frozenset(
            n for n, e in entries.items() if e.tile is not None and not runs_at(plan.shares[n], e.number)
        )
        full, found = plan.template(finals, frozenset()), plan.template(finals, skipping)
        for name in skipping:
            less = full.slots[name].end - full.slots[name].start - found.slots[name].end + found.slots[name].start
            tally.unworked[name] = tally.unworked.get(name, 0) + less
        tally.saved["epochs"] = tally.saved.get("epochs", 0) + full.length - found.length
        return found

    def _start(self, template: Template) -> int:
        """When the epoch can start: everything that comes from memory is there, and there is room for what goes."""
        start = self.now
        self.bus.advance(start)
        for feed, lag in self.plan.feeds:
            tile = self.window[-1 - lag].tile
            if tile is not None and feed.einsum in template.slots:
                start = max(start, self.bus.obtain(feed.fetch, tile) - template.slots[feed.einsum].start)
        self._hold_up("memory", start - self.now)
        begin = start
        for sink, lag in self.plan.sinks:
            if self.window[-1 - lag].tile is not None and sink.einsum in template.slots:
                start = max(start, self.bus.room(sink.store) - template.slots[sink.einsum].start)
        self._hold_up("results to memory", start - begin)
        begin = start
        if self.ports is not None:
            start = max(start, self.ports.free - self.ports.slack)
        self._hold_up("buffer ports", start - begin)
        return start

    def _hold_up(self, cause: str, time: int) -> None:
        if time > 0:
            self.tally.held_up[cause] = self.tally.held_up.get(cause, 0) + time

    def _commit(self, template: Template, start: int, finals: bool) -> None:
        plan, window, tally = self.plan, self.window, self.tally
        rows = 0.0
        for name, slot in template.slots.items():
            entry = window[-1 - plan.lags[name]]
            if entry.tile is None:
                continue
            tally.tiles[name] = tally.tiles.get(name, 0) + 1
            end = start + slot.end
            if end > self.done:
                self.done = end
            rows += plan.rows[name]
            if self.recorder is not None:
                self._record(slot, start, entry)
        for feed, lag in plan.feeds:
            tile = window[-1 - lag].tile
            if tile is not None and feed.einsum in template.slots:
                feed.fetch.boxes[0].used = start + template.slots[feed.einsum].end
        for sink, lag in plan.sinks:
            tile = window[-1 - lag].tile
            if tile is not None and sink.einsum in template.slots:
                ready = start + template.slots[sink.einsum].end
                sink.store.waiting.append((ready, sink.words(tile), _RESULTS))
        if self.ports is not None and rows:
            self.ports.serve(start, rows)
        for array, causes in template.waits.items():
            for cause, time in causes.items():
                tally.waits[array, cause] = tally.waits.get((array, cause), 0) + time

    def _record(self, slot: Slot, start: int, entry: _Entry) -> None:
        """Note a turn, what it used, and the way of its result to another array."""
        recorder, name = self.recorder, slot.einsum
        assert recorder is not None and entry.tile is not None
        used: list[tuple[object, str]] = [
            ((flow.writer, entry.queries if flow.running else entry.tile, flow.running), flow.tensor)
            for flow in self.plan.flows_to.get(name, ())
        ]
        for feed, _ in self.plan.feeds:
            if feed.einsum == name:
                used.append(((feed.fetch.tensor, feed.fetch.key(entry.tile)), feed.fetch.tensor))
        recorder.use(used)
        number = recorder.span(
            slot.array, name, start + slot.start, start + slot.end, entry.tile, (name, entry.tile, False)
        )
        recorder.again((name, entry.queries, True), number)
        for link, first, last in self.plan.links.get(name, ()):
            recorder.span(link, name, start + first, start + last, entry.tile)

    # -------------------------------------------------------------------------------- the steady state

    def _skip(self, tile: Index, before: Index | None) -> Index:
        """Look the state up; where it was met one or more iterations ago, go on by as many of these as are alike."""
        if before is None:
            return tile
        axis = next(i for i, (a, b) in enumerate(zip(tile, before, strict=True)) if a != b)
        for deeper in range(axis + 1, len(self.seen)):
            self.seen[deeper].clear()
            self.looks[deeper] = 0
        self.looks[axis] += 1
        if not worth_a_look(self.looks[axis]):
            return tile
        known = self.seen[axis]
        prefix = tile[: axis + 1]
        until = max((s.until for s in list(known.values())[-1:]), default=0)
        until = until if until > tile[axis] else self.plan.space.regular_until(prefix)
        self.bus.advance(self.now)  # what can start by now has: the channel's backlog is in the state
        key = self._state(tile)
        found = known.get(key)
        if found is None or found.until <= tile[axis]:
            known[key] = _Seen(self.now, tile, self.tally.values(), self._memory(), until)
            return tile
        step = tile[axis] - found.tile[axis]
        times = (until - 1 - self._lead(tile, axis)) // step
        if times <= 0:
            return tile
        self._go_on(found, tile, axis, step, times)
        known.clear()
        return (*tile[:axis], tile[axis] + step * times, *tile[axis + 1 :])

    def _state(self, tile: Index) -> tuple[object, ...]:
        window = tuple(
            (None if e.tile is None else tuple(a - b for a, b in zip(e.tile, tile, strict=True)), e.first, e.last)
            for e in self.window
        )
        ports = self.ports.state(self.now) if self.ports is not None else 0
        ends = self.plan.space.ends(tile)
        late = max(self.done - self.now, 0)
        return (self.number, window, ends, ports, late, self.live, self.bus.state(self.now, tile))

    def _memory(self) -> tuple[int, int, int, int]:
        busy = self.ports.busy if self.ports is not None else 0
        return self.bus.busy, self.bus.read_words, self.bus.written_words, busy

    def _lead(self, tile: Index, axis: int) -> int:
        """The furthest iteration of an axis that anything in flight has reached."""
        lead = tile[axis]
        for feed, _ in self.plan.feeds:
            for prefix in feed.fetch.positions():
                if len(prefix) > axis:
                    if prefix[:axis] != tile[:axis]:
                        return 1 << 62
                    lead = max(lead, prefix[axis])
        return lead

    def _go_on(self, found: _Seen, tile: Index, axis: int, step: int, times: int) -> None:
        time = (self.now - found.time) * times
        self.skips.append((self.now, self.now + time))
        if self.recorder is not None:
            self.recorder.passed(self.now, self.now + time)
        self.tally.add(found.counters, times)
        bus, ports = self.bus, self.ports
        now = self._memory()
        bus.busy += (now[0] - found.memory[0]) * times
        bus.read_words += (now[1] - found.memory[1]) * times
        bus.written_words += (now[2] - found.memory[2]) * times
        if ports is not None:
            ports.busy += (now[3] - found.memory[3]) * times
            ports.shift(time)
        bus.shift(time, axis, step * times)
        self.now += time
        self.done += time
        moved = [self._moved(entry, axis, step * times) for entry in self.window]
        self.window.clear()
        self.window.extend(moved)

    def _moved(self, entry: _Entry, axis: int, steps: int) -> _Entry:
        if entry.tile is None:
            return entry
        tile = (*entry.tile[:axis], entry.tile[axis] + steps, *entry.tile[axis + 1 :])
        return _Entry(tile, tuple(tile[i] for i in self.plan.query_axes), entry.first, entry.last, entry.number)


def worth_a_look(number: int) -> bool:
    """Whether to compare states at the ``number``-th iteration of a loop: at bursts of them, ever further apart.

    A burst finds periods up to its length; a steady state that begins after k iterations is met within 3/2 k.
    """
    if number < 2 * _BURST:
        return True
    octave = 1 << (number.bit_length() - 1)
    return number - octave < _BURST or 0 <= number - octave - octave // 2 < _BURST


_BURST = 12
