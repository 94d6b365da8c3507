"""Both levels of simulation count the same cycles for the tiles of a stream; they fill and drain in their own ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusemax.simulate.array.simulate import simulate_cycles
from fusemax.simulate.tile import simulate

WORKLOAD = "{name: one-head, batch: 1, layers: 1, model_width: 64, heads: 1, head_size: 64, ffn_width: 64}\n"


@pytest.mark.parametrize("design", ["fusemax", "fusemax-architecture"])
@pytest.mark.parametrize("edge", [16, 32])
def test_the_tile_level_and_the_cycle_level_agree_on_the_cycles_of_all_tiles(
    design: str, edge: int, tmp_path: Path
) -> None:
    workload = tmp_path / "one-head.yaml"
    workload.write_text(WORKLOAD, encoding="utf-8")
    tiles = simulate(design, str(workload), 8 * edge, {"edge": str(edge)})
    rows = [row for row in tiles.rows() if row["what"] == "tiles, one epoch each"]
    (by_tile,) = [row["value"] for row in rows if row["quantity"] == "simulated"]
    run = simulate_cycles(design, array=edge, head_size=64, key_tiles=8, queries=8).execution
    by_cycle = run.program.length - max(run.timing.lags.values()) * run.timing.period
    assert by_cycle == by_tile
