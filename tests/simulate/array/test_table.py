"""One epoch of FuseMax's binding on 2 x 2 PEs, to be read beside Fig. 5 of the paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusemax.base.errors import UsageError
from fusemax.simulate.array.simulate import simulate_cycles
from fusemax.simulate.array.table import cycle_table

GOLDEN = Path(__file__).parent / "golden" / "fusemax-2x2.txt"


def test_the_epoch_of_two_by_two_pes_is_what_a_person_read() -> None:
    run = simulate_cycles("fusemax", array=2, head_size=2, key_tiles=8, queries=2, exp="unit")
    assert f"{cycle_table(run.execution)}\n" == GOLDEN.read_text(encoding="utf-8")


def test_as_in_figure_5_products_alternate_on_every_pe_and_links_carry_one_of_both() -> None:
    run = simulate_cycles("fusemax", array=2, head_size=4, key_tiles=8, queries=2)
    table = cycle_table(run.execution)
    for r, c in ((0, 0), (0, 1), (1, 0), (1, 1)):
        mine = [line for line in table.lines if line.unit == f"PE {r},{c}"]
        first = [line.einsum.partition("[")[0] for line in mine if r + c <= line.t < 8 + r + c]
        assert first == ["BQK", "SLNV"] * 4
        assert all(line.right and line.down for line in mine if r + c <= line.t < 8 + r + c)
    lane = [line.einsum.partition("[")[0] for line in table.lines if line.unit == "lane 0" and 2 <= line.t < 10]
    assert lane == ["SPNV", "RNV"] * 4


def test_a_row_at_a_time_is_told_from_rows_that_pass_on() -> None:
    run = simulate_cycles("fusemax", binding="single-array", array=2, head_size=2, key_tiles=8, queries=1)
    lines = [line for line in cycle_table(run.execution).lines if line.t == 7]
    found = {line.unit: (line.operation, line.down) for line in lines if line.unit.startswith("PE")}
    assert found == {"PE 0,0": ("S = S[0]", "S[0]"), "PE 0,1": ("pass on", "S[1]"), "PE 1,0": ("S = S[1]", "S[1]")}


def test_more_than_a_person_reads_is_refused() -> None:
    run = simulate_cycles("fusemax", array=16, head_size=64, key_tiles=2)
    with pytest.raises(UsageError, match="smaller --array"):
        cycle_table(run.execution)
