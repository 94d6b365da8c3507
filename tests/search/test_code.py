"""The hash of the code covers all that a point's figures may depend on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import fusemax
from fusemax.search.code import code_digest, determining_files

IMPORTED = """
import sys
import fusemax.search.grid, fusemax.search.fig12
from fusemax.search.sweep import SweepPlan
SweepPlan("fig12").parts[0].figures(0, 1)
print(*(m.__file__ for n, m in list(sys.modules.items()) if n.startswith("fusemax") and m.__file__), sep="\\n")
"""
KEEPING = {"code.py", "export.py", "pieces.py", "spec.py", "store.py", "storefile.py", "study.py", "sweep.py"}
"""What cuts sweeps and keeps points, and finds no figure."""


def test_all_that_a_point_imports_is_covered() -> None:
    ended = subprocess.run([sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True)
    covered = set(determining_files())
    left = [Path(name) for name in ended.stdout.split() if Path(name) not in covered]
    search = Path(fusemax.__file__).parent / "search"
    assert {path for path in left if path.parent != search} == set()
    assert {path.name for path in left} <= KEEPING | {"__init__.py"}


def test_tables_are_covered_and_it_is_cheap() -> None:
    names = {path.name for path in determining_files()}
    assert {"batch.py", "program.py", "published-sweep.csv", "fusemax.yaml", "grammar.lark"} & names >= {"batch.py"}
    assert any(name.endswith(".csv") for name in names) and any(name.endswith(".yaml") for name in names)
    code_digest.cache_clear()
    begun = time.process_time()
    code_digest()
    assert time.process_time() - begun < 1
