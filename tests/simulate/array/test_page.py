"""The figures of the page on FuseMax's utilization are what the simulator measures."""

from __future__ import annotations

import pytest

from docs.cycles import EDGES, OTHERS, PAGE, other_line, size_line

LINES = PAGE.read_text(encoding="utf-8").splitlines()


def test_figures_at_small_sizes() -> None:
    assert size_line(4, 64) in LINES
    assert size_line(16, 128) in LINES


@pytest.mark.proof
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("head_size", [64, 128])
def test_figures_at_every_size(edge: int, head_size: int) -> None:
    assert size_line(edge, head_size) in LINES


@pytest.mark.proof
@pytest.mark.parametrize("other", OTHERS)
def test_figures_of_every_binding(other: tuple[str, str, str, int]) -> None:
    assert other_line(*other) in LINES
