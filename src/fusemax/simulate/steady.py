"""The steady state of a phase of one step, as in `lockstep`: a state met before goes on the same way.

States are compared at the first tile of an iteration of the leader, the task with the most loops and fewest tiles; two
are equal when everything the future depends on is, times relative to now and places relative to the leader's. A task
that waits for another to come far enough, and results that stand in the buffer till then, need not move along: they
are as they were, as long as the other is not there. The run then goes on by as many periods as are alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fusemax.simulate.lockstep import worth_a_look
from fusemax.simulate.space import Axis, Index
from fusemax.simulate.task import Task

if TYPE_CHECKING:
    from fusemax.simulate.freely import Free

__all__ = ["Steady"]

State = tuple[object, ...]


@dataclass(frozen=True)
class _Seen:
    time: int
    index: Index
    counters: dict[object, int]
    until: int


@dataclass(frozen=True)
class _Marks:
    """Numbers of the tasks' next tiles, and what stood in places of running tensors, at the last look."""

    codes: tuple[int, ...] = ()
    items: tuple[tuple[tuple[float, ...], ...], ...] = ()


@dataclass(frozen=True)
class _Still:
    """Numbers of tasks and of places that stand still while the leader goes on."""

    tasks: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()


class Steady:
    """Looks for a steady state of a run."""

    def __init__(self, run: Free) -> None:
        self.run = run
        tasks = run.tasks
        self.inside = {"P": _units_inside(tasks, "M"), "M": _units_inside(tasks, "P")}
        """By rank of an axis, units of the other rank of scores that tasks have inside their tiles."""
        self.leader = min(tasks, key=lambda t: (-len(t.space.axes), t.space.num_tiles, t.number))
        self.seen: list[dict[State, _Seen]] = [{} for _ in self.leader.space.axes]
        self.looks = [0] * len(self.seen)
        self.marks: list[_Marks] = [_Marks()] * len(self.seen)
        self.before: Index | None = None
        self.skips: list[tuple[int, int]] = []

    def skip(self, start: int) -> bool:
        """Go on by periods where the state before the leader's next tile, which could start now, was met before."""
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
            self.marks[deeper] = _Marks()
        self.looks[axis] += 1
        if not worth_a_look(self.looks[axis]):
            return False
        known = self.seen[axis]
        until = max((s.until for s in list(known.values())[-1:]), default=0)
        until = until if until > index[axis] else self._regular_until(index[: axis + 1])
        still = self._still(axis)
        key = self._state(start, still)
        found = known.get(key)
        if found is None or found.until <= index[axis]:
            known[key] = _Seen(start, index, self._counted(), until)
            return False
        step = index[axis] - found.index[axis]
        times = min(self._times(index, axis, step, until, still), self._until_awake(axis, step, still))
        if times <= 0:
            return False
        self._go_on(found, start, axis, step, times, still)
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

    def _still(self, axis: int) -> _Still:
        """What has not moved since the last look along an axis, and waits for what has not come yet."""
        before, run = self.marks[axis], self.run
        items = tuple(tuple(tuple(item) for item in place.items) if place.running else () for place in run.places)
        self.marks[axis] = _Marks(tuple(task.code for task in run.tasks), items)
        if not before.codes:
            return _Still()
        tasks = frozenset(
            t.number
            for t in run.tasks
            if t.at is not None and t.code == before.codes[t.number] and any(self._distances(t))
        )
        places = frozenset(
            i
            for i, place in enumerate(run.places)
            if items[i] and items[i] == before.items[i] and run.tasks[place.reader].code <= place.items[0][0]
        )
        return _Still(tasks, places)

    def _distances(self, task: Task) -> list[tuple[Task, int]]:
        """Writers that a task waits for, and how far they may still go while it waits."""
        needed = zip(task.needs, self._needed(task), strict=True)
        found = [(self.run.tasks[need.writer], code) for need, code in needed if code is not None]
        return [(writer, code - writer.code) for writer, code in found if writer.code <= code]

    def _until_awake(self, axis: int, step: int, still: _Still) -> int:
        """How often the period fits before something that stands still could move."""
        times = 1 << 62
        for number in still.tasks:
            left = [
                distance // each if (each := self._advance(writer, axis, step, still)) else 1 << 62
                for writer, distance in self._distances(self.run.tasks[number])
            ]
            times = min(times, max(left))
        for i in still.places:
            place = self.run.places[i]
            reader = self.run.tasks[place.reader]
            each = self._advance(reader, axis, step, still)
            times = min(times, (int(place.items[0][0]) - reader.code) // each if each else times)
        return times

    def _advance(self, task: Task, axis: int, step: int, still: _Still) -> int:
        """By how much a task's number grows in one period."""
        if task.number in still.tasks:
            return 0
        loop = self.leader.space.axes[axis]
        own, steps = _axis_for(task, loop.root, step * loop.unit)
        return task.strides[own] * steps if own < len(task.strides) else 0

    def _state(self, now: int, still: _Still) -> State:
        leader = self.leader
        assert leader.at is not None
        origin = dict(self._where(leader) or ())
        waits = [all(t.at is None or t.number in still.tasks for t in a.tasks) for a in self.run.arrays.values()]
        frees = [array.free - now for array in self.run.arrays.values()]
        parts: list[object] = [tuple(max(f, 0) if w else f for f, w in zip(frees, waits, strict=True))]
        for task in self.run.tasks:
            if task.number in still.tasks:
                parts.append(task.code)
            else:
                place = self._where(task)
                parts.append(place and tuple((root, low - origin.get(root, 0)) for root, low in place))
            parts.append(task.count)
            at = bisect_right(task.ends, now)
            while at > 0 and at > len(task.ends) - 64 and task.ends[at - 1] + self.run.most_delay(task) > now:
                at -= 1
            parts.append(
                tuple(
                    (task.code - c, s - now, e - now)
                    for c, s, e in zip(task.codes[at:], task.starts[at:], task.ends[at:], strict=True)
                )
            )
            ready = self.run.ready.get(task.number)
            parts.append(ready and (max(ready.time - now, 0)))
        for i, where in enumerate(self.run.places):
            start = 0 if i in still.places else self.run.tasks[where.reader].code
            items = (start == 0, *((code - start, number, words) for code, number, words in where.items))
            pending = tuple((t - now, words - where.left) for t, words in where.ends_after(now))
            parts.append((where.taken - where.left, items, pending))
        ports = self.run.bus.ports
        parts.append(ports.state(now) if ports is not None else 0)
        for task in self.run.tasks:
            at_index = task.at if task.at is not None else (0,) * len(task.space.axes)
            parts.extend(fetch.state(now, at_index) for fetch in task.feeds)
        parts.append(self.run.bus.state_of_stores(now))
        return tuple(parts)

    def _counted(self) -> dict[object, int]:
        bus, ports = self.run.bus, self.run.bus.ports
        own: dict[object, int] = {"bus": bus.busy, "read": bus.read_words, "written": bus.written_words}
        own["ports"] = ports.busy if ports is not None else 0
        return {**self.run.counters, **own}

    def _times(self, index: Index, axis: int, step: int, until: int, still: _Still) -> int:
        """How often the period fits before anything in flight reaches the end of what is alike."""
        loop = self.leader.space.axes[axis]
        times = (until - 1 - index[axis]) // step
        for task in self.run.tasks:
            if task.number in still.tasks:
                continue
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

    def _go_on(self, found: _Seen, now: int, axis: int, step: int, times: int, still: _Still) -> None:
        time = (now - found.time) * times
        self.skips.append((now, now + time))
        if self.run.recorder is not None:
            self.run.recorder.passed(now, now + time)
        root, unit = self.leader.space.axes[axis].root, self.leader.space.axes[axis].unit
        for key, value in self._counted().items():
            more = (value - found.counters.get(key, 0)) * times
            if key == "bus":
                self.run.bus.busy += more
            elif key == "read":
                self.run.bus.read_words += more
            elif key == "written":
                self.run.bus.written_words += more
            elif key == "ports":
                if self.run.bus.ports is not None:
                    self.run.bus.ports.busy += more
            else:
                self.run.count(key, more)
        for array in self.run.arrays.values():
            array.free += time if array.free > found.time else 0  # what did nothing in the period goes on waiting
        self.run.ends = {name: end + time for name, end in self.run.ends.items()}
        self.run.ready = {n: r.later(time) for n, r in self.run.ready.items()}
        if self.run.bus.ports is not None:
            self.run.bus.ports.shift(time)
        moves = {
            task.number: 0 if task.number in still.tasks else self._move(task, root, step * times * unit)
            for task in self.run.tasks
        }
        for i, where in enumerate(self.run.places):
            more_codes = 0 if i in still.places else moves[where.reader]
            where.items = deque([code + more_codes, number, words] for code, number, words in where.items)
            where.ends = [(t + time, words) for t, words in where.ends_after(now, 1)]
        for task in self.run.tasks:
            self._forget(task)
            task.codes = [c + moves[task.number] for c in task.codes]
            task.starts = [t + time for t in task.starts]
            task.ends = [t + time for t in task.ends]
            moved = step * times * unit if task.number not in still.tasks else 0
            own = _axis_for(task, root, moved)
            for fetch in task.feeds:
                fetch.shift(time, *own)
            for store, _ in task.sinks:
                store.shift(time, moves[task.number] * task.turns)
        self.run.bus.free += time
        self.before = self.leader.at

    def _forget(self, task: Task) -> None:
        """Drop records of tiles that nobody will ask for any more."""
        asked = [
            code
            for reader in self.run.tasks
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


def _units_inside(tasks: list[Task], root: str) -> tuple[int, ...]:
    found = {
        unit
        for task in tasks
        if all(axis.root != root for axis in task.space.axes)
        for unit in task.units.get(root, ())
    }
    return tuple(sorted(found))


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
