"""Reading documents: positions, limits, and pydantic's findings as located errors."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, model_validator

from fusemax.base.errors import FileError, FusemaxError, SourceError, SourceErrors
from fusemax.design.document import Document, Limits, blame, read_document, validate


def read(text: str, limits: Limits | None = None) -> Document:
    return read_document(text, limits, file="t.yaml")


def message(text: str, limits: Limits | None = None) -> str:
    with pytest.raises(SourceError) as error:
        read(text, limits)
    return str(error.value)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    size: int
    colour: Literal["red", "green"] = "red"


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    parts: list[Part] = []
    named: dict[str, Part] = {}
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _ordered(self) -> Whole:
        if self.low > self.high:
            raise blame("high", f"is below low = {self.low}")
        return self


def test_data_and_places() -> None:
    data, positions = read("name: x\nparts:\n  - {size: 3}\n  - size: 0x10\n    colour: green\n")
    assert data == {"name": "x", "parts": [{"size": 3}, {"size": 16, "colour": "green"}]}
    assert positions.span(("parts", 1, "colour")) == (5, 13, 5)
    assert positions.span(("parts", 1, "colour"), key=True) == (5, 5, 6)
    assert positions.span(("parts", 0, "nothing")) == (3, 5, 1)


def test_core_schema_scalars() -> None:
    text = "[1, -2, 1.5, 1e-3, .inf, true, no, on, 12:30, 4K, 16MiB, ~, null, '7', 0o17, 1_000]"
    assert read(text).data == [
        *(1, -2, 1.5, 1e-3, float("inf"), True, "no", "on", "12:30", "4K", "16MiB", None, None, "7", 15, "1_000"),
    ]


def test_json_with_tabs_and_surrogate_pairs() -> None:
    assert read('{\n\t"a":1,\n\t"b":["\\ud83d\\ude00", "a\\/b"]}').data == {"a": 1, "b": ["\U0001f600", "a/b"]}


def test_keys_are_text() -> None:
    assert read("1: a\ntrue: b\n").data == {"1": "a", "true": "b"}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "t.yaml:1:1: the document is empty"),
        ("# only a comment\n", "t.yaml:1:1: the document is empty"),
        ("a: 1\na: 2\n", "t.yaml:2:1: 'a' stands twice; the first is in line 1\n    a: 2\n    ^"),
        ("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document"),
        ("a: !!python/object:os.system x\n", "t.yaml:1:4: tags such as"),
        ("a: {\n", "t.yaml:2:1: not YAML: expected the node content"),
        ("a: b: c\n", "t.yaml:1:5: not YAML: mapping values"),
        ("a:\n\tb: 1\n", "t.yaml:2:1: not YAML: found character"),
        ("a: 1\nb: \x01\n", "t.yaml:2:4: character"),
        ("a: *nowhere\n", "t.yaml:1:4: unknown anchor 'nowhere'"),
        (
            "aa: &base 1\nb: *bass\n",
            "t.yaml:2:4: unknown anchor 'bass'\n    b: *bass\n       ^~~~~\n    did you mean 'base'?",
        ),
        ("? [a]\n: 1\n", "t.yaml:1:3: a key must be a plain name"),
        ("a: " + "9" * 41, "t.yaml:1:4: a number of more than 40 digits"),
        ("a: &x [*x]\n", "t.yaml:1:8: unknown anchor 'x'"),
    ],
)
def test_located_errors(text: str, start: str) -> None:
    assert message(text).startswith(start)


def test_alias_bomb_is_a_located_error() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    start = time.perf_counter()
    text = message("\n".join(lines))
    assert time.perf_counter() - start < 2
    assert "this alias grows the document past 100000 values" in text
    assert text.startswith("t.yaml:5:")


def test_aliases_within_the_limit_are_read() -> None:
    assert read("a: &a {x: 1}\nb: [*a, *a]\n").data["b"] == [{"x": 1}, {"x": 1}]


@pytest.mark.parametrize("text", ["[" * 50_000, "- " * 50_000, "{a: " * 50_000])
def test_deep_nesting_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    assert "nested deeper than 32" in message(text)
    assert time.perf_counter() - start < 5


def test_size_limit() -> None:
    assert message("a: 1 # " + "x" * 100, Limits(size=50)).startswith("t.yaml:1:1: larger than 50 bytes")


def test_files_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f.yaml").write_text("a: 1\n")
    assert read_document(tmp_path / "f.yaml").data == {"a": 1}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"b: 2\n")))
    data, positions = read_document("-")
    assert data == {"b": 2}
    assert positions.file == "<stdin>"
    with pytest.raises(FileError):
        read_document(tmp_path / "missing.yaml")


def test_validate_reports_every_error_in_line_order() -> None:
    document = read("name: 3\nparts:\n  - {size: big, color: red}\n  - {colour: gren, size: 1}\nnmae: x\n")
    with pytest.raises(SourceErrors) as errors:
        validate(Whole, document)
    places = [(e.line, e.column, e.message, e.suggestion) for e in errors.value.errors]
    assert places == [
        (1, 7, "expected a string, found 3", None),
        (3, 12, "expected an integer, found 'big'", None),
        (3, 17, "unknown field 'color'", "colour"),
        (4, 14, "expected 'red' or 'green', found 'gren'", "green"),
        (5, 1, "unknown field 'nmae'", "name"),
    ]


def test_validate_places_missing_fields_blame_and_wrong_kinds() -> None:
    with pytest.raises(SourceError, match="field 'size' is missing") as missing:
        validate(Whole, read("name: x\nnamed:\n  a: {colour: red}\n"))
    assert (missing.value.line, missing.value.column) == (3, 3)
    with pytest.raises(SourceError, match="is below low = 5") as blamed:
        validate(Whole, read("name: x\nlow: 5\nhigh: 2\n"))
    assert (blamed.value.line, blamed.value.column) == (3, 7)
    with pytest.raises(SourceError, match=r"expected names and values .*, found a list"):
        validate(Whole, read("[1, 2]"))
    with pytest.raises(SourceError) as unknown:
        validate(Whole, read("name: x\nnamed:\n  a: {siz: 1, size: 1}\n"))
    assert unknown.value.suggestion == "size"


def test_validate_a_part_of_a_document() -> None:
    document = read("inner:\n  size: 2\n  colour: green\n")
    assert validate(Part, document, ("inner",)).colour == "green"
    with pytest.raises(SourceError) as error:
        validate(Part, read("inner:\n  size: x\n"), ("inner",))
    assert (error.value.line, error.value.column) == (2, 9)


@given(st.text(alphabet="ab:,[]{}&*!-'\"#|> \n\t0\\", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    refusal = "t.yaml:"
    try:
        validate(Whole, read(text))
    except FusemaxError as error:
        refusal = str(error)
    assert refusal.startswith("t.yaml:")
