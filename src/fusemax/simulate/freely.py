"""A phase of one step, executed: every array takes whichever of its tiles can start first.

Of several that can, the oldest, and of those the first in the schedule's order. Transfers go on beside the arrays. The
steady state is found as in `lockstep`: a state met before, translated along one loop, goes on the same way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fusemax.base.errors import UsageError
from fusemax.simulate.lockstep import worth_a_look
from fusemax.simulate.memory import Bus
from fusemax.simulate.space import Axis, Index
from fusemax.simulate.tasks import Place, Task
from fusemax.simulate.trace import Recorder

__all__ = ["Free"]

State = tuple[object, ...]
KEPT = 4096  # records of finished tiles before old ones are dropped


@dataclass
class _Array:
    free: int
    tasks: list[Task] = field(default_factory=list)


@dataclass(frozen=True)
class _Seen:
    time: int
    index: Index
    counters: dict[object, int]
    until: int


@dataclass(frozen=True)
class _Ready:
    """When a task's next tile could start, and which bound is the latest."""

    time: int
    cause: str


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
        self.inside = {"P": _units_inside(tasks, "M"), "M": _units_inside(tasks, "P")}
        """By rank of an axis, units of the other rank of scores that tasks have inside their tiles."""
        self.counters: dict[object, int] = {}
        self.ready: dict[int, _Ready] = {}
        self.ends: dict[str, int] = dict.fromkeys(self.arrays, begin)
        self.leader = min(tasks, key=lambda t: (-len(t.space.axes), t.space.num_tiles, t.number))
        self.seen: list[dict[State, _Seen]] = [{} for _ in self.leader.space.axes]
        self.looks = [0] * len(self.seen)
        self.before: Index | None = None
        self.skips: list[tuple[int, int]] = []

    def run(self) -> int:
        """Execute all tiles; when the last array is done."""
        while True:
            chosen = self._choose()
            transfer = self.bus.peek()
            if chosen is None and transfer is None:
                break
            if chosen is None or (transfer is not None and transfer < chosen[0]):
                self.bus.step()
                continue
            start, task = chosen
            if task is self.leader and self._skip(start):
                continue
            self._execute(task, start)
        left = [task.name for task in self.tasks if task.at is not None]
        if left:
            raise UsageError(
                f"phase {self.name or 'run'} cannot go on: {', '.join(left)} wait for one another or for room"
            )
        return max(self.ends.values())

    # ------------------------------------------------------------------------------------------- choice

    def _choose(self) -> tuple[int, Task] | None:
        best: tuple[int, Index, int] | None = None
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
                key = (max(ready.time, array.free), task.at, task.number)
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
                    end = max(writer.starts[at], end - task.duration(index))
                if end + need.delay > latest:
                    latest = end + need.delay
                    cause = "the other array" if writer.array != task.array else "its own results"
        for place, taking in task.takes:
            words, _ = taking(index)
            if words:
                free = self._room(place, words)
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

    def _room(self, place: Place, words: float) -> int | None:
        """When so many words more find room; a tile larger than the room takes it all."""
        there = place.taken - place.left
        if there + words <= place.limit or there <= 0:
            limit = place.limit if words <= place.limit else 0.0
            need = place.taken + words - max(limit, words)
            at = bisect_left(place.ends, need, key=lambda e: e[1])
            return place.ends[at][0] if at < len(place.ends) and need > 0 else self.begin
        return None

    # ---------------------------------------------------------------------------------------- execution

    def _execute(self, task: Task, start: int) -> None:
        index = task.at
        assert index is not None
        array = self.arrays[task.array]
        cause = self.ready.pop(task.number).cause
        duration = task.duration(index)
        end = start + duration
        if self.bus.ports is not None and task.rows:
            end = max(end, self.bus.ports.serve(start, task.rows * duration, task.array == self.first))
        self._count(("tiles", task.name), 1)
        self._count(("busy", task.array, task.name), duration)
        self._count(("stall", task.array, cause), start - array.free)
        self._count(("stall", task.array, "buffer ports"), end - start - duration)
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
                store.waiting.append((end, number))
        for place, taking in task.takes:
            self._take(place, *taking(index))
            self._note(place, start)
        task.codes_needed = task.waits_for = None
        task.at = task.space.next(index)
        task.code = task.encode(task.at) if task.at is not None else task.end_code
        for place in self.places:
            if place.reader == task.number:
                self._leave(place, task.code, end)
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

    def _count(self, key: object, number: int) -> None:
        if number:
            self.counters[key] = self.counters.get(key, 0) + number

    def _take(self, place: Place, words: float, code: int) -> None:
        if not words:
            return
        place.taken += words
        place.peak = max(place.peak, min(place.taken - place.left, place.limit))
        latest = place.items[-1] if place.items else None
        if latest is not None and latest[1] == 1 and latest[0] == code:
            latest[2] += words
        elif latest is not None and latest[0] + latest[1] == code and latest[2] == words:
            latest[1] += 1
        else:
            place.items.append([code, 1, words])

    def _note(self, place: Place, time: int) -> None:
        if self.recorder is not None:
            self.recorder.level(time, self.memory, place.tensor, min(place.taken - place.left, place.limit))

    def _leave(self, place: Place, code: int, end: int) -> None:
        before = place.left
        while place.items and place.items[0][0] < code:
            item = place.items[0]
            number = min(item[1], code - item[0])
            place.left += number * item[2]
            item[0] += number
            item[1] -= number
            if not item[1]:
                place.items.popleft()
        if place.left != before:
            place.version += 1
            place.ends.append((end, place.left))
            if len(place.ends) > KEPT:
                del place.ends[: KEPT // 2]

    # -------------------------------------------------------------------------------- the steady state

    def _skip(self, start: int) -> bool:
        """As in `lockstep`, at the first tile of an iteration of the task with the fewest tiles."""
        leader, before = self.leader, self.before
        index = leader.at
        assert index is not None
        self.before = index
        if before is None or before == index:
            return False
        axis = next(i for i, (a, b) in enumerate(zip(index, before, strict=True)) if a != b)
        for deeper in range(axis + 1, len(self.seen)):
            self.seen[deeper].clear()
            self.looks[deeper] = 0
        self.looks[axis] += 1
        if not worth_a_look(self.looks[axis]):
            return False
        known = self.seen[axis]
        until = max((s.until for s in list(known.values())[-1:]), default=0)
        until = until if until > index[axis] else self._regular_until(index[: axis + 1])
        key = self._state(start)
        found = known.get(key)
        if found is None or found.until <= index[axis]:
            known[key] = _Seen(start, index, self._counted(), until)
            return False
        step = index[axis] - found.index[axis]
        times = self._times(index, axis, step, until)
        if times <= 0:
            return False
        self._go_on(found, start, axis, step, times)
        known.clear()
        return True

    def _regular_until(self, prefix: Index) -> int:
        """Alike for the leader, and under a mask for what lies inside the tiles of all tasks too."""
        space, axis = self.leader.space, self.leader.space.axes[len(prefix) - 1]
        until = space.regular_until(prefix)
        if space.mask is None or axis.root not in ("P", "M") or not self.inside[axis.root]:
            return until
        base, _ = space.interval(prefix[:-1], axis.root)
        here = self._extent(axis, base + prefix[-1] * axis.unit)
        low, high = prefix[-1] + 1, until
        while low < high:
            middle = (low + high) // 2
            if self._extent(axis, base + middle * axis.unit) == here:
                low = middle + 1
            else:
                high = middle
        return low

    def _extent(self, axis: Axis, start: int) -> tuple[int, ...]:
        """Units inside the tiles of tasks that rows (or keys) from a coordinate on meet; both ends only grow."""
        mask = self.leader.space.mask
        assert mask is not None
        end = min(start + axis.unit, self.leader.space.sizes[axis.root]) - 1
        of = mask.keys_of if axis.root == "P" else mask.rows_of
        (low, high), (other_low, other_high) = of(start, start), of(end, end)
        found = []
        for unit in self.inside[axis.root]:
            found += [low // unit, -(-high // unit), other_low // unit, -(-other_high // unit)]
        return tuple(found)

    def _where(self, task: Task) -> tuple[tuple[str, int], ...] | None:
        """The first coordinates of a task's next tile."""
        if task.at is None:
            return None
        return tuple((root, task.space.interval(task.at, root)[0]) for root in _roots(task))

    def _state(self, now: int) -> State:
        leader = self.leader
        assert leader.at is not None
        origin = dict(self._where(leader) or ())
        parts: list[object] = [tuple(max(a.free - now, 0) for a in self.arrays.values())]
        for task in self.tasks:
            place = self._where(task)
            parts.append(place and tuple((root, low - origin.get(root, 0)) for root, low in place))
            at = bisect_right(task.ends, now)
            while at > 0 and at > len(task.ends) - 64 and task.ends[at - 1] + _most_delay(self, task) > now:
                at -= 1
            parts.append(
                tuple(
                    (task.code - c, s - now, e - now)
                    for c, s, e in zip(task.codes[at:], task.starts[at:], task.ends[at:], strict=True)
                )
            )
            ready = self.ready.get(task.number)
            parts.append(ready and (max(ready.time - now, 0)))
        for where in self.places:
            reader = self.tasks[where.reader]
            plain = reader.without_keys if where.running else int
            origin_code = plain(reader.code)
            items = tuple((plain(int(code)) - origin_code, number, words) for code, number, words in where.items)
            pending = tuple((t - now, words - where.left) for t, words in where.ends if t > now)
            parts.append((where.taken - where.left, items, pending))
        ports = self.bus.ports
        parts.append(ports.state(now) if ports is not None else 0)
        for task in self.tasks:
            at_index = task.at if task.at is not None else (0,) * len(task.space.axes)
            parts.extend(fetch.state(now, at_index) for fetch in task.feeds)
        parts.append(self.bus.state_of_stores(now))
        return tuple(parts)

    def _counted(self) -> dict[object, int]:
        bus, ports = self.bus, self.bus.ports
        own: dict[object, int] = {"bus": bus.busy, "read": bus.read_words, "written": bus.written_words}
        own["ports"] = ports.busy if ports is not None else 0
        return {**self.counters, **own}

    def _times(self, index: Index, axis: int, step: int, until: int) -> int:
        """How often the period fits before anything in flight reaches the end of what is alike."""
        loop = self.leader.space.axes[axis]
        times = (until - 1 - index[axis]) // step
        for task in self.tasks:
            for position in [task.at, *(p for f in task.feeds for p in f.positions())]:
                if position is None:
                    return 0
                if any(x.root == loop.root for x in task.space.axes[: len(position)]):
                    times = min(times, self._left(task, position, index, axis) // (step * loop.unit))
        return times

    def _left(self, task: Task, position: Index, index: Index, axis: int) -> int:
        """Coordinates that a position can go on along an axis of the leader before it leaves what is alike."""
        space, loop = self.leader.space, self.leader.space.axes[axis]
        low, _ = task.space.interval(position, loop.root)
        base, end = space.interval(index[:axis], loop.root)
        block = next((x.unit for x in reversed(space.axes[:axis]) if x.root == loop.root), space.sizes[loop.root])
        if not base <= low < end:  # in another iteration of an outer loop over the same rank
            base = low // block * block
            end = min(base + block, space.sizes[loop.root])
        elif space.mask is not None and loop.root in ("P", "M") and not self._together(task, position, index, axis):
            return 0
        else:
            end = min(end, base + self._seen_until(index, axis) * loop.unit)
        return end - loop.unit - low

    def _seen_until(self, index: Index, axis: int) -> int:
        known = list(self.seen[axis].values())
        return known[-1].until if known else index[axis]

    def _together(self, task: Task, position: Index, index: Index, axis: int) -> bool:
        """Whether a position lies in the same iteration of the loops outside an axis as the leader."""
        for outer in range(axis):
            loop = self.leader.space.axes[outer]
            if all(x.root != loop.root for x in task.space.axes[: len(position)]):
                continue
            own, _ = task.space.interval(position, loop.root)
            low, high = self.leader.space.interval(index[: outer + 1], loop.root)
            if not low <= own < high:
                return False
        return True

    def _go_on(self, found: _Seen, now: int, axis: int, step: int, times: int) -> None:
        time = (now - found.time) * times
        self.skips.append((now, now + time))
        if self.recorder is not None:
            self.recorder.passed(now, now + time)
        root, unit = self.leader.space.axes[axis].root, self.leader.space.axes[axis].unit
        for key, value in self._counted().items():
            more = (value - found.counters.get(key, 0)) * times
            if key == "bus":
                self.bus.busy += more
            elif key == "read":
                self.bus.read_words += more
            elif key == "written":
                self.bus.written_words += more
            elif key == "ports":
                if self.bus.ports is not None:
                    self.bus.ports.busy += more
            else:
                self._count(key, more)
        for array in self.arrays.values():
            array.free += time
        self.ends = {name: end + time for name, end in self.ends.items()}
        self.ready = {n: _Ready(r.time + time, r.cause) for n, r in self.ready.items()}
        if self.bus.ports is not None:
            self.bus.ports.shift(time)
        moves = {task.number: self._move(task, root, step * times * unit) for task in self.tasks}
        for where in self.places:
            more_codes = 0 if where.running and root == "M" else moves[where.reader]
            where.items = deque([code + more_codes, number, words] for code, number, words in where.items)
            where.ends = [(t + time, words) for t, words in where.ends]
        for task in self.tasks:
            self._forget(task)
            task.codes = [c + moves[task.number] for c in task.codes]
            task.starts = [t + time for t in task.starts]
            task.ends = [t + time for t in task.ends]
            own = _axis_for(task, root, step * times * unit)
            for fetch in task.feeds:
                fetch.shift(time, *own)
        self.bus.shift_stores(time)
        self.before = self.leader.at

    def _forget(self, task: Task) -> None:
        """Drop records of tiles that nobody will ask for any more."""
        asked = [
            code
            for reader in self.tasks
            for need, code in zip(reader.needs, self._needed(reader), strict=False)
            if need.writer == task.number and code is not None
        ]
        gone = bisect_right(task.codes, min(asked)) - 1 if asked else len(task.codes) - 1
        if gone > 0:
            del task.codes[:gone], task.starts[:gone], task.ends[:gone]

    def _needed(self, task: Task) -> list[int | None]:
        if task.at is None:
            return []
        if task.codes_needed is None:
            task.codes_needed = [need.code(task.at) for need in task.needs]
        return task.codes_needed

    def _move(self, task: Task, root: str, coordinates: int) -> int:
        """A task's next tile so many coordinates further; by how much its code grew."""
        axis, steps = _axis_for(task, root, coordinates)
        if task.at is None or axis >= len(task.at) or axis < 0:
            return 0
        before = task.code
        task.codes_needed = task.waits_for = None
        task.at = (*task.at[:axis], task.at[axis] + steps, *task.at[axis + 1 :])
        task.code = task.encode(task.at)
        return task.code - before


def _behind(writer: Task, code: int) -> Callable[[], bool]:
    return lambda: writer.code <= code


def _unchanged(place: Place) -> Callable[[], bool]:
    version = place.version
    return lambda: place.version == version


def _units_inside(tasks: list[Task], root: str) -> tuple[int, ...]:
    found = {
        unit
        for task in tasks
        if all(axis.root != root for axis in task.space.axes)
        for unit in task.units.get(root, ())
    }
    return tuple(sorted(found))


def _work(tasks: list[Task]) -> int:
    """About how long some tasks take: all tiles as long as the first."""
    return sum(task.duration(task.at) * task.space.num_tiles for task in tasks if task.at is not None)


def _roots(task: Task) -> list[str]:
    return list(dict.fromkeys(axis.root for axis in task.space.axes))


def _axis_for(task: Task, root: str, coordinates: int) -> tuple[int, int]:
    """The axis of a task along which it goes on when a rank's coordinates do, and by how many iterations."""
    best = (len(task.space.axes), 0)
    for i, axis in enumerate(task.space.axes):
        if axis.root == root and coordinates % axis.unit == 0:
            best = (i, coordinates // axis.unit)
            if best[1]:
                break
    return best


def _most_delay(run: Free, task: Task) -> int:
    return max((need.delay for other in run.tasks for need in other.needs if need.writer == task.number), default=0)
