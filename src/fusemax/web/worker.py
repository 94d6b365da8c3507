"""A process that computes answers, one at a time, forked by the nursery.

It reads frames (four bytes of length, then JSON: the call and its arguments) and writes frames (one letter, four bytes
of length, then JSON). The letters: ready (and its process number), an answer, the user's mistake, over the limit, or a
fault of ours. Its time is watched by whoever asked, who has it ended.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any, BinaryIO

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors, UsageError
from fusemax.base.result import plain

__all__ = ["ANSWER", "FAULT", "LIMIT", "MISTAKE", "READY", "TOO_LARGE", "answer", "error_document", "places", "serve"]

READY, ANSWER, MISTAKE, LIMIT, FAULT = b"R", b"A", b"M", b"L", b"F"

TOO_LARGE = "the numbers of this point are larger than whole numbers of 64 bits"


def serve(connection: socket.socket) -> None:
    """Answer until the other side closes."""
    with connection.makefile("rb") as asked, connection.makefile("wb") as out:
        _write(out, READY, str(os.getpid()).encode())
        while len(head := asked.read(4)) == 4:
            message = json.loads(asked.read(int.from_bytes(head, "big")))
            kind, body = answer(message["call"], message["arguments"])
            _write(out, kind, body)
            if kind == LIMIT:
                return  # what ran out of memory is no fit place to go on


def answer(call: str, arguments: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The letter and the JSON of an answer."""
    from fusemax.web.answers import ANSWERS

    module, _, name = ANSWERS[call].partition(":")
    try:
        found = getattr(import_module(module), name)(**arguments)
        return ANSWER, json.dumps(plain(found), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except FusemaxError as error:
        return MISTAKE, json.dumps({"error": error_document(error)}).encode()
    except OverflowError:
        return MISTAKE, json.dumps({"error": error_document(UsageError(TOO_LARGE))}).encode()
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
    """Where the errors stand, for an editor to underline: in the text (`<design>`) or in a part that ships."""
    several = error.errors if isinstance(error, SourceErrors) else [error]
    return [
        {
            "file": one.file,
            "line": one.line,
            "column": one.column,
            "length": one.length,
            "message": one.message,
            "suggestion": one.suggestion,
        }
        for one in several
        if isinstance(one, SourceError)
    ]


def _write(out: BinaryIO, kind: bytes, body: bytes) -> None:
    out.write(kind + len(body).to_bytes(4, "big") + body)
    out.flush()
