"""The ``fusemax`` command: a table of commands, imported one at a time, and the exit status.

0: yes or done. 1: the answer is no (a command returns 1, or calls ``ctx.exit(1)``).
2: bad usage or input. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from fusemax.base.errors import FusemaxError, nearest

COMMANDS: dict[str, tuple[str, str]] = {
    "compare": ("fusemax.cli.compare", "Compare designs over models and lengths; write the report page."),
    "catalogue": ("fusemax.cli.catalogue", "List what ships: cascades, accelerators, designs, workloads."),
    "print": ("fusemax.cli.print", "Print a cascade in canonical, Unicode, LaTeX or long form."),
    "show": ("fusemax.cli.show", "Draw a cascade, a design or an accelerator."),
    "check": ("fusemax.cli.check", "Check files against the rules of the language."),
    "run": ("fusemax.cli.run", "Execute a cascade on arrays."),
    "work": ("fusemax.cli.work", "Count operations per Einsum and kind."),
    "passes": ("fusemax.cli.passes", "Count passes per rank and tensor, and say why."),
    "fuse": ("fusemax.cli.fuse", "Tell which Einsums may share a loop over a rank."),
    "bounds": ("fusemax.cli.bounds", "Bound traffic and buffer from below; roofline."),
    "taxonomy": ("fusemax.cli.taxonomy", "Tabulate attention algorithms by passes."),
    "derive": ("fusemax.cli.derive", "Derive an equal cascade with the fewest passes over a rank."),
    "merge": ("fusemax.cli.merge", "Derive the merge operator of a 1-pass cascade."),
    "equal": ("fusemax.cli.equal", "Decide whether two cascades are the same function."),
    "model": ("fusemax.cli.model", "Model latency, energy and area of one design point."),
    "accounting": ("fusemax.cli.accounting", "List the choices in which the two accountings differ."),
    "sweep": ("fusemax.cli.sweep", "Sweep accelerators and lengths, resumable."),
    "store": ("fusemax.cli.store", "Inspect, export, verify and merge result stores."),
    "search": ("fusemax.cli.search", "Find the best mapping and schedule on an accelerator."),
    "simulate": ("fusemax.cli.simulate", "Execute a design tile by tile or cycle by cycle."),
    "report": ("fusemax.cli.report", "Write page and figures from stored results."),
    "serve": ("fusemax.cli.serve", "Serve the explorer on 127.0.0.1."),
}
"""Name -> (module holding a click command named ``command``, its line in ``fusemax --help``)."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands whose module exists, in the order of the table."""
        return [name for name, (module, _) in COMMANDS.items() if importlib.util.find_spec(module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its module imported now, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: object = importlib.import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.command is not a click command")
        command.name = cmd_name
        return _with_debug(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help lines from the table, so that ``--help`` imports no command."""
        lines = [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]
        if lines:
            with formatter.section("Commands"):
                formatter.write_dl(lines)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first in ``args``; UsageError with the nearest name when there is none."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            guess = nearest(args[0], self.list_commands(ctx))
            hint = f"did you mean {guess!r}?" if guess else "'fusemax --help' lists them"
            ctx.fail(f"unknown command {args[0]!r} ({hint})")
        return super().resolve_command(ctx, args)


def _set_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().meta["fusemax.debug"] = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_set_debug, help="Show a traceback on errors."
    )


def _with_debug(command: click.Command) -> click.Command:
    """The command, and the commands below it, with ``--debug``: users type it last."""
    if all(param.name != "debug" for param in command.params):
        command.params.append(_debug_option())
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _with_debug(below)
    return command


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from fusemax import __version__

        click.echo(f"fusemax {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version and exit.",
        ),
        _debug_option(),
    ],
)
def cli() -> None:
    """Attention dataflows as cascades of extended Einsums.

    Read a cascade, count its passes, derive an equal form with fewer, map it onto an accelerator, and
    model, simulate and compare what it costs. A cascade, design, accelerator or workload is a file, '-'
    (standard input) or a catalogue name: 'fusemax catalogue' lists them.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; reports are on stderr."""
    meta: dict[str, object] = {}
    try:
        with cli.make_context("fusemax", list(sys.argv[1:] if arguments is None else arguments)) as ctx:
            meta = ctx.meta
            answer: object = cli.invoke(ctx)
        sys.stdout.flush()
        return answer if isinstance(answer, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except BrokenPipeError:
        return _close_pipe()
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    except Exception as error:
        return _report(error, debug=bool(meta.get("fusemax.debug")))


def _report(error: Exception, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    elif isinstance(error, FusemaxError):
        click.echo(str(error), err=True)
    elif isinstance(error, OSError):
        click.echo(f"{error.filename or 'stdout'}: {error.strerror or error}", err=True)
    else:
        text = str(error).strip().split("\n", 1)[0]
        click.echo(f"fusemax: internal error: {type(error).__name__}: {text} (--debug shows where)", err=True)
    return 2


def _close_pipe() -> int:
    """The reader of stdout has gone (``| head``): say nothing, and let the interpreter flush into nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141  # as a program that the signal SIGPIPE ends


def main() -> NoReturn:
    """Entry point of the ``fusemax`` script."""
    if "_FUSEMAX_COMPLETE" in os.environ:  # the shell asks for completions
        cli.main(prog_name="fusemax")
    # Nearly all that a command makes stays until its end or is in no cycle: look for cycles less often than every 700.
    gc.set_threshold(50_000, 20, 100)
    status = run()
    gc.freeze()  # the interpreter would look through everything once more before it ends
    sys.exit(status)
