"""How long ``fusemax --help`` takes to answer, against importing its one library for the command line."""

from __future__ import annotations

import subprocess
import sys

from bench.case import Case


def cases() -> list[Case]:
    """One case: both sides start an interpreter."""

    def start(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return [
        Case(
            name="`fusemax --help`",
            baseline_name='`python -c "import click"`',
            ours=lambda: start("-m", "fusemax", "--help"),
            baseline=lambda: start("-c", "import click"),
            at_most=2,
            repeat=9,
        )
    ]
