"""Warm worker processes, and the queue before them.

A worker computes one answer at a time. One that is past its time, or whose asker has gone, is killed and replaced:
nothing inside it has to be asked to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path

import fusemax
from fusemax.web.limits import Limits
from fusemax.web.worker import FAULT, LIMIT, READY

__all__ = ["Busy", "OverLimit", "Pool", "environment"]

_START_S = 120.0
_AGAIN_S = 1.0


class OverLimit(Exception):
    """A computation was ended at its limit of time or memory."""


class Busy(Exception):
    """No worker came free in time, or too many wait already."""


class Pool:
    """``size`` workers; ``folder`` is an empty one that they stand in, so that no relative name means a file.

    ``is_quick``: they run once, before they are ready, what answers fast.
    """

    def __init__(self, size: int, limits: Limits, folder: str, is_quick: bool) -> None:
        self.size = size
        self.limits = limits
        self.folder = folder
        self.is_quick = is_quick
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        self._waiting = 0
        self._workers: set[_Worker] = set()
        self._starting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to start the workers; they serve as they become ready."""
        for _ in range(self.size):
            self._replace()

    async def stop(self) -> None:
        """End every worker."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for worker in list(self._workers):
            worker.kill()
        await asyncio.gather(*(worker.ended() for worker in self._workers))

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes, those that start included."""
        return tuple(sorted(worker.process.pid for worker in self._workers))

    async def ask(self, call: str, arguments: Mapping[str, object], seconds: float) -> tuple[bytes, bytes]:
        """The letter and body of an answer (see `worker`); cancelled, it kills the worker. OverLimit, Busy."""
        message = json.dumps({"call": call, "arguments": arguments, "seconds": seconds}).encode()
        worker = await self._free()
        is_whole = False
        try:
            async with asyncio.timeout(seconds):
                kind, body = await worker.ask(message)
            is_whole = kind != LIMIT
        except TimeoutError:
            raise OverLimit(f"not done within {seconds:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):  # it died: what kills it is the memory it may not have
            raise OverLimit(f"not done within {self.limits.memory_bytes >> 20} MiB of memory") from None
        finally:
            if is_whole:
                self._idle.put_nowait(worker)
            else:
                worker.kill()
                self._workers.discard(worker)
                self._replace()
        if kind == LIMIT:
            what = (
                "this deep" if body == b"RecursionError" else f"within {self.limits.memory_bytes >> 20} MiB of memory"
            )
            raise OverLimit(f"cannot be computed {what}")
        if kind == FAULT:
            print(body.decode(errors="replace"), file=sys.stderr, flush=True)
        return kind, body

    async def _free(self) -> _Worker:
        if self._waiting >= self.limits.num_waiting:
            raise Busy(f"{self._waiting} computations wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.wait_s):
                return await self._idle.get()
        except TimeoutError:
            raise Busy(f"nothing could be computed for {self.limits.wait_s:.0f} s: too much is asked at once") from None
        finally:
            self._waiting -= 1

    def _replace(self) -> None:
        task = asyncio.get_running_loop().create_task(self._add())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _add(self) -> None:
        while True:
            worker = await _Worker.start(self.folder, self.limits.memory_bytes, self.is_quick)
            self._workers.add(worker)
            try:
                async with asyncio.timeout(_START_S):
                    kind, _ = await worker.read()
                if kind == READY:
                    self._idle.put_nowait(worker)
                    return
            except (TimeoutError, asyncio.IncompleteReadError):
                print("fusemax: a worker process did not start; trying again", file=sys.stderr, flush=True)
            worker.kill()
            self._workers.discard(worker)
            await asyncio.sleep(_AGAIN_S)


class _Worker:
    def __init__(self, process: Process) -> None:
        self.process = process

    @staticmethod
    async def start(folder: str, memory_bytes: int, is_quick: bool) -> _Worker:
        """Start a process; it is ready when its first frame says so."""
        command = [sys.executable, "-m", "fusemax.web.worker", str(memory_bytes), *(["quick"] if is_quick else [])]
        return _Worker(
            await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, cwd=folder, env=environment(), start_new_session=True
            )
        )

    async def ask(self, message: bytes) -> tuple[bytes, bytes]:
        assert self.process.stdin is not None
        self.process.stdin.write(len(message).to_bytes(4, "big") + message)
        await self.process.stdin.drain()
        return await self.read()

    async def read(self) -> tuple[bytes, bytes]:
        assert self.process.stdout is not None
        head = await self.process.stdout.readexactly(5)
        return head[:1], await self.process.stdout.readexactly(int.from_bytes(head[1:], "big"))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def ended(self) -> None:
        await self.process.wait()


def environment() -> dict[str, str]:
    """The environment of our processes: this fusemax wherever they stand, one thread each."""
    here = str(Path(fusemax.__file__).resolve().parents[1])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **alone, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))}
