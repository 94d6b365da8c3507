"""The public surface: sorted, complete, lazy; rooms that share a function's name are callable."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fusemax
from fusemax.cascade import load


def test_sorted_and_without_duplicates() -> None:
    assert list(fusemax._WHERE) == sorted(fusemax._WHERE)
    assert fusemax.__all__ == sorted(fusemax._WHERE)
    assert set(fusemax.__all__) >= set(fusemax._OF_CASCADES)


@pytest.mark.parametrize("name", fusemax.__all__)
def test_every_name_is_callable_and_says_what_it_does(name: str) -> None:
    assert callable(getattr(fusemax, name))
    assert fusemax._function(name).__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(fusemax.__file__).read_text(encoding="utf-8"))
    (typed,) = (node.body for node in tree.body if isinstance(node, ast.If))
    imported = {alias.asname for node in typed if isinstance(node, ast.ImportFrom) for alias in node.names}
    assigned = {
        target.id
        for node in typed
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert {name for name in imported | assigned if name and not name.startswith("_")} == set(fusemax.__all__)
    assert assigned >= set(fusemax._OF_CASCADES)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        fusemax.__getattr__("compair")
    assert "load" in dir(fusemax)


def test_a_cascade_or_its_name() -> None:
    assert fusemax.passes("attn_3pass").to_json_document() == fusemax.passes(load("attn_3pass")).to_json_document()


def test_two_cascades_or_their_names() -> None:
    assert fusemax.equal("c1_pedagogical", load("c2_deferred")).document()["verdict"] == "proof"


@pytest.mark.parametrize("first", ["", "import fusemax.derive.derivation; ", "from fusemax.derive import laws; "])
def test_a_room_is_its_function_whatever_was_imported_first(first: str) -> None:
    program = (
        f"import fusemax; {first}"
        "assert callable(fusemax.derive); import fusemax.derive.laws;"
        "fusemax.derive.laws.LAWS; print(fusemax.derive('attn_3pass', rank='M', budget=1).rank)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "M\n"


def test_importing_the_package_imports_no_library() -> None:
    program = "import sys; before = set(sys.modules); import fusemax; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {"fusemax", *sys.stdlib_module_names}
