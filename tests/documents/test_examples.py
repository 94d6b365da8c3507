"""Every example a reader can copy from README and docs/ does what the document says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fusemax.cli.main import run
from tests.documents.markdown import ROOT, Command, blocks, commands, documents, matches


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_examples(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(document.read_text(encoding="utf-8")):
        place = f"{document.relative_to(ROOT)}:{block.line}"
        names = [word.removeprefix("file=") for word in block.words if word.startswith("file=")]
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(block.text, encoding="utf-8")
        if "norun" in block.words:
            continue
        if block.language == "python" and not names:
            exec(compile("\n" * block.line + block.text, str(document), "exec"), namespace)
            capfd.readouterr()
        elif block.language == "console":
            for command in commands(block):
                status, printed, errors = _execute(command, capfd)
                assert status == command.status, f"{place}: {command.line}: status {status}\n{errors}"
                if "exact" in block.words:
                    assert matches(command.shown, printed + errors), (
                        f"{place}: {command.line}\nprinted\n{printed}{errors}"
                    )


ENDLESS = "fusemax serve"
"""It answers until it is stopped: tests/web/test_serve.py starts it, asks and stops it."""


def _questions() -> list[str]:
    """The commands of the README's table "which command answers which question"."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return [line for line in re.findall(r"^\| .*\| `(fusemax [^`]*)` \|$", readme, re.MULTILINE) if line != ENDLESS]


@pytest.mark.parametrize("line", _questions())
def test_the_command_for_a_question_answers(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status, printed, errors = _execute(Command(line, 0, ""), capfd)
    assert status == 0, errors
    assert printed


def _execute(command: Command, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    words = shlex.split(command.line)
    if set(words) & {"|", "<", ">", ">>", "2>", "&&", ";"}:  # needs a shell
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command.line, shell=True, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False
        )
        return done.returncode, done.stdout, done.stderr
    capfd.readouterr()
    status = run(words[1:])
    captured = capfd.readouterr()
    return status, captured.out, captured.err
