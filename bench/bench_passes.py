"""How long the passes of every cascade that ships take: as one command, and against lark reading the same texts."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.resources import files

from bench.case import Case
from fusemax.analysis.passes import passes
from fusemax.cascade.load import catalogue
from fusemax.cascade.table import new_lark
from fusemax.execute import load_tried

PROMISED_S = 1.0


def cases() -> list[Case]:
    """Two cases: with the start of the interpreter, and in this process, where both sides have their parser made."""
    folder = files("fusemax") / "catalogue" / "cascades"
    texts = [(folder / f"{name}.cascade").read_text(encoding="utf-8") for name in catalogue()]
    lark = new_lark()

    def command() -> None:
        subprocess.run([sys.executable, "-m", "fusemax", "passes", *catalogue()], check=True, capture_output=True)

    return [
        Case(
            name=f"`fusemax passes`, all {len(texts)} cascades that ship",
            baseline_name=f"{PROMISED_S:g} s",
            ours=command,
            baseline=lambda: time.sleep(PROMISED_S),
            at_most=1,
            points=len(texts),
            counted="cascades",
        ),
        Case(
            name="the same in one process",
            baseline_name="lark's LALR parser, reading only",
            ours=lambda: [passes(load_tried(name)) for name in catalogue()],
            baseline=lambda: [lark.parse(text, start="file") for text in texts],
            at_most=4,
            points=len(texts),
            counted="cascades",
        ),
    ]
