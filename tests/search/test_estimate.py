"""What a sweep will take, from a sample."""

from __future__ import annotations

import pytest

from fusemax.cli.main import run
from fusemax.search.estimate import Estimate, estimate
from fusemax.search.sweep import SweepPlan
from tests.search.test_sweep import SPEC


def test_a_sample_tells_rates_and_size() -> None:
    text = SPEC.replace(
        "edge: [128, 256]", "edge: [64, 128, 256]\n  buffer.capacity: {from: 1MiB, to: 400MiB, step: 64K}"
    )
    found = estimate(SweepPlan("s", text), workers=4)
    assert found.num_points == 2 * 2 * 3 * 3 * 6385
    assert 1e3 < 1 / found.find_s < 1e8 and 1e3 < 1 / found.store_s < 1e7
    assert 120 < found.point_bytes < 300


@pytest.mark.parametrize(("workers", "seconds", "bound"), [(1, 4000.0, "finding"), (16, 500.0, "storing")])
def test_time_is_the_longer_of_finding_and_storing(workers: int, seconds: float, bound: str) -> None:
    found = Estimate("s", 1_000_000, 4e-3, 5e-4, 150.0, workers)
    assert found.seconds == pytest.approx(max(seconds, 500.0 if workers > 1 else 0))
    assert bound in found.headline()
    assert (found.useful_workers, found.chunk_points) == (8, 125)


def test_command_stores_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "fig12", "--estimate"]) == 0
    assert "24 points in about" in capsys.readouterr().out
