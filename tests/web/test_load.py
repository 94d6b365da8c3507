"""A hundred clients at once for a minute: no error, and 95 of 100 answers within half a second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fusemax.cascade import catalogue
from fusemax.report.catalogue import catalogue_text
from tests.web.load import Load, Question, press
from tests.web.running import Explorer

P95_S = 0.5


def _questions() -> list[Question]:
    """Passes of every shipped cascade, and 120 design points, in turn."""
    passes: list[Question] = [("/api/passes.json", {"text": catalogue_text("cascades", name)}) for name in catalogue()]
    points: list[Question] = [
        ("/api/model.json", {"design": design, "workload": workload, "seq_len": length, "set": {"edge": edge}})
        for design in ("fusemax", "fusemax-cascade")
        for workload in ("bert", "t5", "llama-3.1-8b")
        for length in (1024, 4096, 16384, 65536, 262144)
        for edge in (64, 128, 192, 256)
    ]
    return [question for pair in zip(passes, points, strict=False) for question in pair]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """An explorer in a process of its own, as a user starts it, that has answered once."""
    command = [sys.executable, "-u", "-m", "fusemax", "serve", "--no-open", "--port", "0", "--store", "runs.db"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = int(server.stdout.readline().split("http://127.0.0.1:")[1].split("/")[0])
        try:
            httpx.post(f"http://127.0.0.1:{found}/api/model.json", json={"design": "fusemax"}, timeout=120)
            yield found
        finally:
            server.terminate()
            server.communicate(timeout=30)


def _holds(found: Load) -> bool:
    print(found)
    is_quick = all(found.quantile(path, 0.95) < P95_S for path in found.seconds)
    return is_quick and set(found.statuses) == {200} and len(found.seconds) == 2


def test_a_few_clients_for_a_moment(served: Explorer) -> None:
    found = press(served.port, _questions()[:6], 5, 2.0)
    assert set(found.statuses) == {200} and sum(found.statuses.values()) > 20, str(found)


@pytest.mark.proof
def test_a_hundred_clients_for_a_minute(port: int) -> None:
    assert _holds(press(port, _questions(), 100, 60.0))
