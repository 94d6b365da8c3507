"""Options that several commands share, and how their results leave the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import click
from click.shell_completion import CompletionItem

from fusemax.base import units
from fusemax.base.errors import UsageError
from fusemax.base.files import write_atomically
from fusemax.base.result import Result, to_csv, to_json

Function = TypeVar("Function", bound=Callable[..., object])

__all__ = [
    "ACCELERATOR",
    "BYTES",
    "CASCADE",
    "DESIGN",
    "LENGTH",
    "LENGTHS",
    "NAMES",
    "RATE",
    "WORKLOAD",
    "Output",
    "Reference",
    "emit",
    "emit_text",
    "output_options",
    "param_option",
    "size_option",
]


@dataclass(frozen=True)
class Output:
    """Where and how a command writes its result: ``format`` is table, csv, json or the command's own."""

    format: str = "table"
    path: str | None = None


def output_options(formats: Sequence[str] = ("table", "csv", "json")) -> Callable[[Function], Function]:
    """Add ``--json``, ``--format`` and ``-o``; the command gets one argument ``output: Output``.

    ``formats[0]`` is the default. ``--json`` is there when ``json`` is one of them.
    """

    def wrap(function: Function) -> Function:
        import functools

        @functools.wraps(function)
        def command(*args: object, output_format: str | None, output_path: str | None, **kwargs: object) -> object:
            as_json = bool(kwargs.pop("as_json", False))
            if as_json and output_format not in (None, "json"):
                raise click.UsageError(f"--json and --format {output_format} contradict each other")
            chosen = "json" if as_json else output_format or formats[0]
            return function(*args, output=Output(chosen, output_path), **kwargs)

        decorated: Callable[..., object] = click.option(
            "-o",
            "--output",
            "output_path",
            metavar="FILE",
            type=click.Path(),
            help="Write to FILE, whole or not at all, instead of stdout.",
        )(command)
        decorated = click.option(
            "--format", "output_format", type=click.Choice(list(formats)), help=f"Output format [{formats[0]}]."
        )(decorated)
        if "json" in formats:
            decorated = click.option("--json", "as_json", is_flag=True, help="Same as --format json.")(decorated)
        return cast("Function", decorated)

    return wrap


def emit(result: Result | Sequence[Result], output: Output) -> None:
    """Write a result, or several, as ``output`` says; several make a JSON list, or one table after another."""
    several = [result] if isinstance(result, Result) else list(result)
    if output.format == "json":
        documents = [one.to_json_document() for one in several]
        emit_text(to_json(documents[0] if isinstance(result, Result) else documents), output)
    elif output.format == "csv":
        emit_text(to_csv([row for one in several for row in one.rows()]), output)
    else:
        emit_text("\n\n".join(str(one) for one in several), output)


def emit_text(text: str, output: Output) -> None:
    """Write ``text``, one newline at its end, to stdout or atomically to the file ``output`` names."""
    whole = text if text.endswith("\n") else text + "\n"
    if output.path in (None, "-"):
        click.echo(whole, nl=False)
    else:
        write_atomically(str(output.path), whole)


class Quantity(click.ParamType[object]):
    """A click type made of a parser that raises UsageError."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self.parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """The parsed value; a default that is no text is passed on."""
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"{text!r} has an empty entry: expected a list like a,b,c")
    return parts


LENGTH = Quantity("length", units.parse_length)
LENGTHS = Quantity("lengths", lambda text: tuple(units.parse_length(part) for part in _parts(text)))
BYTES = Quantity("bytes", units.parse_bytes)
RATE = Quantity("rate", units.parse_rate)
NAMES = Quantity("names", lambda text: tuple(_parts(text)))


def _pair(text: str, what: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise UsageError(f"{text!r} is not a {what}: expected {example}")
    return name.strip(), value.strip()


def _size(text: str) -> tuple[str, int]:
    name, value = _pair(text, "size", "RANK=N, like M=4K")
    return name, units.parse_length(value)


def _param(text: str) -> tuple[str, float]:
    name, value = _pair(text, "parameter", "NAME=X, like EPS=1e-5")
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(f"{value!r} is not a number: expected NAME=X, like EPS=1e-5") from None


def _collect(_ctx: click.Context, param: click.Parameter, pairs: tuple[tuple[str, object], ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise click.UsageError(f"{param.opts[0]} {name} is given twice with different values")
    return found


def size_option(function: Function) -> Function:
    """Add ``--size RANK=N``, repeatable; the command gets ``sizes: dict[str, int]``."""
    return click.option(
        "--size",
        "sizes",
        type=Quantity("RANK=N", _size),
        metavar="RANK=N",
        multiple=True,
        callback=_collect,
        help="Shape of a rank; repeatable.",
    )(function)


def param_option(function: Function) -> Function:
    """Add ``--param NAME=X``, repeatable; the command gets ``params: dict[str, float]``."""
    return click.option(
        "--param",
        "params",
        type=Quantity("NAME=X", _param),
        metavar="NAME=X",
        multiple=True,
        callback=_collect,
        help="Value of a parameter; repeatable.",
    )(function)


class Reference(click.ParamType[object]):
    """A file, ``-`` or a catalogue name of one kind: completes both in the shell, passes the text on."""

    def __init__(self, kind: str, folder: str, suffix: str) -> None:
        """Names are those of the files ``catalogue/FOLDER/*SUFFIX``."""
        self.name = kind
        self.folder = folder
        self.suffix = suffix

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Catalogue names that begin with what was typed, then files."""
        from importlib.resources import files

        folder = files("fusemax") / "catalogue" / self.folder
        names = sorted(f.name.removesuffix(self.suffix) for f in folder.iterdir() if f.name.endswith(self.suffix))
        found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return [*found, CompletionItem(incomplete, type="file")]


CASCADE = Reference("cascade", "cascades", ".cascade")
ACCELERATOR = Reference("accelerator", "accelerators", ".yaml")
DESIGN = Reference("design", "designs", ".yaml")
WORKLOAD = Reference("workload", "workloads", ".yaml")
