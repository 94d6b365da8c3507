"""A process that runs one sweep or search, forked by the nursery.

Its task is one line of JSON; what it says is lines of JSON: its process number, `progress`, the `front` of a search
where it has changed, and at the end `result` or `error`. It ends when the other side closes. A sweep has then kept all
parts it stored.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from fusemax.base.errors import FusemaxError
from fusemax.base.progress import Observer
from fusemax.base.result import plain
from fusemax.web.worker import error_document

__all__ = ["run"]

_EVERY_S = 0.2

Say = Callable[[Mapping[str, object]], None]


def run(connection: socket.socket) -> None:
    """Run the task that comes."""
    with connection.makefile("rb") as asked, connection.makefile("wb") as out:

        def say(message: Mapping[str, object]) -> None:
            out.write(json.dumps(plain(message), allow_nan=False).encode() + b"\n")
            out.flush()

        say({"pid": os.getpid()})
        line = asked.readline()
        if not line:
            return
        task = json.loads(line)
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        try:
            say({"result": _run(task, _progress(say), _front(say))})
        except FusemaxError as error:
            say({"error": error_document(error)})
        except (MemoryError, RecursionError) as error:
            say({"error": {"kind": "Limit", "message": type(error).__name__, "text": "over its limit of memory"}})
        except Exception as error:
            traceback.print_exc()
            say({"error": {"kind": "Internal", "message": type(error).__name__, "text": "a fault in fusemax"}})


def _run(task: Mapping[str, Any], observe: Observer, see: Callable[[list[dict[str, Any]]], None]) -> dict[str, object]:
    from fusemax.web.answers.jobs import run_job

    return run_job(task["kind"], task["spec"], task["store"], observe, see)


def _front(say: Say) -> Callable[[list[dict[str, Any]]], None]:
    last: list[object] = []

    def see(front: list[dict[str, Any]]) -> None:
        nonlocal last
        places = [row["place"] for row in front]
        if places != last:
            last = places
            say({"front": front})

    return see


def _progress(say: Say) -> Observer:
    last = -_EVERY_S

    def observe(done: int, total: int | None, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S or done == total:
            last = now
            say({"progress": [done, total, what]})

    return observe


def _end_with(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(1):
            pass
    os._exit(3)
