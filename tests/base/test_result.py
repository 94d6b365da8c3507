import json
import math
import sys
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
import pytest

from fusemax.base.errors import MissingExtra
from fusemax.base.result import Result, plain, to_csv, to_json


class Answer(Result):
    command: ClassVar[str] = "passes"

    def rows(self) -> list[dict[str, object]]:
        return [{"rank": "M", "passes": 3, "share": 1 / 3}, {"rank": "P", "passes": None, "share": 1.0}]

    def document(self) -> dict[str, object]:
        return {"cascade": "attn_3pass", "passes": {"M": 3}}

    def headline(self) -> str:
        return "3 passes over M"

    def notes(self) -> tuple[str, ...]:
        return ("P was not asked for <here>",)


def test_the_schema_comes_first() -> None:
    document = Answer().to_json_document()
    assert list(document) == ["schema", "cascade", "passes"]
    assert document["schema"] == "fusemax/passes/1"


def test_the_answer_is_printed_before_the_table() -> None:
    assert str(Answer()).split("\n") == [
        "3 passes over M",
        "",
        "rank   passes     share",
        "----  -------  --------",
        "M           3  0.333333",
        "P     unknown         1",
        "",
        "P was not asked for <here>",
    ]


def test_html_is_escaped() -> None:
    shown = Answer()._repr_html_()
    assert "<table>" in shown and "&lt;here&gt;" in shown and "<here>" not in shown


def test_csv_keeps_full_precision_and_unknown() -> None:
    assert to_csv(Answer().rows()) == f"rank,passes,share\nM,3,{1 / 3!r}\nP,unknown,1.0\n"


def test_frames() -> None:
    assert Answer().to_polars()["passes"].to_list() == [3, None]
    assert list(Answer().to_pandas()["rank"]) == ["M", "P"]


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_missing_library_says_how_to_install_it(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"pip install 'fusemax\[frames\]'"):
        getattr(Answer(), f"to_{library}")()


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    m: int
    p: float


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.arange(3), [0, 1, 2]),
        ({1: {"b", "a"}}, {"1": ["a", "b"]}),
        (Colour.RED, "red"),
        (Point(1, math.inf), {"m": 1, "p": "inf"}),
        (math.nan, "nan"),
        (3 + 4j, "(3+4j)"),
    ],
)
def test_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_json_is_strict() -> None:
    assert json.loads(to_json({"x": -math.inf, "name": "é"})) == {"x": "-inf", "name": "é"}
