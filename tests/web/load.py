"""Clients that ask without pause over connections that stay open, and how long their answers take."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Load", "press"]

Question = tuple[str, object]
"""Path and body."""


@dataclass
class Load:
    """Seconds of every answer by path, and how many had which status."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)

    def quantile(self, path: str, share: float) -> float:
        """The time within which that share of a path's answers came."""
        found = sorted(self.seconds[path])
        return found[min(len(found) - 1, int(share * len(found)))]

    def __str__(self) -> str:
        lines = [
            f"{path}: {len(found)} answers, median {self.quantile(path, 0.5) * 1e3:.0f} ms,"
            f" p95 {self.quantile(path, 0.95) * 1e3:.0f} ms, most {max(found) * 1e3:.0f} ms"
            for path, found in sorted(self.seconds.items())
        ]
        return "\n".join([*lines, f"statuses: {dict(self.statuses)}"])


def press(port: int, questions: Sequence[Question], num_clients: int, seconds: float, pause: float = 0.0) -> Load:
    """Let clients ask for so many seconds, each the questions in turn from a place of its own."""
    found = Load()
    asyncio.run(_all(port, questions, num_clients, seconds, pause, found))
    return found


async def _all(
    port: int, questions: Sequence[Question], num_clients: int, seconds: float, pause: float, found: Load
) -> None:
    end = time.perf_counter() + seconds
    sent = [(path, _request(port, path, body)) for path, body in questions]
    await asyncio.gather(
        *(
            _client(port, itertools.cycle([*sent[place:], *sent[:place]]), end, pause, found)
            for place in (client * 7 % len(sent) for client in range(num_clients))
        )
    )


def _request(port: int, path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def _client(
    port: int, requests: itertools.cycle[tuple[str, bytes]], end: float, pause: float, found: Load
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < end:
            path, request = next(requests)
            begun = time.perf_counter()
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            found.seconds.setdefault(path, []).append(time.perf_counter() - begun)
            found.statuses[int(head.split(b" ", 2)[1])] += 1
            if pause:
                await asyncio.sleep(pause)
    finally:
        writer.close()
