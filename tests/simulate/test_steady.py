"""What the steady state lets a run pass over is what it would have done."""

from __future__ import annotations

from typing import Any

import pytest

from fusemax.design.sizes import Override
from fusemax.simulate import lockstep, steady
from fusemax.simulate.simulation import Simulation
from fusemax.simulate.tile import simulate
from tests.simulate.points import DESIGNS, workload

CASES: dict[str, tuple[dict[str, Any], int, int]] = {
    "plain": ({"heads": 5}, 256, 16),
    "causal": ({"heads": 3, "mask": "causal"}, 256, 16),
    "window": ({"heads": 4, "kv_heads": 2, "value_head_size": 32, "mask": {"window": 100}}, 300, 32),
    "decode": ({"heads": 16, "kv_heads": 4, "query_len": 1, "batch": 2}, 1024, 32),
    "starved": ({"heads": 2, "query_len": 16, "head_size": 32}, 1024, 16),
    "narrow": ({"heads": 1, "head_size": 8}, 512, 16),
}


def figures(run: Simulation) -> dict[str, object]:
    document = dict(run.document())
    return {key: document[key] for key in document if key not in ("rows", "remarks")}


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.proof)])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("design", DESIGNS)
def test_passing_over_equals_the_full_run(design: str, case: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    options, length, edge = CASES[case]
    length *= times
    load = workload(**options)
    settings: dict[str, Override] = {"edge": edge, "buffer.capacity": "256KiB"}
    if case == "starved":
        settings["dram.bandwidth"] = "10GiB/s"
    quick = simulate(design, load, length, settings)
    monkeypatch.setattr(steady, "worth_a_look", lambda number: False)
    monkeypatch.setattr(lockstep, "worth_a_look", lambda number: False)
    whole = simulate(design, load, length, settings)
    assert figures(quick) == figures(whole)
