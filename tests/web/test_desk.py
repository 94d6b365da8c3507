"""Who asks the same shares one computation; it goes on while one of them is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from fusemax.web.desk import Desk
from fusemax.web.limits import Limits
from fusemax.web.pool import OverLimit, Pool
from fusemax.web.worker import ANSWER


class _Slow(Pool):
    """A pool without processes."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[str] = []

    async def ask(self, call: str, arguments: Mapping[str, object], seconds: float) -> tuple[bytes, bytes]:
        self.begun += 1
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            self.ended.append(call)
            raise
        if call == "too long":
            raise OverLimit("over")
        return ANSWER, call.encode()


def test_one_computation_for_all() -> None:
    async def run() -> None:
        pool = _Slow()
        desk = Desk(Limits(), pool, pool)
        found = await asyncio.gather(*(desk.ask("passes", {"text": "x"}, False, True) for _ in range(20)))
        assert set(found) == {(ANSWER, b"passes")} and pool.begun == 1 and not desk.asked
        assert await desk.ask("passes", {"text": "x"}, False, True) == found[0] and pool.begun == 1
        await asyncio.gather(*(desk.ask("passes", {"text": "x"}, False, False) for _ in range(3)))
        assert pool.begun == 4
        for _ in range(2):  # a failure is told to all, and not kept
            failed = await asyncio.gather(
                *(desk.ask("too long", {}, False, True) for _ in range(3)), return_exceptions=True
            )
            assert all(isinstance(one, OverLimit) for one in failed)
        assert pool.begun == 6 and not desk.asked

    asyncio.run(run())


def test_it_ends_when_the_last_one_goes() -> None:
    async def run() -> None:
        pool = _Slow()
        desk = Desk(Limits(), pool, pool, grace_s=0.02)
        asking = [asyncio.ensure_future(desk.ask("passes", {}, False, True)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for one in asking[:2]:
            one.cancel()
        assert await asking[2] == (ANSWER, b"passes") and pool.begun == 1 and not pool.ended
        asking = [asyncio.ensure_future(desk.ask("model", {}, False, True)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for one in asking:
            one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking[0]
        assert pool.ended == []
        await asyncio.sleep(0.03)
        assert pool.ended == ["model"] and not desk.asked
        # One that is nearly done is kept, for whoever asks again.
        asking = [asyncio.ensure_future(desk.ask("design", {}, False, True))]
        await asyncio.sleep(0.045)
        asking[0].cancel()
        await asyncio.sleep(0.03)
        begun = pool.begun
        assert await desk.ask("design", {}, False, True) == (ANSWER, b"design") and pool.begun == begun

    asyncio.run(run())
