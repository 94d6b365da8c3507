"""Serve the explorer on this machine alone, until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from fusemax.base.errors import FileError, MissingExtra, UsageError

__all__ = ["HOST", "PORT", "serve"]

HOST = "127.0.0.1"
PORT = 8470


def serve(
    port: int = PORT, store: str | None = None, is_opening: bool = True, tell: Callable[[str], None] = print
) -> None:
    """Serve the explorer at ``http://127.0.0.1:PORT/`` (0: any free port) until it is interrupted.

    ``store`` is the file of results that sweeps go into. ``tell`` is given the address; ``is_opening`` opens the
    browser there. Raises MissingExtra without fastapi or uvicorn, FileError
    for a file that is no store, UsageError for a port that is taken.
    """
    if not hasattr(os, "fork"):
        raise UsageError("fusemax serve needs a system that can fork processes: Linux, macOS, or Windows through WSL")
    try:
        import uvicorn

        from fusemax.web.app import create_app, hosts_at
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fusemax"):
            raise
        raise MissingExtra("fastapi and uvicorn", "web") from error

    _check_store(store)
    with _listening(port) as bound:
        number = int(bound.getsockname()[1])
        app = create_app(hosts_at(number), store=store)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3, ws="none",
            lifespan="on", proxy_headers=False,
        )  # fmt: skip
        address = f"http://{HOST}:{number}/"
        tell(address)
        if is_opening:
            _open(address)
        try:
            uvicorn.Server(config).run(sockets=[bound])
        except KeyboardInterrupt:  # uvicorn has shut down and passes it on
            return


def _check_store(store: str | None) -> None:
    from fusemax.search.storefile import header_fault

    if store is None:
        return
    if os.path.exists(store):
        fault = header_fault(store)
        if fault:
            raise FileError(store, fault)
    elif not os.path.isdir(os.path.dirname(os.path.abspath(store))):
        raise FileError(store, "its folder is not there")


def _listening(port: int) -> socket.socket:
    # The protocol is named because asyncio sends small packets at once on TCP sockets only, by that name.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is taken (another 'fusemax serve'?): --port N takes another, --port 0 any free one"
        else:
            reason = f"port {port}: {error.strerror or error}"
        raise UsageError(reason) from None
    return bound


def _open(address: str) -> None:
    """Open the browser where there is a screen: one that runs in the terminal would take it. Its command may wait."""
    import sys
    import threading
    import webbrowser

    if sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
