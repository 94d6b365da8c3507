"""pyproject.toml, the locked lists and the package agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import fusemax

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]).lower()


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {_name(pin): version for pin, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def test_the_version_is_said_once() -> None:
    assert PROJECT["project"]["version"] == fusemax.__version__


def test_every_dependency_is_locked() -> None:
    """``make lock`` was run after the last change of the dependencies."""
    extras = PROJECT["project"]["optional-dependencies"]
    base = {_name(r) for r in PROJECT["project"]["dependencies"]}
    assert base <= set(_locked("base"))
    assert base | {_name(r) for r in extras["charts"]} | {"hatchling"} <= set(_locked("compare"))
    everything = {_name(r) for extra in extras.values() for r in extra} - {"fusemax"}
    developing = {_name(r) for r in PROJECT["dependency-groups"]["dev"] if isinstance(r, str)}
    assert base | everything | developing <= set(_locked("all"))


def test_the_lists_agree_on_versions() -> None:
    whole = _locked("all").items()
    assert _locked("base").items() <= whole
    assert _locked("compare").items() <= whole


def test_all_is_every_extra() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert extras["all"] == [f"fusemax[{','.join(sorted(set(extras) - {'all'}))}]"]


@pytest.mark.parametrize("name", ["all", "compare", "base"])
def test_the_lists_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert " @ " not in text
