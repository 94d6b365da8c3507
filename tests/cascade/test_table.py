import subprocess
import sys
from importlib.resources import files

from fusemax.cascade.make_table import table_text


def test_the_table_is_that_of_the_grammar() -> None:
    shipped = (files("fusemax.cascade") / "grammar.json").read_text(encoding="utf-8")
    assert shipped == table_text(), "run 'python -m fusemax.cascade.make_table'"


def test_the_table_does_not_depend_on_the_run() -> None:
    code = "from fusemax.cascade.make_table import table_text; print(table_text(), end='')"
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert found.stdout == table_text()


def test_reading_needs_no_lark() -> None:
    code = "import sys, fusemax; fusemax.load('attn_1pass_fusemax'); sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
