"""Processes of the explorer, as the server holds them: the nursery, and the children it forks."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import fusemax
from fusemax.web.nursery import END

__all__ = ["Child", "Nursery"]

_LINE = 64 << 20
_END_S = 1.0


@dataclass(eq=False)
class Child:
    """A forked process and the two ends of what it says and hears; ``pid`` once it has said it."""

    reader: StreamReader
    writer: StreamWriter
    nursery: Nursery
    process: Process
    pid: int = 0

    def end(self) -> None:
        """End it at once, whatever it does."""
        self.writer.close()
        if self.pid:
            self.nursery.send(self.process, END, self.pid)


class Nursery:
    """Starts the nursery's process, again when it has ended; ``folder`` is an empty one that all stand in.

    No relative name means a file there, and nobody else can put one there.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._starting = asyncio.Lock()
        self._process: Process | None = None
        self._control: socket.socket | None = None

    async def fork(self, kind: bytes, memory_bytes: int) -> Child:
        """A new child; its first message says that it is ready. ConnectionError when there can be none."""
        process = await self._running()
        mine, theirs = socket.socketpair()
        with theirs:
            if not self.send(process, kind, memory_bytes >> 20, theirs):
                mine.close()
                raise ConnectionError("the nursery has ended")
        reader, writer = await asyncio.open_unix_connection(sock=mine, limit=_LINE)
        return Child(reader, writer, self, process)

    def send(self, process: Process, kind: bytes, number: int, given: socket.socket | None = None) -> bool:
        """Send a message to the nursery that ``process`` is; whether it could be."""
        if process is not self._process or self._control is None:
            return False
        with suppress(OSError):
            message = kind + number.to_bytes(4, "big")
            socket.send_fds(self._control, [message], [given.fileno()] if given else [])
            return True
        return False

    async def stop(self) -> None:
        """End the nursery, and with it every child."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), _END_S)
            except TimeoutError:  # it was still importing
                with suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()

    async def _running(self) -> Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                if self._control is not None:
                    self._control.close()
                self._control, theirs = socket.socketpair()
                with theirs:
                    self._process = await asyncio.create_subprocess_exec(
                        sys.executable, "-m", "fusemax.web.nursery", stdin=theirs.fileno(), cwd=self.folder,
                        env=_environment(), start_new_session=True,
                    )  # fmt: skip
            return self._process


def _environment() -> dict[str, str]:
    """The environment of our processes: this fusemax wherever they stand, one thread each."""
    here = str(Path(fusemax.__file__).resolve().parents[1])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **alone, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))}
