"""Equal areas, earlier runs, banks, and work beside the matrix multiplications."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fusemax.base.errors import FileError, UsageError
from fusemax.base.result import to_json
from fusemax.base.units import parse_bytes, parse_length
from fusemax.design.load import load_design
from fusemax.design.sizes import Sizes, stacked_sizes, workload_sizes
from fusemax.design.workload import load_workload
from fusemax.model.against import changes
from fusemax.model.compare import compare, default_plan
from fusemax.model.elementwise import elementwise_costs
from fusemax.model.figures import measure_points
from fusemax.model.profile import CORRECTED, PUBLISHED
from fusemax.model.tiling import attention_sizes


@pytest.mark.parametrize("accounting", ["published", "corrected"])
def test_areas_match_within_one_percent(accounting: str) -> None:
    found = compare(["flat", "fusemax"], ["bert"], ["4K"], accounting=accounting, iso_area=True)
    areas = [found.areas[name]["total"] for name in ("flat", "fusemax")]
    assert areas[0] == pytest.approx(areas[1], rel=0.01)
    assert list(found.changes) == ["flat"]


def test_a_run_is_compared_with_an_earlier_one(tmp_path: Path) -> None:
    first = compare(["fusemax"], ["bert"], ["1K", "4K"], accounting="published")
    path = tmp_path / "run.json"
    path.write_text(to_json(first.to_json_document()))
    assert changes(first.rows(), path, "published").changed == ()
    other = compare(["fusemax"], ["bert"], ["4K", "16K"], accounting=PUBLISHED.but(on=["exp-cycles"]))
    found = changes(other.rows(), path, "published")
    assert (found.changed, found.new > 0, found.gone > 0) == ((), True, True)
    document = json.loads(path.read_text())
    document["rows"][0]["value"] *= 2
    path.write_text(json.dumps(document))
    (changed,) = changes(first.rows(), path, "published").changed
    assert changed["change"] == pytest.approx(-0.5)
    with pytest.raises(UsageError, match="was made in published accounting"):
        changes(first.rows(), path, "corrected")
    path.write_text("[]")
    with pytest.raises(FileError, match="not the JSON of a comparison"):
        changes(first.rows(), path, "published")


@pytest.mark.parametrize("accelerator", ["flat-cloud", "fusemax-cloud"])
def test_shipped_banks_are_the_fewest_that_do_not_bound_the_published_schedules(accelerator: str) -> None:
    plan = default_plan()
    points = [(load_workload(w), parse_length(n)) for w in plan.workloads for n in plan.seq_lens]
    designs = [d for d in map(load_design, plan.designs) if d.accelerator.name == accelerator]
    most = 0.0
    for design in designs:
        sizes = attention_sizes(Sizes(design.accelerator, stacked_sizes(points)), PUBLISHED)
        for _, measured in measure_points(design, sizes, PUBLISHED, len(points)):
            for phase, time in zip(design.schedule.phases, measured.phases, strict=True):
                most = max(most, float(np.max(measured.buffer_rows(phase.einsums, "buffer") / time.time)))
    buffer, table = designs[0].accelerator.memories["buffer"], designs[0].costs.sram
    capacity = parse_bytes(str(buffer.capacity))
    enough = [
        banks
        for (objective, row, banks, ports), entries in table.rows.items()
        if (objective, row, ports) == (buffer.objective, 512, 1)
        and capacity in entries
        and banks / (entries[capacity].cycle_ns * 1e-9) >= most
    ]
    assert buffer.banks == min(enough)


def test_work_beside_the_matrix_multiplications() -> None:
    design = load_design("flat")
    sizes = Sizes(design.accelerator, workload_sizes(load_workload("bert"), 4096))
    costs = {cost.name: cost for cost in elementwise_costs(design, sizes, CORRECTED)}
    elements = 64 * 4096 * 768
    assert costs["residual"].traffic == 2 * elements * 3 * 2
    assert costs["rms-norm"].latency == 0
    assert costs["residual"].latency == pytest.approx(2 * elements * 6 / (400 * 2**30))


def test_points_that_do_not_fit_in_memory_are_left_out_of_means() -> None:
    found = compare(["flat", "fusemax"], ["bert"], ["64K", "256K"])
    assert found.figures["attention", "fusemax"].feasible.tolist() == [True, False]
    ratios = found.ratios("attention", "fusemax", "flat", "speedup")
    assert np.isfinite(ratios[0])
    assert np.isnan(ratios[1])
    assert found.notes()[0].endswith("bert 256K")
