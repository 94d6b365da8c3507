"""A search that is watched: the front as it grows."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field, replace

import pytest

from fusemax.base.progress import ignore
from fusemax.design.load import load_design
from fusemax.search.branch import Tally
from fusemax.search.goal import Figures, Leaders, Point, goal_of
from fusemax.search.mapper import search
from fusemax.search.watch import RATE, Glimpse, Lookout, words_of


@dataclass
class Watcher:
    """Remembers glimpses with their times."""

    seen: list[tuple[float, Glimpse]] = field(default_factory=list)

    def __call__(self, glimpse: Glimpse) -> None:
        self.seen.append((time.monotonic(), glimpse))


def test_the_last_glimpse_is_the_result() -> None:
    watcher = Watcher()
    found = search(
        "attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, "latency,energy", mappings="designs", watch=watcher
    )
    last = watcher.seen[-1][1]
    assert [one.figures for one in last.front] == [member.figures for member in found.front]
    assert last.done == found.certificate.evaluated and last.total is None
    assert all(one.words for one in last.front) and len({one.place for one in last.front}) == len(last.front)


def test_glimpses_only_get_better_at_a_bounded_rate() -> None:
    watcher = Watcher()
    search("attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, mappings="aligned", watch=watcher)
    values = [glimpse.front[0].figures.latency for _, glimpse in watcher.seen if glimpse.front]
    assert len(values) >= 2 and values == sorted(values, reverse=True)
    times = [at for at, _ in watcher.seen[:-1]]  # the last one comes with the answer
    assert all(b - a >= 0.5 / RATE for a, b in itertools.pairwise(times))


def test_a_watch_may_end_the_search() -> None:
    class Enough(Exception):
        pass

    def stop(glimpse: Glimpse) -> None:
        raise Enough

    with pytest.raises(Enough):
        search("attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, mappings="designs", watch=stop)


def test_words_are_made_once_per_design() -> None:
    made: list[int] = []

    def words() -> str:
        made.append(1)
        return "a design"

    leaders, seen = Leaders(goal_of("latency")), Watcher()
    leaders.offer(Point(Figures(1.0, 1.0, 1.0, 1.0), (0,), lambda: load_design("fusemax"), words))
    lookout = Lookout(leaders, Tally(), ignore, seen)
    lookout.at_end()
    lookout.at_end()
    assert made == [1] and seen.seen[0][1] == seen.seen[1][1]


def test_words_tell_tiles_schedule_and_pairs() -> None:
    design = load_design("fusemax")
    assert words_of(design, {}) == "M0 array2d.rows, P1 fit(buffer), P0 array2d.columns; epoch of 4 steps"
    schedule = design.schedule.model_copy(update={"streams": 2, "as_one": (("SPD", "RD"), ("SPNV", "RNV"))})
    partition = {rank: dict.fromkeys(parts, "size") for rank, parts in design.mapping.partition.items()}
    opened = replace(design, schedule=schedule, mapping=design.mapping.model_copy(update={"partition": partition}))
    words = words_of(opened, {"size": 64})
    assert words.startswith("M1 64, M0 64") and words.endswith("2 streams; joined SPD+RD, SPNV+RNV")
