"""The model is where the page says it is, and drawn points stay the same."""

from __future__ import annotations

import pytest

from docs.tiles import NUMBER, OCCUPANCY, PAGE, agreement_page, occupancy_line, occupancy_page, point_line
from fusemax.model.compare import default_plan
from fusemax.simulate.agreement import draw_points

TEXT = PAGE.read_text(encoding="utf-8")
LINES = [line for line in TEXT.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
POINTS = draw_points(NUMBER)


def test_points_cover_what_they_should() -> None:
    assert draw_points(NUMBER) == POINTS
    assert {point.design for point in POINTS} == set(default_plan().designs)
    assert {point.mask for point in POINTS} == {"none", "causal", "window"}
    assert {point.edge for point in POINTS} == {16, 32, 64, 128, 256}
    assert {min(p.seq_len for p in POINTS), max(p.seq_len for p in POINTS)} == {1024, 65536}
    assert any(point.heads != point.kv_heads for point in POINTS) and any(point.query_len == 1 for point in POINTS)


def test_the_page_is_made_of_its_lines() -> None:
    assert len(LINES) == NUMBER
    assert agreement_page(LINES) == TEXT


def test_two_hundred_points_are_within_one_per_cent() -> None:
    assert sum("**" not in line for line in LINES) >= 200


@pytest.mark.parametrize("number", [4, 5, 6, 10, 66, 73, 105, 108])
def test_drawn_points_are_as_the_page_says(number: int) -> None:
    assert point_line(number, POINTS[number - 1]) == LINES[number - 1]


@pytest.mark.proof
@pytest.mark.parametrize("number", range(1, NUMBER + 1))
def test_all_points_are_as_the_page_says(number: int) -> None:
    assert point_line(number, POINTS[number - 1]) == LINES[number - 1]


@pytest.mark.parametrize("design", default_plan().designs)
def test_the_buffer_holds_what_the_page_says(design: str) -> None:
    text = OCCUPANCY.read_text(encoding="utf-8")
    assert occupancy_line(design, "1K") in text
    assert occupancy_line(design, "4K") in text


@pytest.mark.proof
def test_the_page_on_the_buffer_is_as_measured() -> None:
    assert occupancy_page() == OCCUPANCY.read_text(encoding="utf-8")
