"""An explorer in a thread of the test's own process, and texts that are slow to analyse."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from fusemax.web.app import create_app, hosts_at
from fusemax.web.limits import Limits

__all__ = ["Explorer", "explorer", "slow_cascade"]


@dataclass(frozen=True)
class Explorer:
    """A server that runs: its port, its application's state, its store."""

    port: int
    state: Any
    store: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(self.address + path, timeout=120, **more)

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        return httpx.post(self.address + path, json=body, timeout=120, **more)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextmanager
def explorer(store: Path, limits: Limits) -> Iterator[Explorer]:
    """Serve until the block ends; every process of it has ended then."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen(256)
    port = bound.getsockname()[1]
    app = create_app(hosts_at(port), limits, str(store))
    config = uvicorn.Config(app, log_level="warning", ws="none", lifespan="on", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Explorer(port, app.app.state, store)  # type: ignore[attr-defined]
    finally:
        server.should_exit = True
        thread.join(30)
        bound.close()
        assert not thread.is_alive()


def slow_cascade(length: int = 400) -> str:
    """A legal cascade that takes far longer to analyse than its length suggests."""
    lines = ["cascade slow", "input A0[k], B[k]", "output Z", "sizes K = 4"]
    for i in range(length):
        lines += [f"Y{i} = A{i}[k] * B[k]", f"A{i + 1}[k] = Y{i} * B[k]"]
    return "\n".join([*lines, f"Z = A{length}[k] * B[k]", ""])
