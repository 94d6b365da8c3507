"""The hand-written half of the taxonomy: names and citations only, one row per cascade."""

from __future__ import annotations

import csv
from importlib.resources import files

from fusemax.cascade import Cascade, catalogue, load
from fusemax.cascade.ir import Number
from tests.catalogue.references import attention, linear, softmaxes, statistics
from tests.catalogue.references.registry import REFERENCES

MODULES = (attention, linear, softmaxes, statistics)  # importing them registers the references
TABLE_1 = {
    3: {"PyTorch", "TensorFlow", "FLAT", "E.T."},
    2: {"TileFlow", "Choi et al."},
    1: {"FlashAttention", "FlashAttention-2", "Rabe & Staats"},
}
OTHER_FUNCTIONS = {"attn_softermax_1pass", "attn_nsa_selected", "softermax"}  # they stand in for softmax, inexactly


def rows() -> list[dict[str, str]]:
    text = (files("fusemax") / "catalogue" / "taxonomy.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def signature(cascade: Cascade) -> tuple[dict[str, int], dict[str, int]]:
    inputs, outputs = ({d.tensor: len(d.variables) for d in side} for side in (cascade.inputs, cascade.outputs))
    return inputs, outputs


def test_one_row_per_cascade() -> None:
    assert sorted(row["cascade"] for row in rows()) == sorted(catalogue())
    assert all(row["family"] and row["sources"] for row in rows())


def test_the_function_is_a_cascade_with_the_same_inputs_and_outputs() -> None:
    for row in rows():
        assert signature(load(row["cascade"])) == signature(load(row["function"])), row


def test_cascades_of_one_function_share_its_reference() -> None:
    others = {row["cascade"] for row in rows() if REFERENCES[row["cascade"]] is not REFERENCES[row["function"]]}
    assert others == OTHER_FUNCTIONS


def test_table_1_of_the_paper_is_there() -> None:
    """Each system of Table I, on a cascade that claims the table's count."""
    claims = {row["cascade"]: load(row["cascade"]).claims for row in rows() if row["family"] == "attention"}
    for passes, systems in TABLE_1.items():
        for system in systems:
            names = [row["cascade"] for row in rows() if system in row["systems"].split("; ")]
            counts = [c.count for n in names for c in claims.get(n, ()) if c.kind == "passes" and c.rank == "M"]
            assert set(counts) == {Number(passes)}, system
