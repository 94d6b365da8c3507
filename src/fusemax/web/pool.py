"""Workers, and the queue before them.

A worker computes one answer at a time. One that is past its time, or whose asker has gone, is ended and replaced:
nothing inside it has to be asked to stop.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

from fusemax.web.limits import Limits
from fusemax.web.nursery import WORKER
from fusemax.web.processes import Child, Nursery
from fusemax.web.worker import FAULT, LIMIT, READY

__all__ = ["Busy", "OverLimit", "Pool"]

_START_S = 120.0
_AGAIN_S = 1.0


class OverLimit(Exception):
    """A computation was ended at its limit of time or memory."""


class Busy(Exception):
    """No worker came free in time, or too many wait already."""


class Pool:
    """``size`` workers, of the nursery's ``kind``."""

    def __init__(self, size: int, limits: Limits, nursery: Nursery, kind: bytes = WORKER) -> None:
        self.size = size
        self.kind = kind
        self.limits = limits
        self.nursery = nursery
        self._idle: asyncio.LifoQueue[Child] = asyncio.LifoQueue()
        self._waiting = 0
        self._workers: set[Child] = set()
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
        for worker in self._workers:
            worker.end()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are ready or compute."""
        return tuple(sorted(worker.pid for worker in self._workers if worker.pid))

    async def ask(self, call: str, arguments: Mapping[str, object], seconds: float) -> tuple[bytes, bytes]:
        """The letter and body of an answer (see `worker`); cancelled, it ends the worker. OverLimit, Busy."""
        message = json.dumps({"call": call, "arguments": arguments}).encode()
        worker = await self._free()
        is_whole = False
        try:
            async with asyncio.timeout(seconds):
                worker.writer.write(len(message).to_bytes(4, "big") + message)
                await worker.writer.drain()
                kind, body = await _read(worker)
            is_whole = kind != LIMIT
        except TimeoutError:
            raise OverLimit(f"not done within {seconds:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):  # it died: what kills it is the memory it may not have
            raise OverLimit(f"not done within {self.limits.memory_bytes >> 20} MiB of memory") from None
        finally:
            if is_whole:
                self._idle.put_nowait(worker)
            else:
                self._workers.discard(worker)
                worker.end()
                self._replace()
        if kind == LIMIT:
            what = (
                "this deep" if body == b"RecursionError" else f"within {self.limits.memory_bytes >> 20} MiB of memory"
            )
            raise OverLimit(f"cannot be computed {what}")
        if kind == FAULT:
            print(body.decode(errors="replace"), file=sys.stderr, flush=True)
        return kind, body

    async def _free(self) -> Child:
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
            try:
                worker = await self.nursery.fork(self.kind, self.limits.memory_bytes)
                self._workers.add(worker)
                async with asyncio.timeout(_START_S):
                    kind, body = await _read(worker)
                if kind == READY:
                    worker.pid = int(body)
                    self._idle.put_nowait(worker)
                    return
                self._workers.discard(worker)
                worker.end()
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                print("fusemax: a worker process did not start; trying again", file=sys.stderr, flush=True)
            await asyncio.sleep(_AGAIN_S)


async def _read(worker: Child) -> tuple[bytes, bytes]:
    head = await worker.reader.readexactly(5)
    return head[:1], await worker.reader.readexactly(int.from_bytes(head[1:], "big"))
