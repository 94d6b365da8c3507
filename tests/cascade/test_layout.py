from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fusemax.cascade.layout import arrange, spread


def test_spread_moves_as_little_as_it_can() -> None:
    assert spread([0, 100], [10, 10], 5) == [0, 100]
    assert spread([0, 0, 0], [10, 10, 10], 5) == [-15, 0, 15]
    assert spread([], [], 5) == []


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(1, 50)), max_size=8))
def test_spread_never_overlaps(boxes: list[tuple[float, float]]) -> None:
    centres = spread([wanted for wanted, _ in boxes], [width for _, width in boxes], 3)
    for number in range(len(boxes) - 1):
        free = centres[number + 1] - centres[number] - (boxes[number][1] + boxes[number + 1][1]) / 2
        assert free >= 3 - 1e-6


@given(st.data())
def test_edges_go_down_bands_stay_apart_and_boxes_do_not_overlap(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    keys = [f"n{number}" for number in range(count)]
    bands: dict[str, int] = {}
    for number, key in enumerate(keys):
        bands[key] = data.draw(st.integers(bands[keys[number - 1]] if number else 0, 3))
    pairs = [(a, b) for n, b in enumerate(keys) for a in keys[:n]]
    edges = data.draw(st.lists(st.sampled_from(pairs), max_size=12)) if pairs else []
    layout = arrange(dict.fromkeys(keys, 20.0), edges, bands, gap=4)
    layer = layout.layer_of()
    assert sorted(layer) == sorted(keys)
    assert all(layer[a] < layer[b] for a, b in edges)
    assert all(layer[a] < layer[b] for a in keys for b in keys if bands[a] < bands[b])
    for row in layout.layers:
        centres = sorted(layout.centres[key] for key in row)
        assert all(after - before >= 24 - 1e-6 for before, after in pairwise(centres))
    for (a, b), route in layout.routes.items():
        assert [n for n, _ in route] == list(range(layer[a], layer[b] + 1))
