"""A phase of one step, executed: every array takes whichever of its tiles can start first.

Of several that can, the one with the earliest turn (`Free._give_turns`). Transfers go on beside the arrays. The
steady state is found as in `lockstep`: a state met before, translated along one loop, goes on the same way.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from fusemax.base.errors import UsageError
from fusemax.simulate.memory import Bus
from fusemax.simulate.place import KEPT, Place
from fusemax.simulate.space import Index
from fusemax.simulate.steady import Steady
from fusemax.simulate.task import Task
from fusemax.simulate.trace import Recorder

__all__ = ["Free"]


@dataclass
class _Array:
    free: int
    tasks: list[Task] = field(default_factory=list)


@dataclass(frozen=True)
class _Ready:
    """When a task's next tile could start, and which bound is the latest."""

    time: int
    cause: str

    def later(self, time: int) -> _Ready:
        """The same so many ticks later."""
        return _Ready(self.time + time, self.cause)


class Free:
    """One run of a phase."""

    def __init__(
        self, name: str, tasks: list[Task], places: list[Place], bus: Bus, begin: int, recorder: Recorder | None = None
    ) -> None:
        self.name, self.tasks, self.places, self.bus, self.recorder = name, tasks, places, bus, recorder
        self.begin = begin
        self.memory = bus.ports.name if bus.ports is not None else "buffer"
        bus.free = begin
        if bus.ports is not None:
            bus.ports.start(begin)
        self.arrays: dict[str, _Array] = {}
        for task in tasks:
            task.at = task.space.first()
            task.code = task.encode(task.at) if task.at is not None else task.end_code
            self.arrays.setdefault(task.array, _Array(begin)).tasks.append(task)
        work = {name: _work(array.tasks) for name, array in self.arrays.items()}
        self.first = max(work, key=lambda name: work[name])
        """The array with most work, whose accesses of the buffer go first."""
        self.counters: dict[object, int] = {}
        self.ready: dict[int, _Ready] = {}
        self.ends: dict[str, int] = dict.fromkeys(self.arrays, begin)
        self.delays = [
            max((need.delay for other in tasks for need in other.needs if need.writer == task.number), default=0)
            for task in tasks
        ]
        self._give_turns()
        self.steady = Steady(self)

    def run(self) -> int:
        """Execute all tiles; when the last array is done."""
        while True:
            chosen = self._choose()
            if self.bus.step(chosen[0] if chosen is not None else None):
                continue
            if chosen is None:
                break
            start, task = chosen
            if task is self.steady.leader and self.steady.skip(start):
                continue
            self._execute(task, start)
        left = [task.name for task in self.tasks if task.at is not None]
        if left:
            raise UsageError(
                f"phase {self.name or 'run'} cannot go on: {', '.join(left)} wait for one another or for room"
            )
        return max(self.ends.values())

    def _give_turns(self) -> None:
        """Say in which order arrays take tiles that can start at once, and the channel what it moves.

        An Einsum is as many blocks behind as its tiles went from array to array, so that arrays work side by side; of
        fewer blocks than that, less. What the array with most work needs is moved a block sooner, and a result has to
        be gone when its place is needed.
        """
        whole = math.lcm(*(task.end_code for task in self.tasks))
        block = 0
        for task in self.tasks:
            if task.at is None:
                continue
            for need in task.needs:
                writer, code = self.tasks[need.writer], need.code(task.at)
                if writer.array != task.array and code is not None:
                    block = max(block, (code + 1) * (whole // writer.end_code))
        block = min(block, (whole - block) // max(1, *(task.stage for task in self.tasks)))
        for task in self.tasks:
            task.turns, task.late = whole // task.end_code, task.stage * block
            task.sooner = block if task.array == self.first else 0
            for store, _ in task.sinks:
                store.late = min(block or whole, store.places * task.turns)
            for fetch in task.feeds:
                fetch.turn_of = task.turn
                fetch.grown()

    # ------------------------------------------------------------------------------------------- choice

    def _choose(self) -> tuple[int, Task] | None:
        best: tuple[int, int, int] | None = None
        chosen: Task | None = None
        for array in self.arrays.values():
            for task in array.tasks:
                if task.at is None:
                    continue
                ready = self.ready.get(task.number)
                if ready is None:
                    if task.waits_for is not None and task.waits_for():
                        continue
                    task.waits_for = None
                    ready = self._look(task)
                    if ready is None:
                        continue
                key = (max(ready.time, array.free), task.code * task.turns + task.late, task.number)
                if best is None or key < best:
                    best, chosen = key, task
        return (best[0], chosen) if best is not None and chosen is not None else None

    def _look(self, task: Task) -> _Ready | None:
        """When a task's next tile has all it needs; None as long as that is not known."""
        index = task.at
        assert index is not None
        latest, cause = self.begin, ""
        codes = task.codes_needed
        if codes is None:
            codes = task.codes_needed = [need.code(index) for need in task.needs]
        for need, code in zip(task.needs, codes, strict=True):
            if code is None:
                continue
            writer = self.tasks[need.writer]
            if writer.code <= code:
                task.waits_for = _behind(writer, code)
                return None
            at = bisect_right(writer.codes, code) - 1
            if at >= 0:
                end = writer.ends[at]
                if need.streamed:
                    end = max(writer.starts[at], end - task.length(index))
                if end + need.delay > latest:
                    latest = end + need.delay
                    cause = "the other array" if writer.array != task.array else "its own results"
        for place, taking in task.takes:
            words, _ = taking(index)
            if words:
                free = place.free_at(words, self.begin)
                if free is None:
                    task.waits_for = _unchanged(place)
                    return None
                if free > latest:
                    latest, cause = free, "room in the buffer"
        for fetch in task.feeds:
            box = fetch.find(index)
            if box is None:
                return None
            if box.there > latest:
                latest, cause = box.there, "memory"
        for store, _ in task.sinks:
            if len(store.waiting) >= store.places:
                return None
            room = self.bus.room(store)
            if room > latest:
                latest, cause = room, "results to memory"
        found = self.ready[task.number] = _Ready(latest, cause)
        return found

    # ---------------------------------------------------------------------------------------- execution

    def _execute(self, task: Task, start: int) -> None:
        index = task.at
        assert index is not None
        array = self.arrays[task.array]
        cause = self.ready.pop(task.number).cause
        duration = task.length(index)
        task.done()
        end = start + duration
        if self.bus.ports is not None and task.rows:
            end = max(end, self.bus.ports.serve(start, task.rows * duration, task.array == self.first))
        self.count(("tiles", task.name), 1)
        self.count(("busy", task.array, task.name), duration)
        self.count(("stall", task.array, cause), start - array.free)
        self.count(("stall", task.array, "buffer ports"), end - start - duration)
        if self.recorder is not None:
            self._record(self.recorder, task, start, end, index)
        array.free = end
        self.ends[task.array] = end
        task.codes.append(task.code)
        task.starts.append(start)
        task.ends.append(end)
        if len(task.codes) > 2 * KEPT:
            del task.codes[:KEPT], task.starts[:KEPT], task.ends[:KEPT]
        for fetch in task.feeds:
            fetch.boxes[0].used = end
        for store, words in task.sinks:
            number = words(index)
            if number:
                store.waiting.append((end, number, task.turn(index) + store.late))
        for place, taking in task.takes:
            place.take(*taking(index))
            self._note(place, start)
        task.codes_needed = task.waits_for = None
        task.at = task.space.next(index)
        task.code = task.encode(task.at) if task.at is not None else task.end_code
        for place in self.places:
            if place.reader == task.number:
                place.leave(task.code, end)
                self._note(place, end)

    def _record(self, recorder: Recorder, task: Task, start: int, end: int, index: Index) -> None:
        """Note a tile and what it used."""
        used: list[tuple[object, str]] = []
        for need, code in zip(task.needs, task.codes_needed or (), strict=False):
            writer = self.tasks[need.writer]
            at = bisect_right(writer.codes, code) - 1 if code is not None else -1
            if at >= 0:
                used.append(((writer.name, writer.codes[at]), need.tensor))
        used += [((fetch.tensor, fetch.key(index)), fetch.tensor) for fetch in task.feeds]
        recorder.use(used)
        recorder.span(task.array, task.name, start, end, index, (task.name, task.code))

    def count(self, key: object, number: int) -> None:
        """Add to a counter."""
        if number:
            self.counters[key] = self.counters.get(key, 0) + number

    def _note(self, place: Place, time: int) -> None:
        if self.recorder is not None:
            self.recorder.level(time, self.memory, place.tensor, place.held)

    def most_delay(self, task: Task) -> int:
        """The longest that a result of a task takes to another."""
        return self.delays[task.number]


def _behind(writer: Task, code: int) -> Callable[[], bool]:
    return lambda: writer.code <= code


def _unchanged(place: Place) -> Callable[[], bool]:
    version = place.version
    return lambda: place.version == version


def _work(tasks: list[Task]) -> int:
    """About how long some tasks take: all tiles as long as the first."""
    return sum(task.duration(task.at) * task.space.num_tiles for task in tasks if task.at is not None)
