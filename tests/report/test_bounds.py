from __future__ import annotations

import pytest

from fusemax.base.errors import SourceError
from fusemax.cascade import load
from fusemax.cli.main import run
from fusemax.design.workload import load_workload
from fusemax.report.bounds import compare_bounds, curve_capacities, workload_bounds


def test_sizes_come_from_the_workload() -> None:
    found = workload_bounds("attn_3pass", "bert", 4096)
    assert found.one.sizes == {"E": 64, "P": 4096, "M": 4096, "F": 64}
    assert found.instances == 64 * 12
    one = (64 + 64 + 64 + 64) * 4096
    assert found.compulsory_bytes == 2 * one * found.instances
    assert found.enough_bytes == 4096 * 2


def test_traffic_at_a_buffer() -> None:
    found = workload_bounds("attn_3pass", "bert", 4096, 4096)
    assert found.traffic_bytes(4096) == found.instances * 2 * (found.one.ranks[0].compulsory + 2 * 64 * (4096 - 2048))
    assert "at least" in found.headline()
    assert workload_bounds("attn_1pass_fusemax", "bert", 4096, 4096).traffic_bytes(0) == found.compulsory_bytes


def test_words_and_rooflines_of_an_accelerator() -> None:
    found = workload_bounds("attn_3pass", "bert", 4096, accelerator="fusemax-cloud")
    assert (found.word_bits, found.buffer_bytes) == (16, 16 << 20)
    roof = found.roofline
    assert roof is not None
    assert roof.operations == found.instances * 2 * 64 * 4096 * 4096
    assert roof.peak == (256 * 256 + 256) * 940e6
    assert roof.bandwidth == 400 * 2**30
    assert roof.bound == ("compute" if roof.intensity >= roof.ridge else "memory")
    assert roof.least_seconds == pytest.approx(max(roof.operations / roof.peak, roof.traffic_bytes / roof.bandwidth))


def test_grouped_queries_share_keys() -> None:
    model = load_workload("llama-3.1-8b")
    found = workload_bounds("attn_3pass", model, 4096)
    assert found.one.sizes["P"] == model.queries(4096) * (model.heads // model.kv_heads)
    assert found.instances == model.layers * model.batch * model.kv_heads
    causal = workload_bounds("attn_causal_3pass", model, 4096)  # as many queries as keys: a group cannot be one
    assert causal.one.sizes["P"] == 4096


def test_curves_of_several_cascades() -> None:
    found = [
        workload_bounds(name, "bert", 1024) for name in ("attn_3pass", "attn_2pass_tileflow", "attn_1pass_fusemax")
    ]
    capacities = curve_capacities(found)
    assert capacities == sorted(set(capacities))
    curves = [[one.traffic_bytes(c) for c in capacities] for one in found]
    assert all(three >= two >= one for three, two, one in zip(*curves, strict=True))
    assert len({curve[-1] for curve in curves}) == 1
    table = compare_bounds(found, with_curve=True)
    assert len(table.rows()) == 3 * len(capacities)
    assert list(table.table()[0]) == ["buffer", "attn_3pass", "attn_2pass_tileflow", "attn_1pass_fusemax"]


def test_sizes_that_do_not_fit_are_located() -> None:
    with pytest.raises(SourceError, match="not divisible"):
        workload_bounds(load("attn_1pass_fusemax"), "bert", 4097)


def test_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["bounds", "attn_3pass", "attn_1pass_fusemax", "--seq-len", "64K", "--buffer", "64KiB"]) == 0
    text = capfd.readouterr().out
    assert "2*E*max(0, M-C)" in text
    assert all(len(line) <= 120 for line in text.splitlines())
    assert run(["bounds", "attn_3pass", "--seq-len", "1K", "--curve", "--format", "csv"]) == 0
    assert capfd.readouterr().out.startswith("cascade,capacity,traffic\nattn_3pass,1024,")
    assert run(["bounds", "attn_3pass", "--size", "XX=3"]) == 2
    assert run(["bounds", "attn_3pass", "--picture", "x.bmp"]) == 2
