import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

import fusemax
from fusemax.base.errors import SourceError
from fusemax.cli import main


@pytest.fixture
def with_command(monkeypatch: pytest.MonkeyPatch) -> click.Command:
    """A command ``probe VERDICT`` beside the real ones."""

    @click.command()
    @click.argument("verdict")
    def probe(verdict: str) -> int | None:
        """Probe."""
        if verdict == "located":
            raise SourceError("unknown tensor 'X'", "f.cascade", 2, 1, 1, "X = Y")
        if verdict == "bug":
            raise KeyError("x")
        if verdict == "interrupt":
            raise KeyboardInterrupt
        if verdict == "exit":
            click.get_current_context().exit(1)
        click.echo("done")
        return {"no": 1}.get(verdict)

    real = main.LazyGroup.get_command
    listed = main.LazyGroup.list_commands
    monkeypatch.setitem(main.COMMANDS, "probe", ("fusemax.cli.main", "Probe."))
    monkeypatch.setattr(main.LazyGroup, "list_commands", lambda group, ctx: [*listed(group, ctx), "probe"])
    monkeypatch.setattr(
        main.LazyGroup,
        "get_command",
        lambda group, ctx, name: main._with_debug(probe) if name == "probe" else real(group, ctx, name),
    )
    return probe


@pytest.mark.usefixtures("with_command")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["-h"], 0),
        (["--version"], 0),
        ([], 2),
        (["probe", "yes"], 0),
        (["probe", "no"], 1),
        (["probe", "exit"], 1),
        (["probe", "located"], 2),
        (["probe", "bug"], 2),
        (["probe", "interrupt"], 130),
        (["probe"], 2),
        (["probe", "yes", "--nonsense"], 2),
        (["prob"], 2),
        (["--nonsense"], 2),
    ],
)
def test_exit_status(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == status
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert bool(captured.err) == (status not in (0, 1)), "reports go to stderr"


@pytest.mark.usefixtures("with_command")
def test_a_located_error_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["probe", "located"])
    assert capsys.readouterr().err == "f.cascade:2:1: unknown tensor 'X'\n    X = Y\n    ^\n"


@pytest.mark.usefixtures("with_command")
@pytest.mark.parametrize("arguments", [["--debug", "probe", "bug"], ["probe", "bug", "--debug"]])
def test_debug_shows_the_traceback(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.usefixtures("with_command")
def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["porbe"])
    assert "unknown command 'porbe' (did you mean 'probe'?)" in capsys.readouterr().err


def test_every_listed_command_loads_and_has_help() -> None:
    group = main.LazyGroup()
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None and command.name == name
        assert command.get_short_help_str(), f"{name} says nothing about itself"


def test_help_imports_no_heavy_library() -> None:
    program = (
        "import sys; from fusemax.cli.main import run; run(['--help']);"
        "print(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"numpy", "sympy", "networkx", "lark", "pydantic", "rich", "ruamel", "altair", "polars", "pandas", "numba"}
    assert not heavy & set(done.stderr.split())


def test_help_answers_at_once() -> None:
    """Under 0.2 s on an idle machine; the best of several leaves a busy one out."""
    best = min(_seconds([sys.executable, "-m", "fusemax", "--help"]) for _ in range(5))
    bare = min(_seconds([sys.executable, "-c", "import click"]) for _ in range(5))
    assert best < max(0.2, 3 * bare)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - start


def test_python_m_fusemax_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "fusemax", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fusemax {fusemax.__version__}\n"


def test_a_closed_pipe_is_silent() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "fusemax", "--help"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_full_disk_is_reported() -> None:
    if not Path("/dev/full").exists():
        return  # other systems have no such device
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "fusemax", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "stdout: No space left on device\n"


def test_control_c_is_quiet(tmp_path: Path) -> None:
    program = (
        "import sys, time, click; from fusemax.cli import main\n"
        "@click.command()\n"
        "def slow():\n"
        "    print('ready', flush=True); time.sleep(30)\n"
        "main.LazyGroup.list_commands = lambda *_: ['slow']\n"
        "main.LazyGroup.get_command = lambda *_: slow\n"
        "sys.argv = ['fusemax', 'slow']; main.main()\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert errors.strip() == "interrupted"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell: str) -> None:
    environment = {**os.environ, "_FUSEMAX_COMPLETE": f"{shell}_source"}
    done = subprocess.run(
        [sys.executable, "-m", "fusemax"], capture_output=True, text=True, check=True, env=environment
    )
    assert "_FUSEMAX_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("fusemax cat", "catalogue"),
        ("fusemax catalogue des", "designs"),
        ("fusemax catalogue cascades attn_3p", "attn_3pass"),
    ],
)
def test_completion_knows_commands_and_catalogue_names(typed: str, expected: str) -> None:
    position = str(typed.count(" "))
    environment = {**os.environ, "_FUSEMAX_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": position}
    done = subprocess.run(
        [sys.executable, "-m", "fusemax"], capture_output=True, text=True, check=True, env=environment
    )
    assert f"plain,{expected}" in done.stdout.split("\n")
