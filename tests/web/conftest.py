"""One explorer for the tests of this room: starting one costs seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusemax.web.limits import Limits
from tests.web.running import Explorer, explorer


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """An explorer with one quick and one long worker, and limits a test can reach."""
    limits = Limits(quick_workers=1, long_workers=1, quick_s=4.0, long_s=8.0, body_s=1.0)
    with explorer(tmp_path_factory.mktemp("explorer") / "runs.db", limits) as running:
        for path, body in (
            ("model", {"design": "fusemax"}),
            ("beside", {"design": "fusemax"}),
        ):  # until workers are ready
            running.post(f"/api/{path}.json", body)
        yield running
