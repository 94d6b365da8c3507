"""What feeds the arrays: the bus to the outermost memory, boxes of tensors in the buffer, the buffer's ports.

All times are ticks. A `Fetch` brings the boxes of one operand in the order in which tiles need them, each into a place
of the buffer that the box before last has left. The `Bus` moves what has the earliest turn: a box at a time, or a part
of one when something with an earlier turn can go. `Ports` serve accesses in the order of their arrival, all banks side
by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fusemax.simulate.space import Index, TileSpace

__all__ = ["BURST", "Bus", "Fetch", "Move", "Ports", "Store"]


@dataclass(frozen=True)
class Move:
    """A transfer that took place: what, when, how many words, and whether out of the memory (``read``) or into it."""

    tensor: str
    start: int
    end: int
    words: int
    read: bool
    key: object = None


@dataclass
class _Box:
    key: Index
    prefix: Index
    words: int
    there: int
    used: int = 0


class Fetch:
    """The boxes of one operand of one Einsum."""

    def __init__(
        self, tensor: str, space: TileSpace, relevant: tuple[int, ...], places: int, words: Callable[[Index], int]
    ) -> None:
        self.tensor = tensor
        self.space = space
        self.relevant = relevant
        self.depth = max(relevant, default=-1) + 1
        self.words = words
        self.places: list[int] = [0] * places
        self.boxes: deque[_Box] = deque()
        self.next: Index | None = space.first((), self.depth)
        self.left = self.words(self.next) if self.next is not None else 0
        self.held = 0
        self.peak = 0
        self.ported = True
        """Whether boxes stand in the buffer, and are written there through its ports."""
        self.written: Callable[[Index], int | None] | None = None
        """When the next box is in memory, for what others send there; None as long as that is not known."""
        self.turn_of: Callable[[Index], int] | None = None
        """The turn of a tile; what is for an earlier one goes first. None: in the order of the tiles."""
        self.turn = 0

    def grown(self) -> None:
        """Find the turn of what comes next."""
        if self.turn_of is not None and self.next is not None:
            index = self.space.first(self.next)
            assert index is not None
            self.turn = self.turn_of(index)

    def key(self, index: Index) -> Index:
        """The box that a tile needs."""
        return tuple(index[i] for i in self.relevant)

    def load(self, there: int) -> None:
        """The next box comes, into the place that was free first."""
        assert self.next is not None
        self.places.remove(min(self.places))
        box = _Box(self.key(self.next), self.next, self.words(self.next), there)
        self.boxes.append(box)
        self.held += box.words
        self.peak = max(self.peak, self.held)
        following = self.space.next(self.next)
        while following is not None and self.key(following) == box.key:
            following = self.space.next(following)
        self.next = following
        self.left = self.words(following) if following is not None else 0
        self.grown()

    @property
    def free(self) -> int | None:
        """When the next box could come; None when there is none, no place, or it is not in memory yet."""
        if self.next is None or not self.places:
            return None
        place = min(self.places)
        if self.written is None:
            return place
        there = self.written(self.next)
        return None if there is None else max(place, there)

    def find(self, index: Index) -> _Box | None:
        """The box a tile needs, those before it given up; None when it is not there yet."""
        key = self.key(index)
        if all(box.key != key for box in self.boxes):
            if self.boxes and self.boxes[-1].used:
                while self.boxes:
                    self._drop()
            return None
        while self.boxes[0].key != key:
            self._drop()
        return self.boxes[0]

    def _drop(self) -> None:
        box = self.boxes.popleft()
        self.held -= box.words
        self.places.append(box.used)

    def state(self, now: int, at: Index) -> tuple[object, ...]:
        """What the future depends on, relative to a time and a tile."""
        following = self.next and tuple(a - b for a, b in zip(self.next, at, strict=False))
        boxes = tuple(
            (tuple(a - b for a, b in zip(x.prefix, at, strict=False)), max(x.there - now, 0), x.used and x.used - now)
            for x in self.boxes  # a box is given up when the next is asked for, its place free since it was used
        )
        written = self.written(self.next) if self.written is not None and self.next is not None else 0
        ready = None if written is None else max(written - now, 0)
        return (following, self.left, boxes, ready, tuple(sorted(max(t - now, 0) for t in self.places)))

    def positions(self) -> list[Index]:
        """Prefixes of boxes there and to come."""
        return [*(box.prefix for box in self.boxes), *([self.next] if self.next is not None else [])]

    def shift(self, time: int, axis: int, steps: int) -> None:
        """Everything later by some ticks, and by some iterations of an axis where the operand depends on it."""

        def moved(prefix: Index) -> Index:
            return (*prefix[:axis], prefix[axis] + steps, *prefix[axis + 1 :]) if axis < len(prefix) else prefix

        self.places = [t + time for t in self.places]
        for box in self.boxes:
            box.prefix = moved(box.prefix)
            box.key = self.key(box.prefix)
            box.there += time
            box.used += time if box.used else 0
        if self.next is not None:
            self.next = moved(self.next)
            self.grown()


Rating = tuple[int, int, Index]
"""What is moved first: of the earliest turn, results before operands."""
BURST = 32
"""Words that are moved at least before something more urgent."""


@dataclass
class Store:
    """Results on their way out: at most ``places`` wait at once."""

    tensor: str
    places: int
    waiting: deque[tuple[int, int, int]] = field(default_factory=deque)
    """(ready, words, turn) of results not sent yet."""
    late: int = 0
    """How much later than its tile's a result's turn is."""
    sent: deque[int] = field(default_factory=deque)
    """Ends of the last transfers."""

    def holds(self, turn: int) -> bool:
        """Whether something of a turn, or an earlier one, is still to be sent."""
        return bool(self.waiting) and self.waiting[0][2] <= turn + self.late

    def shift(self, time: int, turns: int = 0) -> None:
        """All later, and for later turns."""
        self.waiting = deque((t + time, w, turn + turns) for t, w, turn in self.waiting)
        self.sent = deque(t + time for t in self.sent)


class Bus:
    """The channel to the outermost memory; reads and writes share its bandwidth."""

    def __init__(self, ticks_per_word: Callable[[int], int], ports: Ports | None) -> None:
        self.ticks = ticks_per_word
        self.ports = ports
        self.free = 0
        self.busy = 0
        self.read_words = 0
        self.written_words = 0
        self.fetches: list[Fetch] = []
        self.stores: list[Store] = []
        self.observe: Callable[[Move], None] | None = None
        self.changed: Callable[[int, Fetch], None] | None = None

    def advance(self, until: int) -> None:
        """Do every transfer that can start before a time."""
        while self.step(until):
            pass

    def obtain(self, fetch: Fetch, index: Index) -> int:
        """When the box a tile needs is there; transfers that can start earlier go first."""
        box = fetch.find(index)
        while box is None:
            if not self.step(None):
                raise AssertionError(f"{fetch.tensor} has no place to be loaded into")
            box = fetch.find(index)
        return box.there

    def room(self, store: Store) -> int:
        """When a store has room for another result."""
        while len(store.waiting) >= store.places:
            self.step(None)
        behind = store.places - len(store.waiting)
        return store.sent[-behind] if behind <= len(store.sent) else 0

    def finish(self) -> int:
        """Send everything that still waits; the end of the last transfer."""
        while any(store.waiting for store in self.stores):
            self.step(None, writes_only=True)
        return self.free

    def _wanted(self, writes_only: bool) -> list[tuple[int, Rating, Fetch | Store]]:
        """What could be moved: from when on, how urgent it is, and what."""
        found: list[tuple[int, Rating, Fetch | Store]] = []
        for store in self.stores:
            if store.waiting:
                ready, _, turn = store.waiting[0]
                found.append((ready, (turn, 1, ()), store))
        for fetch in () if writes_only else self.fetches:
            could = fetch.free
            if could is not None and fetch.next is not None:
                found.append((could, (fetch.turn, 0, fetch.next), fetch))
        return found

    def step(self, until: int | None, writes_only: bool = False) -> bool:
        """Move the most urgent of what can be moved next, until something more urgent can be or a time has come.

        False where nothing can be moved before that time.
        """
        wanted = self._wanted(writes_only)
        if not wanted:
            return False
        start = max(self.free, min(ready for ready, _, _ in wanted))
        if until is not None and start >= until:
            return False
        _, rating, chosen = min((w for w in wanted if w[0] <= start), key=lambda w: w[1])
        stop = min([ready for ready, other, _ in wanted if ready > start and other < rating], default=until)
        if stop is not None and until is not None:
            stop = min(stop, until)
        if isinstance(chosen, Store):
            self._write(chosen, start, stop)
        else:
            self._read(chosen, start, stop)
        return True

    def _part(self, left: int, start: int, stop: int | None) -> int:
        """Words that can be moved till a time, at least a burst."""
        if stop is None or start + self.ticks(left) <= stop:
            return left
        many = 1 << 20  # words, of which the time is not rounded to speak of
        return min(left, max(BURST, int((stop - start) / self.ticks(many) * many)))

    def _read(self, fetch: Fetch, start: int, stop: int | None) -> None:
        assert fetch.next is not None
        words = self._part(fetch.left, start, stop)
        fetch.left -= words
        key = (fetch.tensor, fetch.key(fetch.next)) if not fetch.left else None
        end = self._move(fetch.tensor, start, words, True, fetch.ported, key)
        self.read_words += words
        if not fetch.left:
            fetch.load(end)
            if self.changed is not None:
                self.changed(end, fetch)

    def _write(self, store: Store, start: int, stop: int | None) -> None:
        ready, left, turn = store.waiting.popleft()
        words = self._part(left, start, stop)
        end = self._move(store.tensor, start, words, False, False)
        self.written_words += words
        if words < left:
            store.waiting.appendleft((ready, left - words, turn))
            return
        store.sent.append(end)
        if len(store.sent) > store.places:
            store.sent.popleft()

    def _move(self, tensor: str, start: int, words: int, read: bool, ported: bool, key: object = None) -> int:
        length = self.ticks(words)
        self.free = start + length
        self.busy += length
        if self.ports is not None and ported:
            self.ports.serve(start, self.ports.rows(words))
        if self.observe is not None:
            self.observe(Move(tensor, start, self.free, words, read, key))
        return self.free

    def state(self, now: int, at: Index) -> tuple[object, ...]:
        """What the future depends on, relative to a time and a tile."""
        return (self.state_of_stores(now), tuple(f.state(now, at) for f in self.fetches))

    def state_of_stores(self, now: int) -> tuple[object, ...]:
        """The same without operands to come."""
        stores = tuple(
            (tuple((max(t - now, 0), w) for t, w, _ in s.waiting), tuple(max(t - now, 0) for t in s.sent))
            for s in self.stores
        )
        used = [box.used for fetch in self.fetches for box in fetch.boxes if box.used]
        return (max(self.free, min([now, *used])) - now, stores)

    def shift(self, time: int, axis: int, steps: int) -> None:
        """Everything later; see `Fetch.shift`."""
        self.free += time
        for store in self.stores:
            store.shift(time)
        for fetch in self.fetches:
            fetch.shift(time, axis, steps)


class Ports:
    """The accesses of a memory: rows spread evenly over its banks and ports, those of one array before all others.

    What is asked for may be served ``slack`` ticks late or early: words wait at the arrays' edges. `free`: when all
    that was asked for is served, `urgent`: when that of the first array is.
    """

    def __init__(self, name: str, ticks_per_row: float, words_per_row: float, slack: int = 0) -> None:
        self.name = name
        self.slack = slack
        self.ticks_per_row = ticks_per_row
        self.words_per_row = words_per_row
        self.free = 0
        self.urgent = 0
        self.busy = 0
        self.observe: Callable[[int, int], None] | None = None

    def start(self, time: int) -> None:
        """Idle from a time on."""
        self.free = self.urgent = time

    def shift(self, time: int) -> None:
        """Everything later."""
        self.free += time
        self.urgent += time

    def state(self, now: int) -> tuple[int, int]:
        """What the future depends on."""
        return max(self.free - now, 0), max(self.urgent - now, 0)

    def rows(self, words: float) -> float:
        """Rows that hold some words."""
        return words / self.words_per_row

    def serve(self, start: int, rows: float, first: bool = False) -> int:
        """The earliest that whoever asks for rows at a time can be done."""
        length = round(rows * self.ticks_per_row)
        begin = max(self.free, start)
        self.free = begin + length
        self.busy += length
        if self.observe is not None:
            self.observe(begin, self.free)
        if not first:
            return self.free - self.slack
        self.urgent = max(self.urgent, start) + length
        return self.urgent - self.slack
