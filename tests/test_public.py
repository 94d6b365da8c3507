"""The public surface: sorted, complete, lazy."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import fusemax


def test_sorted_and_without_duplicates() -> None:
    assert list(fusemax._WHERE) == sorted(fusemax._WHERE)
    assert fusemax.__all__ == sorted(fusemax._WHERE)


@pytest.mark.parametrize("name", fusemax.__all__)
def test_every_name_resolves_and_says_what_it_is(name: str) -> None:
    value = getattr(fusemax, name)
    assert value is getattr(importlib.import_module(fusemax._WHERE[name]), name)
    assert value.__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(fusemax.__file__).read_text(encoding="utf-8"))
    typed = {alias.asname for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(fusemax.__all__) <= typed


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        fusemax.__getattr__("compair")
    assert "load" in dir(fusemax)


def test_importing_the_package_imports_no_library() -> None:
    program = "import sys; before = set(sys.modules); import fusemax; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {"fusemax", "typing"} | set(
        sys.stdlib_module_names
    )
