"""The command: its address, a port that is taken, an extra that is missing, Ctrl-C."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from fusemax.base.errors import FileError, MissingExtra, UsageError
from fusemax.cli.main import run
from fusemax.web import serve


def test_ctrl_c_stops_it_cleanly(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "fusemax", "serve", "--no-open", "--port", "0", "--store", "runs.db"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stderr is not None
        address = "http://" + server.stdout.readline().partition("http://")[2].split()[0]
        assert address.startswith("http://127.0.0.1:")
        assert httpx.get(f"{address}cascade").status_code == 200
        begun = time.monotonic()
        server.send_signal(signal.SIGINT)
        assert server.wait(15) == 0
        assert time.monotonic() - begun < 10
        assert server.stdout.read() == "" and server.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []  # nothing was stored, so there is no store


def test_only_this_machine() -> None:
    with serve._listening(0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is taken"):
            serve.serve(port, is_opening=False)
        assert run(["serve", "--no-open", "--port", str(port)]) == 2
    assert f"port {port} is taken" in capsys.readouterr().err


def test_the_browser_opens_where_there_is_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    serve._open("http://127.0.0.1:1/")
    assert not opened
    monkeypatch.setenv("DISPLAY", ":0")
    serve._open("http://127.0.0.1:2/")
    end = time.monotonic() + 5
    while opened != ["http://127.0.0.1:2/"]:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no store")
    for name, reason in (("text", "not a fusemax store"), ("nowhere/runs.db", "folder is not there")):
        with pytest.raises(FileError, match=reason):
            serve.serve(0, str(tmp_path / name), is_opening=False)


@pytest.mark.parametrize("name", ["uvicorn", "fastapi"])
def test_without_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [one for one in sys.modules if one.partition(".")[0] == name or one.startswith("fusemax.web.app")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "fusemax.web.desk", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'fusemax\[web\]'"):
        serve.serve(0, is_opening=False)
