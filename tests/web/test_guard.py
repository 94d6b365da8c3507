"""The door: who may ask, what may be sent, which headers every response has."""

from __future__ import annotations

import json
import re
import socket

import httpx
import pytest

from fusemax.web.guard import CONTENT_SECURITY_POLICY
from tests.web.running import Explorer

TEXT = "cascade c\ninput A[k]\noutput Z\nZ = A[k]\n"
MIB = 1 << 20


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and all bytes of a response, read until the server closes."""
    data = b""
    while part := connection.recv(65536):
        data += part
    return int(data.split(b" ", 2)[1]), data


def _request(running: Explorer, head: str, body: bytes = b"") -> tuple[int, bytes]:
    with running.connect() as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return _answer(connection)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_another_host_is_refused(served: Explorer, host: str) -> None:
    found = served.get("/api/learn.json", headers={"host": host.format(port=served.port)})
    assert found.status_code == 421
    assert found.json()["error"]["kind"] == "Host"


def test_the_host_is_named_once(served: Explorer) -> None:
    line = f"Host: 127.0.0.1:{served.port}"
    status, _ = _request(served, f"GET /cascade HTTP/1.1\n{line}\nConnection: close")
    assert status == 200
    status, data = _request(served, f"GET /cascade HTTP/1.1\n{line}\nHost: evil.example\nConnection: close")
    assert status in (400, 421) and b"<html" not in data
    status, data = _request(served, "GET /cascade HTTP/1.0\nConnection: close")
    assert status in (400, 421) and b"<html" not in data


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_our_names(served: Explorer, host: str) -> None:
    assert served.get("/cascade", headers={"host": f"{host}:{served.port}"}).status_code == 200


def test_pages_of_other_origins_are_refused(served: Explorer) -> None:
    own = {"origin": served.address, "sec-fetch-site": "same-origin"}
    assert served.post("/api/passes.json", {"text": TEXT}, headers=own).status_code == 200
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"http://localhost:{served.port}"},  # another origin than the host asked for
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert served.post("/api/passes.json", {"text": TEXT}, headers=headers).status_code == 403, headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_what_a_form_can_send_is_refused(served: Explorer, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    body = json.dumps({"text": TEXT}).encode()
    found = httpx.post(f"{served.address}/api/passes.json", content=body, headers=headers)
    assert found.status_code == 415


def test_no_other_origin_is_ever_allowed(served: Explorer) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for found in (
        httpx.options(f"{served.address}/api/passes.json", headers=asked),
        served.get("/api/learn.json"),
        served.get("/cascade"),
    ):
        assert not [name for name in found.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 307),
        ("GET", "/cascade", 200),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/api/passes.json", 405),
        ("POST", "/api/passes.json", 415),
        ("GET", "/openapi.json", 200),
        ("GET", "/api/design/none.json", 404),
        ("DELETE", "/api/jobs.json", 415),
    ],
)
def test_headers_of_every_response(served: Explorer, method: str, path: str, status: int) -> None:
    found = httpx.request(method, served.address + path)
    assert found.status_code == status
    assert found.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["x-frame-options"] == "DENY"
    if status >= 400:
        assert {"kind", "message", "text", "places"} == set(found.json()["error"])


def test_a_method_that_is_not_there(served: Explorer) -> None:
    found = served.get("/api/passes.json")
    assert (found.status_code, found.headers["allow"]) == (405, "POST")


def test_the_policy_knows_no_remote_origin() -> None:
    assert "http" not in CONTENT_SECURITY_POLICY and "*" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert re.search(r"script-src 'self';", CONTENT_SECURITY_POLICY)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_ten_megabytes(served: Explorer, is_chunked: bool) -> None:
    part = b" " * 65536
    content = iter([part] * 160) if is_chunked else part * 160
    headers = {"content-type": "application/json"}
    found = httpx.post(f"{served.address}/api/passes.json", content=content, headers=headers, timeout=30)
    assert found.status_code == 413
    assert found.json()["error"]["kind"] == "Limit"


def test_the_limit_of_a_body_is_exact(served: Explorer) -> None:
    body = json.dumps({"text": "x"}).encode()
    for size, status in ((MIB, 422), (MIB + 1, 413)):
        content = body + b" " * (size - len(body))
        headers = {"content-type": "application/json"}
        assert httpx.post(f"{served.address}/api/passes.json", content=content, headers=headers).status_code == status


def test_a_body_that_never_comes(served: Explorer) -> None:
    head = f"POST /api/passes.json HTTP/1.1\nHost: localhost:{served.port}\nContent-Type: application/json\n"
    status, data = _request(served, f"{head}Content-Length: 1000", b'{"text":')
    assert status == 408 and b'"Limit"' in data


def test_a_half_closed_connection(served: Explorer) -> None:
    """The client stops sending in the middle of a body: the server lets go at once, and answers others."""
    head = f"POST /api/passes.json HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Type: application/json\r\n"
    connections = [served.connect() for _ in range(50)]
    for connection in connections:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + b'{"text":')
        connection.shutdown(socket.SHUT_WR)
    assert served.post("/api/passes.json", {"text": TEXT}).status_code == 200
    for connection in connections:
        assert b" 200 " not in connection.recv(65536)[:16]
        connection.close()


@pytest.mark.parametrize(
    "head", ["GET / HTTP/9.9", "\0\0\0", "GET", "POST /api/passes.json HTTP/1.1\nContent-Length: -1"]
)
def test_what_is_no_request(served: Explorer, head: str) -> None:
    with served.connect() as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert b" 200 " not in connection.recv(65536)[:16]
    assert served.get("/cascade").status_code == 200
