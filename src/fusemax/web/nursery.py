"""The process that workers and jobs are forked from: `python -m fusemax.web.nursery`.

It imports and runs once what answers need, and then only forks, so that a worker that was ended is replaced in
milliseconds and all of them share that memory. Its stdin is a Unix socket; a message is five bytes: a letter and a
number. ``W``, ``L`` and ``J`` come with a socket that a new worker or job serves, within so many MiB of memory; ``K``
ends the child of that process number. What takes long (``L``, ``J``) gives way to ``W``, whose answers somebody waits
for while he moves a slider. When the socket closes, the server has gone, and every child is ended.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
from typing import NoReturn

__all__ = ["END", "JOB", "LONG", "SIZE", "WORKER", "main"]

WORKER, LONG, JOB, END = b"W", b"L", b"J", b"K"
SIZE = 5
_NICE = 4


def main() -> int:
    """Fork and end children until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    from fusemax.web.answers import warm

    warm()
    gc.freeze()
    children: set[int] = set()
    with contextlib.suppress(ConnectionError):
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, SIZE, 1)
            if len(message) < SIZE:
                break
            kind, number = message[:1], int.from_bytes(message[1:], "big")
            if kind == END:
                _end(children, number)
                continue
            pid = os.fork()
            if pid == 0:
                control.close()
                _child(kind, descriptors[0], number << 20)
            os.close(descriptors[0])
            children.add(pid)
    for pid in list(children):
        _end(children, pid)
    return 0


def _end(children: set[int], pid: int) -> None:
    if pid not in children:
        return
    children.discard(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _child(kind: bytes, descriptor: int, memory_bytes: int) -> NoReturn:
    """The whole life of a child; nothing of the nursery's own may run after it."""
    status = 1
    try:
        if kind != WORKER:
            os.nice(_NICE)
        _limit_memory(memory_bytes)
        with socket.socket(fileno=descriptor) as connection:
            if kind != JOB:
                from fusemax.web.worker import serve

                serve(connection)
            else:
                from fusemax.web.jobrun import run

                run(connection)
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _limit_memory(size: int) -> None:
    """No more address space than so many bytes, where the system has such a limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


if __name__ == "__main__":
    sys.exit(main())
