"""No text and no name from a client opens a file."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors, UnknownName
from fusemax.cascade.load import FOLDER as CASCADES
from fusemax.design.load import load_design
from fusemax.design.workload import load_workload
from fusemax.report.catalogue import catalogue_text
from fusemax.search.rewrite import design_text
from fusemax.web.answers.compose import compose
from fusemax.web.answers.jobs import check_job
from fusemax.web.answers.texts import cascade_of, design_of, names_of, workload_of

FUSEMAX = catalogue_text("designs", "fusemax")
SECRET = "a line that nobody may see"


def _opened() -> Callable[[], list[str]]:
    """Names of the files opened from here on."""
    names: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            names.append(str(arguments[0]))

    sys.addaudithook(hook)
    return lambda: names


OPENED = _opened()


@contextmanager
def _nothing_opened(folder: Path) -> Iterator[None]:
    begun = len(OPENED())
    yield
    assert not [name for name in OPENED()[begun:] if str(folder) in name or name in ("/etc/passwd", "-")]


def _with(field: str, value: str) -> str:
    return re.sub(rf"(?m)^{field}:.*$", f"{field}: {json.dumps(value)}", FUSEMAX)


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the folder that the process stands in; the folder of a worker is an empty one."""
    (tmp_path / "secret.yaml").write_text(SECRET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("field", ["cascade", "accelerator", "mapping", "linear", "binding"])
@pytest.mark.parametrize(
    "name", ["secret.yaml", "{folder}/secret.yaml", "./secret.yaml", "/etc/passwd", "-", "", "../x"]
)
def test_a_design_names_no_file(secret: Path, field: str, name: str) -> None:
    with _nothing_opened(secret), pytest.raises((SourceError, SourceErrors)) as caught:
        design_of(_with(field, name.format(folder=secret)))
    assert SECRET not in str(caught.value)
    assert "is not in the catalogue" in str(caught.value)
    with _nothing_opened(secret):
        found = compose(_with(field, name.format(folder=secret)), {"schedule": "fusemax"})
    assert SECRET not in str(found)


def test_nor_does_anything_inside_it(secret: Path) -> None:
    whole = design_text(load_design("fusemax"))
    for changed in (
        re.sub(r"components: components-45nm", f"components: {secret}/secret.yaml", whole),
        re.sub(r"\ncascade: \|\n(  .*\n|\n)+", f"\ncascade: {secret}/secret.yaml\n", whole),
        re.sub(r"\n  cascade: \|\n(    .*\n|\n)+", f"\n  cascade: {secret}/secret.yaml\n", whole),
    ):
        if changed == whole:
            changed = whole.replace(
                "\naccelerator:\n", f"\naccelerator:\n  tables: {{sram: {secret}/secret.yaml}}\n", 1
            )
        assert changed != whole
        with _nothing_opened(secret), pytest.raises(FusemaxError, match="is not in the catalogue"):
            design_of(changed)


@pytest.mark.parametrize("name", ["secret.yaml", "nothing", "..", "bert.yaml", "-"])
def test_a_plain_name_is_looked_up(secret: Path, name: str) -> None:
    for read in (design_of, workload_of):
        with _nothing_opened(secret), pytest.raises(UnknownName):
            read(name)


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "{folder}/secret.yaml", "./bert", "~/x", "file:///etc/passwd", "C:\\x"]
)
def test_a_path_is_a_text_and_a_wrong_one(secret: Path, text: str) -> None:
    for read in (design_of, workload_of, cascade_of):
        with _nothing_opened(secret), pytest.raises(FusemaxError) as caught:
            read(text.format(folder=secret))
        assert SECRET not in str(caught.value)


def test_standard_input_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(SECRET))
    for read in (design_of, workload_of, cascade_of):
        with pytest.raises(FusemaxError):
            read("-")
    assert sys.stdin.read() == SECRET


@pytest.mark.parametrize(
    "spec",
    [
        "designs: [/etc/passwd]\nworkloads: [bert]\nseq_lens: [4K]\n",
        "designs: [fusemax]\nworkloads: [secret.yaml]\nseq_lens: [4K]\n",
        "designs: [fusemax]\nworkloads: [bert]\nseq_lens: [4K]\nvary: {design.accelerator: [secret.yaml]}\n",
        "designs: [fusemax]\nworkloads: [bert]\nseq_lens: [4K]\nvary: {design.cascade: [/etc/passwd]}\n",
        "designs: [fusemax]\nworkloads: [bert]\nseq_lens: [4K]\nvary: {accelerator.tables.sram: [/etc/passwd]}\n",
    ],
)
def test_a_sweep_names_no_file(secret: Path, spec: str) -> None:
    with _nothing_opened(secret), pytest.raises(SourceError) as caught:
        check_job("sweep", {"text": spec})
    assert caught.value.line > 0 and SECRET not in str(caught.value)


def test_nor_does_a_search(secret: Path) -> None:
    whole = {"cascade": "attn_1pass_fusemax", "workload": "bert", "accelerator": "fusemax-cloud", "like": []}
    for field in ("cascade", "workload", "accelerator"):
        with _nothing_opened(secret), pytest.raises(FusemaxError):
            check_job("search", {**whole, "seq_len": 4096, field: "/etc/passwd"})
    with _nothing_opened(secret), pytest.raises(UnknownName):
        check_job("search", {**whole, "seq_len": 4096, "like": ["secret.yaml"]})


def test_what_may_be_said() -> None:
    assert design_of("fusemax") == load_design("fusemax")
    assert design_of(design_text(load_design("flat"))).mapping == load_design("flat").mapping
    assert workload_of(catalogue_text("workloads", "bert")) == load_workload("bert")
    assert set(names_of("cascade")) == {name.removesuffix(".cascade") for name in os.listdir(CASCADES)}
