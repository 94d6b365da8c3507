"""The door: every request is checked here before anything reads it, every response gets its headers here.

* The Host header must be this machine's own name and port, or a page of another site could reach us through a name
  that it lets point to 127.0.0.1 (DNS rebinding): 421.
* A request that a page of another origin sends says so (Origin, Sec-Fetch-Site): 403. A form cannot send JSON without
  asking first, and we never answer that question (no CORS): bodies must be application/json: 415.
* A body is read here, whole, up to a limit in bytes (413) and seconds (408), whatever its Content-Length says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fusemax.web.limits import Limits

__all__ = ["CONTENT_SECURITY_POLICY", "Guard", "error_body"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_DRAINED_BYTES = 64 << 20
"""Of a body that is too large so much is read and dropped: a client that is still writing cannot hear us."""


def error_body(kind: str, message: str) -> bytes:
    """The JSON of an error that has no place in a text."""
    return json.dumps({"error": {"kind": kind, "message": message, "text": message, "places": []}}).encode()


class _Refused(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class _Gone(Exception):
    """The client left while it was sending."""


class Guard:
    """ASGI middleware around the whole application; see the module."""

    def __init__(self, app: App, hosts: frozenset[str], limits: Limits) -> None:
        """``hosts``: what a Host header may say, port included."""
        self.app = app
        self.hosts = hosts
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection of the server."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets here: the server closes it
        try:
            _check_origin(scope, self.hosts)
            body = await self._body(scope, receive)
        except _Refused as refused:
            await _refuse(refused, _with_headers(send))
            return
        except _Gone:
            return
        await self.app(scope, _replay(body, receive), _with_headers(send))

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] not in _WITH_BODY:
            return b""
        given = _headers(scope, b"content-type")
        if scope["path"].startswith("/api/") and not _is_json(given):
            raise _Refused(415, "Malformed", "expected a body of content type application/json")
        try:
            async with asyncio.timeout(self.limits.body_s):
                return await _read(receive, self.limits.body_bytes)
        except TimeoutError:
            raise _Refused(408, "Limit", f"the body took longer than {self.limits.body_s:.0f} s") from None


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _is_json(given: list[bytes]) -> bool:
    return len(given) == 1 and given[0].partition(b";")[0].strip().lower() == b"application/json"


def _check_origin(scope: Scope, hosts: frozenset[str]) -> None:
    named = [value.decode("latin-1").lower() for value in _headers(scope, b"host")]
    if len(named) != 1 or named[0] not in hosts:
        found = ", ".join(named)[:100] or "none"
        raise _Refused(421, "Host", f"this server is {min(hosts)}, not {found}: open it by that name")
    origins = {value.decode("latin-1").lower() for value in _headers(scope, b"origin")}
    if not origins <= {f"http://{named[0]}"}:
        raise _Refused(403, "Origin", "requests of pages from other origins are not answered")
    sites = {value.decode("latin-1") for value in _headers(scope, b"sec-fetch-site")}
    if not sites <= {"same-origin", "none"} and scope["path"].startswith("/api/"):
        raise _Refused(403, "Origin", "requests of pages from other sites are not answered")


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        more = bool(message.get("more_body", False))
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        if size > _DRAINED_BYTES:
            break
    if size > limit:
        raise _Refused(413, "Limit", f"the body is larger than {limit} bytes")
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """``receive`` for the application: the body that was read, then whatever comes (that the client left)."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message

    return again


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {key for key, _ in message["headers"]}
            added = [(k.encode(), v.encode()) for k, v in _HEADERS.items() if k.encode() not in there]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending


async def _refuse(refused: _Refused, send: Send) -> None:
    body = error_body(refused.kind, str(refused))
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
