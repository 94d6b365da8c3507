"""Workers: ended at their limits, replaced, never outliving the one who asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fusemax.web.limits import Limits
from fusemax.web.pool import Busy, OverLimit, Pool
from fusemax.web.processes import Nursery
from fusemax.web.worker import ANSWER, LIMIT, MISTAKE, answer
from tests.web.running import slow_cascade

QUICK = {"text": "cascade c\ninput A[k]\noutput Z\nZ = A[k]\n"}
SLOW = {"text": slow_cascade()}


def test_limits(tmp_path: Path) -> None:
    """All with one nursery: what it imports takes seconds."""

    async def run() -> None:
        nursery = Nursery(str(tmp_path))
        try:
            for limits, use in (
                (Limits(), _time_and_people),
                (Limits(num_waiting=2), _a_queue_has_an_end),
                (Limits(memory_bytes=700 << 20), _so_much_memory),
            ):
                pool = Pool(1, limits, nursery)
                pool.start()
                await use(pool)
                pids = pool.pids
                await pool.stop()
                await _ended(pids)
        finally:
            await nursery.stop()

    asyncio.run(run())


async def _ended(pids: tuple[int, ...]) -> None:
    async with asyncio.timeout(10):
        while any(map(_is_alive, pids)):
            await asyncio.sleep(0.01)


def _is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def _time_and_people(pool: Pool) -> None:
    kind, body = await pool.ask("passes", QUICK, 20)
    assert kind == ANSWER and json.loads(body)["ranks"]["K"]["passes"] == 1
    first = pool.pids
    kind, body = await pool.ask("passes", {"text": "no cascade"}, 20)
    assert kind == MISTAKE and json.loads(body)["error"]["places"][0]["line"] == 1
    assert pool.pids == first
    # Past its time: ended, and another one answers.
    with pytest.raises(OverLimit, match=r"not done within 0\.3 s"):
        await pool.ask("cascade", SLOW, 0.3)
    assert not any(map(_is_alive, first)) or pool.pids != first
    assert (await pool.ask("passes", QUICK, 20))[0] == ANSWER
    # Its client has gone: the same.
    second = pool.pids
    asking = asyncio.ensure_future(pool.ask("cascade", SLOW, 60))
    await asyncio.sleep(0.3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await pool.ask("passes", QUICK, 20))[0] == ANSWER
    assert not set(second) & set(pool.pids)
    # Ended by the system, as for memory.
    third = pool.pids
    asking = asyncio.ensure_future(pool.ask("cascade", SLOW, 60))
    await asyncio.sleep(0.3)
    os.kill(third[0], signal.SIGKILL)
    with pytest.raises(OverLimit, match="MiB of memory"):
        await asking
    assert (await pool.ask("passes", QUICK, 20))[0] == ANSWER


async def _a_queue_has_an_end(pool: Pool) -> None:
    await pool.ask("passes", QUICK, 20)
    pool.limits = replace(pool.limits, wait_s=0.5)
    asking = [asyncio.ensure_future(pool.ask("cascade", SLOW, 60)) for _ in range(3)]
    await asyncio.sleep(0.1)
    with pytest.raises(Busy, match="2 computations wait already"):
        await pool.ask("passes", QUICK, 20)
    found = await asyncio.wait_for(asyncio.gather(*asking[1:], return_exceptions=True), 10)
    assert all(isinstance(one, Busy) for one in found)
    asking[0].cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def _so_much_memory(pool: Pool) -> None:
    await pool.ask("passes", QUICK, 20)
    (pid,) = pool.pids
    limits = Path(f"/proc/{pid}/limits")
    if limits.exists():
        (line,) = [line for line in limits.read_text().splitlines() if line.startswith("Max address space")]
        assert line.split()[3:5] == [str(700 << 20)] * 2
        assert os.listdir(f"/proc/{pid}/cwd") == []


def test_numbers_that_are_too_large_are_the_questions_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def large(**_: object) -> None:
        raise OverflowError

    monkeypatch.setattr("fusemax.web.answers.cascade.passes", large)
    kind, body = answer("passes", QUICK)
    assert kind == MISTAKE and "64 bits" in json.loads(body)["error"]["text"]


def test_what_runs_out_of_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(**_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("fusemax.web.answers.cascade.passes", hungry)
    assert answer("passes", QUICK) == (LIMIT, b"MemoryError")


@pytest.mark.proof
def test_a_nursery_that_ends_is_started_again(tmp_path: Path) -> None:
    async def run() -> None:
        nursery = Nursery(str(tmp_path))
        pool = Pool(1, Limits(wait_s=60), nursery)
        pool.start()
        await pool.ask("passes", QUICK, 20)
        (first,) = pool.pids
        assert nursery._process is not None
        nursery._process.kill()
        assert (await pool.ask("passes", QUICK, 20))[0] == ANSWER
        os.kill(first, signal.SIGKILL)
        with pytest.raises(OverLimit):
            await pool.ask("passes", QUICK, 20)
        assert (await pool.ask("passes", QUICK, 20))[0] == ANSWER
        assert pool.pids != (first,)
        await pool.stop()
        await nursery.stop()

    asyncio.run(run())
