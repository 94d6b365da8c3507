"""``make bench``: runs every topic, ``bench/bench_TOPIC.py``, and prints ratios; status 1 when a promise is broken.

A topic defines ``cases() -> list[Case]``. ``make bench TOPIC=start`` runs one; ``--write`` puts the table into
the README between its two ``bench`` comments.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.case import Measurement, measure
from docs.parts import replace_part
from fusemax.base.errors import UnknownName
from fusemax.base.files import write_atomically
from fusemax.base.units import format_si

FOLDER = Path(__file__).parent
README = FOLDER.parent / "README.md"


def topics() -> list[str]:
    """The topics there are, sorted."""
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def run(names: Iterable[str]) -> list[Measurement]:
    """Measure every case of the topics, telling stderr which."""
    found = []
    for name in names:
        for case in importlib.import_module(f"bench.bench_{name}").cases():
            print(f"{name}: {case.name}", file=sys.stderr)
            found.append(measure(case))
    return found


def table(measurements: Iterable[Measurement]) -> str:
    """A Markdown table, one line per case."""
    lines = ["| job | baseline | ours | baseline | ratio | promised | memory ratio |", "|---|---|--:|--:|--:|--:|--:|"]
    for one in measurements:
        case = one.case
        promised = "" if case.at_most is None else f"{case.at_most:g}"
        memory = ""
        if one.memory_ratio is not None:
            memory = f"{one.memory_ratio:.2f} (promised {case.memory_at_most:g})"
        rate = "" if case.points is None else f" ({case.points / one.ours_s:,.0f} {case.counted}/s)"
        times = f"{format_si(one.ours_s, 's')}{rate} | {format_si(one.baseline_s, 's')} | {one.ratio:.2f}"
        kept = "" if one.is_kept else " **missed**"
        lines.append(f"| {case.name} | {case.baseline_name} | {times}{kept} | {promised} | {memory} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and tell by the status whether every promise is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topic", nargs="*", help=f"one of {', '.join(topics())}; all when none is given")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    arguments = parser.parse_args()
    for name in arguments.topic:
        if name not in topics():
            parser.error(str(UnknownName("topic", name, topics())))
    measurements = run(arguments.topic or topics())
    text = table(measurements)
    print(text, end="")
    if arguments.write:
        machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores."
        page = README.read_text(encoding="utf-8")
        write_atomically(README, replace_part(page, "bench", "make bench WRITE=1", f"{text}\n{machine}"))
    return 0 if all(one.is_kept for one in measurements) else 1


if __name__ == "__main__":
    sys.exit(main())
