"""One tile at a time: what waits for another array comes in a later step."""

from __future__ import annotations

from fusemax.design.load import load_design
from fusemax.model.evaluate import evaluate
from fusemax.search.compose import limits_of
from fusemax.search.mapper import search
from fusemax.search.serial import serial_schedule


def test_fusemax_one_tile_at_a_time_waits_for_columns() -> None:
    design = load_design("fusemax-architecture")
    on = {name: entry.on for name, entry in design.mapping.einsums.items()}
    steps = serial_schedule(design, on).phases[0].steps
    assert [dict(step) for step in steps][:4] == [
        {"array2d": ("BQK", "LM")},
        {"drain": ("LM",)},
        {"array1d": ("RM", "PRM", "SPD", "SPNV")},
        {"array2d": ("SLN", "SLD", "SLNV")},
    ]


def test_interleaving_is_what_is_fast() -> None:
    ask = ("attn_1pass_fusemax", "fusemax-cloud", "bert", "4K")
    alone = search(*ask, mappings="designs", limits=limits_of(["serial"]))
    assert alone.certificate.optimal
    assert alone.value > 2 * evaluate("fusemax", "bert", "4K").latency_s
    assert len(alone.design.schedule.phases[0].steps) > 1
