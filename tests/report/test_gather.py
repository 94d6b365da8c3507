"""The best points of a store are found whatever the order and the number of its rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fusemax.report.gather import SAMPLE, Group, gather
from fusemax.search.store import Store, open_store
from fusemax.search.study import Study

FIGURES = ("latency_s", "energy_pj", "area_um2")
ABOUT = {"design": "d", "workload": "w", "accounting": "corrected", "version": "1", "code": "c"}


def filled(points: list[tuple[int, int]], figures: list[tuple[float, ...]], **about: object) -> Store:
    store = open_store(None)
    store.add(Study.of({"design": "x"}, ABOUT | about, ("seq_len", "edge"), FIGURES), points, figures)
    return store


def only(store: Store) -> Group:
    (group,) = gather(store)
    return group


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=60))
def test_the_front_is_what_no_point_beats(values: list[tuple[int, int, int]]) -> None:
    group = only(filled([(1024, i) for i in range(len(values))], [tuple(map(float, v)) for v in values]))
    pair = ("latency_s", "energy_pj")
    found = {(p.figures[0], p.figures[1]) for p in group.fronts[pair]}
    places = {(float(a), float(b)) for a, b, _ in values}
    beaten = {p for p in places if any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in places)}
    assert found == places - beaten
    assert len(group.fronts[pair]) == len(found), "of equal points one"


def test_chunks_merge_into_one_front_and_a_bounded_sample() -> None:
    number = 50_000  # more than the store reads at once
    random = np.random.default_rng(1)
    figures = random.random((number, 3)) + 0.1
    group = only(filled([(1024, i) for i in range(number)], figures.tolist()))
    assert (group.num_points, group.num_known) == (number, number)
    assert SAMPLE <= len(group.sample) <= 2 * SAMPLE
    numbers = [point.inputs[1] for point in group.sample]
    assert numbers == list(range(0, number, group.every))
    best = min(range(number), key=lambda i: figures[i, 0])
    assert group.fronts["latency_s", "energy_pj"][0].inputs == (1024, best)


def test_points_compete_with_their_like_alone() -> None:
    store = filled([(1024, 1), (4096, 1), (4096, 2)], [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 1.0, 1.0)])
    store.add(Study.of({}, ABOUT | {"workload.batch": 8}, ("seq_len", "edge"), FIGURES), [(4096, 1)], [(9.0, 9.0, 9.0)])
    groups = gather(store)
    assert [(g.where["seq_len"], g.num_points, g.where.get("workload.batch")) for g in groups] == [
        (4096, 2, None), (1024, 1, None), (4096, 1, 8),
    ]  # fmt: skip


def test_unknown_figures_are_counted_and_left_out() -> None:
    group = only(filled([(1024, 1), (1024, 2)], [(1.0, float("nan"), 1.0), (float("nan"),) * 3]))
    assert (group.num_points, group.num_known) == (2, 1)
    assert list(group.fronts) == [("area_um2", "latency_s")]
    assert group.sample[0].row()["energy_pj"] is None


def test_pairs_that_vary_are_shown() -> None:
    group = only(filled([(1024, i) for i in (1, 2, 3)], [(1.0, 3.0, 5.0), (2.0, 2.0, 5.0), (3.0, 1.0, 5.0)]))
    assert group.pairs == [("latency_s", "energy_pj")]


def test_of_many_groups_the_largest_are_looked_into() -> None:
    lengths = range(1, 201)
    points = [(length, edge) for length in lengths for edge in range(3 if length > 150 else 2)]
    groups = gather(filled(points, [(float(x), float(y), 1.0) for x, y in points]), most=60)
    assert [group.num_points for group in groups] == [3] * 50 + [2] * 150
    assert [bool(group.fronts) for group in groups] == [True] * 60 + [False] * 140
    assert all(group.num_known == group.num_points for group in groups)
