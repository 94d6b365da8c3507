"""Loop nests, epochs and trees as text."""

from __future__ import annotations

import pytest

from fusemax.design.load import catalogue_names, load_design, load_hardware
from fusemax.model.evaluate import evaluate
from fusemax.model.show import accelerator_tree, epoch_spans, loop_nest


def test_the_fused_nest_reads_as_the_paper_s_mapping() -> None:
    text = loop_nest(evaluate("fusemax", "bert", "4K", "published").measured)
    heads = [line.split("  #")[0].strip() for line in text.split("\n")][:5]
    assert heads == ["for b in 64:", "for h in 12:", "for p2 in 1:", "for m1 in 16:", "for p1 in 16:"]
    assert "RM[m1+1, p] = max(RM[m1, p], LM[m1, p])  # array1d, side by side: p0 in 256 columns" in text


def test_a_pass_ends_a_loop() -> None:
    lines = loop_nest(evaluate("unfused", "bert", "4K", "published").measured).split("\n")
    written = [line.strip().partition("[")[0] for line in lines]
    at = {name: written.index(name) for name in ("GM", "SN", "A")}
    loops = [i for i, line in enumerate(lines) if "for m1 in" in line]
    assert any(at["GM"] < i < at["SN"] for i in loops)
    assert any(at["SN"] < i < at["A"] for i in loops)


@pytest.mark.parametrize("name", catalogue_names("designs"))
def test_every_einsum_is_in_the_nest_and_in_the_epoch(name: str) -> None:
    measured = evaluate(name, "bert", "1K").measured
    design = load_design(name)
    text, spans = loop_nest(measured), epoch_spans(measured)
    for einsum in design.schedule.einsums:
        assert f"{einsum}[" in text
        assert any(label == design.label(einsum) for _, label, _, _ in spans)
    assert all(start <= end for _, _, start, end in spans)


def test_the_tree_adds_up() -> None:
    text = accelerator_tree(load_hardware("fusemax-cloud"))
    assert text.startswith("fusemax-cloud  360.2 mm^2, 940 MHz")
    assert "buffer  16 MiB, 512 B rows, 32 banks, 1 port  142 mm^2" in text
