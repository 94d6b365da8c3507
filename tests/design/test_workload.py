"""Workload files: the shipped ones, defaults, and every kind of bad one."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from fusemax.base.errors import FileError, FusemaxError, SourceError, SourceErrors, UnknownName
from fusemax.design.document import read_document
from fusemax.design.workload import Window, Workload, load_workload, read_workload, workload_names

GOOD = """\
name: my-model
batch: 8
layers: 32
model_width: 4096
heads: 32
kv_heads: 8
head_size: 128
value_head_size: 128
ffn_width: 14336
ffn: swiglu
mask: causal
query_len: 1
"""


def read(text: str) -> Workload:
    return read_workload(read_document(text, file="w.yaml"), "w")


def changed(line: str, new: str) -> str:
    assert line in GOOD
    return GOOD.replace(line, new)


def test_every_field() -> None:
    workload = read(GOOD)
    assert workload.model_dump(exclude={"sources"}) == {
        "name": "my-model",
        "batch": 8,
        "layers": 32,
        "model_width": 4096,
        "heads": 32,
        "kv_heads": 8,
        "head_size": 128,
        "value_head_size": 128,
        "ffn_width": 14336,
        "ffn": "swiglu",
        "mask": "causal",
        "query_len": 1,
    }
    assert workload.queries(4096) == 1
    assert workload.window is None


def test_defaults() -> None:
    workload = read("name: x\nbatch: 2\nmodel_width: 64\nheads: 4\nhead_size: 16\nffn_width: 256\n")
    assert (workload.kv_heads, workload.value_head_size, workload.layers) == (4, 16, 1)
    assert (workload.mask, workload.query_len, workload.queries(4096)) == ("none", None, 4096)


def test_window_and_lengths_with_units() -> None:
    workload = read(changed("mask: causal", "mask: {window: 4K}").replace("query_len: 1", "query_len: 2K"))
    assert workload.mask == Window(window=4096)
    assert (workload.window, workload.queries(65536)) == (4096, 2048)


@pytest.mark.parametrize("name", workload_names())
def test_shipped_workloads_are_named_and_sourced(name: str) -> None:
    workload = load_workload(name)
    assert workload.name == name
    text = Path(__file__, "../../../src/fusemax/catalogue/workloads", f"{name}.yaml").resolve().read_text()
    data = read_document(text, file=name).data
    assert set(data) - {"name", "sources"} == set(workload.sources)


def test_the_papers_models() -> None:
    """FuseMax, Sec. VI-A: D = H x E, S = 4 D, batch 64, one layer, no mask."""
    for name in ("bert", "trxl", "t5", "xlm"):
        workload = load_workload(name)
        assert workload.model_width == workload.heads * workload.head_size
        assert workload.ffn_width == 4 * workload.model_width
        assert (workload.batch, workload.layers, workload.mask) == (64, 1, "none")


@pytest.mark.parametrize(
    ("line", "new", "message", "column", "suggestion"),
    [
        ("batch: 8", "batch: -8", "expected greater than or equal to 1, found -8", 8, None),
        ("batch: 8", "batch: 0", "expected greater than or equal to 1, found 0", 8, None),
        ("batch: 8", "batch: 8.5", "expected an integer, found 8.5", 8, None),
        ("batch: 8", "batch: true", "expected an integer, found True", 8, None),
        ("batch: 8", "batch: '8'", "expected an integer, found '8'", 8, None),
        ("batch: 8", "batch:", "expected an integer, found nothing", 1, None),
        ("heads: 32", "heads: 9999999999999", "expected less than or equal to 1099511627776", 8, None),
        ("kv_heads: 8", "kv_heads: 5", "heads = 32 is not a multiple of kv_heads = 5", 11, "4"),
        ("ffn: swiglu", "ffn: swigul", "expected 'relu', 'gelu' or 'swiglu', found 'swigul'", 6, "swiglu"),
        ("mask: causal", "mask: casual", "did you mean 'causal'?", 7, None),
        ("mask: causal", "mask: {windw: 4, window: 4}", "unknown field 'windw'", 8, "window"),
        ("mask: causal", "mask: {window: 0}", "expected greater than or equal to 1", 16, None),
        ("query_len: 1", "query_len: 4X", "4X", 12, None),
        ("layers: 32", "layer: 32", "unknown field 'layer'", 1, "layers"),
        ("name: my-model", "name: 3", "expected a string, found 3", 7, None),
        ("name: my-model", "name: []", "expected a string, found a list", 7, None),
    ],
)
def test_bad_values_are_located(line: str, new: str, message: str, column: int, suggestion: str | None) -> None:
    with pytest.raises(SourceError) as error:
        read(changed(line, new))
    found = error.value
    assert message in found.message
    assert (found.line, found.column) == (GOOD[: GOOD.index(line)].count("\n") + 1, column)
    assert found.suggestion == suggestion


def test_missing_fields_are_each_named() -> None:
    with pytest.raises(SourceErrors) as errors:
        read("name: x\nlayers: 2\nhead_size: 3\nffn_width: 4\n")
    assert sorted(e.message for e in errors.value.errors) == [
        "field 'batch' is missing",
        "field 'heads' is missing",
        "field 'model_width' is missing",
    ]


@pytest.mark.parametrize("text", ["[1, 2]", "3", "just text", "null"])
def test_not_names_and_values(text: str) -> None:
    with pytest.raises(SourceError, match="expected names and values"):
        read(text)


def test_sources_name_fields() -> None:
    with pytest.raises(SourceError) as error:
        read(GOOD + "sources: {hed_size: x}\n")
    assert error.value.suggestion == "head_size"


def test_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert load_workload(tmp_path / "mine.yaml").name == "my-model"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert load_workload("-").name == "my-model"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert").write_text(GOOD)
    assert load_workload("bert").name == "my-model"


def test_unknown_references() -> None:
    with pytest.raises(UnknownName, match="did you mean 'bert'"):
        load_workload("brt")
    with pytest.raises(FileError, match=r"No such file or directory \(did you mean the catalogue's 'bert'\?\)"):
        load_workload("nowhere/bert.yaml")
    with pytest.raises(FusemaxError):
        load_workload("")
