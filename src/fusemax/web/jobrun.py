"""A process that runs one sweep or search: `python -m fusemax.web.jobrun MEMORY_BYTES`.

Its task is one line of JSON on stdin; what it says is lines of JSON on stdout: `progress`, and at the end `result` or
`error`. It ends when stdin does, so that it never outlives the server. A sweep has then kept all parts it stored.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from fusemax.base.errors import FusemaxError
from fusemax.base.progress import Observer
from fusemax.base.result import plain
from fusemax.web.worker import error_document, limit_memory

__all__ = ["main"]

_EVERY_S = 0.2

Say = Callable[[Mapping[str, object]], None]


def main() -> int:
    """Run the task that stdin names."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    limit_memory(int(sys.argv[1]))
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()

    def say(message: Mapping[str, object]) -> None:
        out.write(json.dumps(plain(message), ensure_ascii=False, allow_nan=False) + "\n")
        out.flush()

    try:
        say({"result": _run(task, _progress(say))})
    except FusemaxError as error:
        say({"error": error_document(error)})
    except (MemoryError, RecursionError) as error:
        say({"error": {"kind": "Limit", "message": type(error).__name__, "text": "over its limit of memory"}})
    except Exception as error:
        traceback.print_exc()
        say({"error": {"kind": "Internal", "message": type(error).__name__, "text": "a fault in fusemax"}})
    return 0


def _run(task: Mapping[str, Any], observe: Observer) -> dict[str, object]:
    from fusemax.web.answers.jobs import run_job

    return run_job(task["kind"], task["spec"], task["store"], observe)


def _progress(say: Say) -> Observer:
    last = -_EVERY_S

    def observe(done: int, total: int | None, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S or done == total:
            last = now
            say({"progress": [done, total, what]})

    return observe


def _end_with_stdin() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
