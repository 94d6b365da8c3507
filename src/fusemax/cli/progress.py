"""Progress of long work on stderr, when that is a terminal and nowhere else."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fusemax.base.progress import Observer, ignore

_INTERVAL_S = 0.1  # a line that changes faster than this cannot be read, and costs the work time


@contextmanager
def progress(label: str) -> Iterator[Observer]:
    """An observer that keeps one line on the terminal up to date, and wipes it at the end."""
    if not sys.stderr.isatty():
        yield ignore
        return
    last = 0.0

    def show(done: int, total: int | None, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _INTERVAL_S:
            return
        last = now
        count = f"{done}/{total}" if total is not None else str(done)
        line = f"{label}: {count} {what}"[: shutil.get_terminal_size().columns - 1]
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if last:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
