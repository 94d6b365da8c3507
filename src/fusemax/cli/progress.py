"""Progress of long work on stderr: a bar on a terminal; in a log a line a minute where the work may take hours."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fusemax.base.progress import Observer, ignore

__all__ = ["progress"]

_REDRAW_S = 0.2  # a line that changes faster than this cannot be read, and costs the work time
_LOG_S = 60.0


@contextmanager
def progress(label: str, *, logs: bool = False) -> Iterator[Observer]:
    """An observer that shows how much is done, at which rate, and the time left; the bar is wiped at the end.

    Without a terminal nothing is shown, or with ``logs`` a line a minute.
    """
    if sys.stderr.isatty():
        with _bar(label) as observe:
            yield observe
    else:
        yield _log(label) if logs else ignore


@contextmanager
def _bar(label: str) -> Iterator[Observer]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(label), BarColumn(bar_width=24), TextColumn("{task.fields[count]}"), TimeRemainingColumn(),
        TextColumn("{task.fields[what]}"),
    )  # fmt: skip
    # Drawn when the work calls: a thread that draws would be copied into the processes that work starts.
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, auto_refresh=False) as bar:
        task: TaskID | None = None
        last = 0.0

        def show(done: int, total: int | None, what: str) -> None:
            nonlocal task, last
            if task is None:  # what a run before this one has done counts as done, not as fast
                task = bar.add_task(label, total=total, completed=done, count="", what="")
            bar.update(task, completed=done, total=total)
            now = time.monotonic()
            if now - last >= _REDRAW_S:
                last = now
                speed = bar.tasks[0].speed
                count = f"{done}/{total}" if total is not None else str(done)
                bar.update(task, count=count + (f", {speed:,.0f}/s" if speed else ""), what=what)
                bar.refresh()

        yield show


def _log(label: str) -> Observer:
    begun = last = time.monotonic()
    first: int | None = None

    def show(done: int, total: int | None, what: str) -> None:
        nonlocal last, first
        now = time.monotonic()
        first = done if first is None else first
        if now - last >= _LOG_S:
            last = now
            print(
                f"{label}: {_in_words(done, total, what, (done - first) / (now - begun))}", file=sys.stderr, flush=True
            )

    return show


def _in_words(done: int, total: int | None, what: str, rate: float) -> str:
    """How much is done, at which rate, and the time left at that rate."""
    text = f"{done}/{total} {what}" if total is not None else f"{done} {what}"
    if total is None or rate <= 0:
        return text
    left = (total - done) / rate
    clock = f"{left / 3600:.1f} h" if left >= 3600 else f"{left / 60:.1f} min" if left >= 60 else f"{left:.0f} s"
    return f"{text}, {rate:,.0f}/s, {clock} left"
