"""From a request to its answer: asks a worker, watches whether the client is still there, words what went wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response

from fusemax.web.guard import error_body
from fusemax.web.limits import Limits
from fusemax.web.pool import Busy, OverLimit, Pool
from fusemax.web.remember import Remembered
from fusemax.web.worker import ANSWER, MISTAKE

__all__ = ["Desk", "answer", "desk_of", "refusal"]


Found = tuple[bytes, bytes]


@dataclass
class _Shared:
    """A computation and how many wait for it."""

    work: asyncio.Future[Found]
    askers: int = 0


@dataclass
class Desk:
    """What routes need: workers for quick and for long answers, limits, and answers given before."""

    limits: Limits
    quick: Pool
    long: Pool
    grace_s: float = 0.3
    """A computation whose asker has gone may take so much longer: a slider that moves on asks again and again."""
    given: Remembered = field(default_factory=Remembered)
    asked: dict[bytes, _Shared] = field(default_factory=dict)

    async def ask(self, call: str, arguments: Mapping[str, object], is_long: bool, keep: bool) -> Found:
        """An answer from memory or from a worker; one computation serves all who ask the same. OverLimit, Busy."""
        pool, seconds = (self.long, self.limits.long_s) if is_long else (self.quick, self.limits.quick_s)
        if not keep:
            return await pool.ask(call, arguments, seconds)
        key = json.dumps([call, arguments], sort_keys=True).encode()
        found = self.given.get(key)
        return found or await self._shared(key, pool, call, arguments, seconds)

    async def _shared(
        self, key: bytes, pool: Pool, call: str, arguments: Mapping[str, object], seconds: float
    ) -> Found:
        shared = self.asked.get(key)
        if shared is None:
            shared = self.asked[key] = _Shared(asyncio.ensure_future(pool.ask(call, arguments, seconds)))
            shared.work.add_done_callback(lambda work: self._done(key, work))
        shared.askers += 1
        try:
            return await asyncio.shield(shared.work)
        finally:
            shared.askers -= 1
            if not shared.askers and not shared.work.done():  # all have gone
                asyncio.get_running_loop().call_later(self.grace_s, self._give_up, key, shared)

    def _done(self, key: bytes, work: asyncio.Future[Found]) -> None:
        self._forget(key, work)
        if not work.cancelled() and work.exception() is None and work.result()[0] in (ANSWER, MISTAKE):
            self.given.put(key, work.result())

    def _give_up(self, key: bytes, shared: _Shared) -> None:
        if not shared.askers:
            self._forget(key, shared.work)  # nobody may join what is ended
            shared.work.cancel()

    def _forget(self, key: bytes, work: asyncio.Future[Found]) -> None:
        if key in self.asked and self.asked[key].work is work:
            del self.asked[key]


def desk_of(request: Request) -> Desk:
    """The desk of the application that serves a request."""
    desk: Desk = request.app.state.desk
    return desk


async def answer(
    request: Request,
    call: str,
    arguments: Mapping[str, object],
    *,
    is_long: bool = False,
    keep: bool = True,
    missing: int = 422,
) -> Response:
    """The response to a request: the answer, the user's mistake (422), a limit (422), no worker free (429).

    ``missing`` is the status of a mistake where the only one can be that there is none of that name.
    """
    try:
        found = await _while_there(request, desk_of(request).ask(call, arguments, is_long, keep))
    except OverLimit as limit:
        return refusal(422, "Limit", f"{call}: {limit}")
    except Busy as busy:
        return refusal(429, "Busy", str(busy))
    if found is None:
        return Response(status_code=499)  # nobody reads it
    kind, body = found
    if kind == ANSWER:
        return Response(body, media_type="application/json")
    if kind == MISTAKE:
        return Response(body, status_code=missing, media_type="application/json")
    return refusal(500, "Internal", "a fault in fusemax; the terminal that serves this page shows where")


def refusal(status: int, kind: str, message: str) -> Response:
    """An error that has no place in a text."""
    return Response(error_body(kind, message), status_code=status, media_type="application/json")


async def _while_there(request: Request, asking: Coroutine[Any, Any, Found]) -> Found | None:
    """What is asked for, or None when the client leaves first: then nothing goes on being computed for it."""
    work = asyncio.ensure_future(asking)
    watch = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        return await work if work.done() else None
    finally:
        for task in (work, watch):
            task.cancel()
        await asyncio.gather(work, watch, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
