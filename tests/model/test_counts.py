"""The counting rule against published counts, level by level and tensor by tensor."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fusemax.model.counts import count, cycles, processing_elements
from fusemax.model.evaluate import evaluate

DATA = Path(__file__).parent / "data"
DESIGNS = ("unfused", "flat", "fusemax-cascade", "fusemax")
LEVELS = {"dram": "DRAM", "buffer": "L3"}


def rows(file: str, design: str, seq_len: int) -> list[dict[str, str]]:
    with (DATA / file).open() as text:
        return [r for r in csv.DictReader(text) if r["design"] == design and int(r["seq_len"]) == seq_len]


@pytest.mark.parametrize("seq_len", [4096, 262144])
@pytest.mark.parametrize("design", DESIGNS)
def test_counts_are_the_published_ones(design: str, seq_len: int) -> None:
    measured = evaluate(design, "bert", seq_len, "published").measured
    label = measured.design.label
    ours = {}
    for name, nest in measured.tiling.nests.items():
        for operand in nest.operands:
            for level, found in count(nest, operand, measured.tiling).items():
                component = nest.levels[level].component
                own = "RF" if component == f"{nest.on}.registers" else "R1"
                ours[label(name), LEVELS.get(component, own), label(operand.label)] = (
                    found.reads,
                    found.fills,
                    found.updates,
                    cycles(nest, measured.tiling),
                    processing_elements(nest, measured.tiling),
                )
    fields = ("reads", "fills", "updates", "cycles", "elements")
    published = {
        (r["einsum"], r["level"], r["tensor"]): tuple(int(float(r[f])) for f in fields)
        for r in rows("worked_counts.csv", design, seq_len)
    }
    assert ours == published


@pytest.mark.parametrize("seq_len", [4096, 262144])
@pytest.mark.parametrize("design", DESIGNS)
def test_energies_by_part_are_the_published_ones(design: str, seq_len: int) -> None:
    evaluation = evaluate(design, "bert", seq_len, "published")
    parts = {"mul": "mac", "dram": "dram", "buffer": "l3", "array2d.registers": "rf2", "array1d.registers": "rf1"}
    ours: dict[str, float] = {}
    for row in evaluation.rows():
        if row["quantity"] == "energy":
            action = str(row["action"])
            part = parts.get(str(row["component"]), parts.get(action, action))
            ours[part] = ours.get(part, 0.0) + float(str(row["value"]))
    for published in rows("worked_energies.csv", design, seq_len):
        expected = float(published["energy_pj"])
        assert ours.get(published["part"], 0.0) == pytest.approx(expected, rel=2e-6), published
