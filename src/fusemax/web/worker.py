"""A process that computes answers, one at a time: `python -m fusemax.web.worker MEMORY_BYTES [quick]`.

It reads frames from stdin (four bytes of length, then JSON: the call, its arguments, its seconds) and writes frames to
stdout (one letter, four bytes of length, then JSON). The letters: ready, an answer, the user's mistake, over the
limit, or a fault of ours. It ends with its stdin. Time is watched by whoever asked, who kills it; the alarm here is for
the case that nobody is left to do so.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any, BinaryIO

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors
from fusemax.base.result import plain

__all__ = ["ANSWER", "FAULT", "LIMIT", "MISTAKE", "READY", "error_document", "limit_memory", "main", "places"]

READY, ANSWER, MISTAKE, LIMIT, FAULT = b"R", b"A", b"M", b"L", b"F"
_GRACE_S = 5.0


def main() -> int:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no frame
    limit_memory(int(sys.argv[1]))
    from fusemax.web.answers import warm

    warm("quick" in sys.argv[2:])
    _write(out, READY, b"")
    while True:
        head = sys.stdin.buffer.read(4)
        if len(head) < 4:
            return 0
        message = json.loads(sys.stdin.buffer.read(int.from_bytes(head, "big")))
        _alarm(message["seconds"] + _GRACE_S)
        kind, body = answer(message["call"], message["arguments"])
        _alarm(0)
        _write(out, kind, body)
        if kind == LIMIT:
            return 0  # what ran out of memory is no fit place to go on


def answer(call: str, arguments: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The letter and the JSON of an answer."""
    from fusemax.web.answers import ANSWERS

    module, _, name = ANSWERS[call].partition(":")
    try:
        found = getattr(import_module(module), name)(**arguments)
        return ANSWER, json.dumps(plain(found), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except FusemaxError as error:
        return MISTAKE, json.dumps({"error": error_document(error)}).encode()
    except (MemoryError, RecursionError) as error:
        return LIMIT, type(error).__name__.encode()
    except Exception:
        return FAULT, traceback.format_exc().encode()


def error_document(error: FusemaxError) -> dict[str, object]:
    """An error as the API gives it."""
    return {
        "kind": type(error).__name__,
        "message": error.message if isinstance(error, SourceError) else str(error),
        "text": str(error),
        "places": places(error),
    }


def places(error: FusemaxError) -> list[dict[str, object]]:
    """Where the errors stand, for an editor to underline."""
    several = error.errors if isinstance(error, SourceErrors) else [error]
    return [
        {
            "line": one.line,
            "column": one.column,
            "length": one.length,
            "message": one.message,
            "suggestion": one.suggestion,
        }
        for one in several
        if isinstance(one, SourceError)
    ]


def limit_memory(size: int) -> None:
    """No more address space than so many bytes, where the system has such a limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _write(out: BinaryIO, kind: bytes, body: bytes) -> None:
    out.write(kind + len(body).to_bytes(4, "big") + body)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
