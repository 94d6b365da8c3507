import io

import pytest

from fusemax.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_silent_unless_stderr_is_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sweep") as observe:
        observe(1, 3, "bert 1K")
    assert capsys.readouterr().err == ""


def test_one_line_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    def interrupted() -> None:
        with progress("sweep") as observe:
            observe(1, 3, "bert 1K")
            observe(2, None, "too soon to show")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue() == "\r\x1b[Ksweep: 1/3 bert 1K\r\x1b[K"
