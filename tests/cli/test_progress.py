"""Progress is seen on a terminal, in a log where it is asked for, and nowhere else."""

from __future__ import annotations

import io
import itertools

import pytest

from fusemax.cli.progress import progress


class Terminal(io.StringIO):
    """What a test can read of a terminal."""

    def isatty(self) -> bool:
        """As a terminal says."""
        return True


def test_silent_unless_stderr_is_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sweep") as observe:
        observe(1, 3, "bert 1K")
    assert capsys.readouterr().err == ""


def test_one_bar_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")

    def interrupted() -> None:
        with progress("sweep") as observe:
            observe(1, 3, "bert 1K")
            observe(2, 3, "too soon to show")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    shown = terminal.getvalue()
    assert "sweep" in shown
    assert "1/3" in shown
    assert "bert 1K" in shown
    assert shown.rstrip("\r").endswith("\x1b[2K")  # the line is erased, whatever happened


def test_a_log_gets_a_line_a_minute_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.chain([0.0], itertools.count(30.0, 30.0))  # half a minute passes between two looks
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress("sweep", logs=True) as observe:
        for done in (100, 400, 700, 1000):
            observe(done, 2800, "points")
    assert capsys.readouterr().err.splitlines() == [
        "sweep: 400/2800 points, 5/s, 8.0 min left",
        "sweep: 1000/2800 points, 8/s, 4.0 min left",
    ]
