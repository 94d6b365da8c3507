"""The editors' grammar knows the words of the language. Its expressions are in the subset that Python reads too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fusemax.cascade.tokens import FIELDS, FUNCTIONS, HEADINGS
from tests.cascade.texts import ONE_PASS

FOLDER = Path(__file__).resolve().parents[2] / "editors" / "vscode"
PATTERNS: list[dict[str, Any]] = json.loads((FOLDER / "syntaxes" / "cascade.tmLanguage.json").read_text())["patterns"]


def scope(text: str, word: str) -> str:
    """The scope of a word in a line, as an editor finds it: the leftmost match, the first pattern among equals."""
    at = 0
    while at < len(text):
        found = [
            (m.start(), number, m)
            for number, p in enumerate(PATTERNS)
            if (m := re.compile(p.get("match") or p["begin"]).search(text, at))
        ]
        start, number, match = min(found, key=lambda f: f[:2])
        pattern = PATTERNS[number]
        for group, names in pattern.get("captures", {}).items():
            if match.group(int(group)) == word:
                return str(names["name"])
        if match.group() == word:
            return str(pattern["name"])
        at = max(match.end(), start + 1)
    raise AssertionError(f"{word} is in no pattern of {text!r}")


def test_the_files_are_json_that_point_at_one_another() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    for entry in (*package["contributes"]["grammars"], *package["contributes"]["languages"]):
        assert (FOLDER / (entry.get("path") or entry["configuration"])).is_file()
    json.loads((FOLDER / "language-configuration.json").read_text())


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        *((f"{field} X", field, "keyword.other.cascade") for field in FIELDS),
        *((f"{heading} m until M:", heading, "keyword.control.cascade") for heading in HEADINGS),
        *((f"A = {name}(B, C)", name, "support.function.cascade") for name in FUNCTIONS),
        ("cascade max", "max", "entity.name.type.cascade"),
        ("iterate m downto 0:", "downto", "keyword.control.cascade"),
        ("expect M = 1, sweeps M = 1", "sweeps", "keyword.other.cascade"),
        ("A = not inf", "inf", "constant.language.cascade"),
        ("A = B and C", "and", "keyword.operator.word.cascade"),
        ("T[j] = X[m] :: topk(m, j)", "topk", "support.function.reduction.cascade"),
        ("T[j] = X[m] :: topk(m, j)", "::", "keyword.operator.reduction.cascade"),
        ("  SN[m, p] = 1e-05 # note", "SN", "entity.name.function.tensor.cascade"),
        ("  SN[m, p] = 1e-05 # note", "m", "variable.parameter.rank.cascade"),
        ("  SN[m, p] = 1e-05 # note", "1e-05", "constant.numeric.cascade"),
        ("  SN[m, p] = 1e-05 # note", "# note", "comment.line.number-sign.cascade"),
        ("RNV[f, M1, p]", "M1", "constant.other.rank.cascade"),
    ],
)
def test_scopes(line: str, word: str, expected: str) -> None:
    assert scope(line, word) == expected


def test_every_line_of_an_example_is_covered() -> None:
    for line in ONE_PASS.split("\n"):
        for word in re.findall(r"[A-Za-z0-9_]+", re.sub(r'".*"', "", line)):
            scope(line, word)
