"""The options of ``fusemax simulate --cycle``, and what they do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import click

from fusemax.cli.options import Output, Reference, emit, emit_text

if TYPE_CHECKING:
    from fusemax.simulate.array.result import CycleResult

__all__ = ["Cycle", "cycle_options", "simulate_array"]

BINDING = Reference("binding", "bindings", ".yaml")
Cycle = dict[str, object]
Function = TypeVar("Function", bound=Callable[..., object])

_OPTIONS = (
    click.option("--cycle", is_flag=True, help="Cycle level: every PE, register and link, on real numbers."),
    click.option("--array", type=click.IntRange(1, 1024), help="Cycle level: array edge N [16]."),
    click.option("--head-size", type=click.IntRange(1, 4096), help="Cycle level: E, and F unless given [64]."),
    click.option("--value-head-size", type=click.IntRange(1, 4096), help="Cycle level: F."),
    click.option("--tiles", "key_tiles", type=click.IntRange(1, 65536), help="Cycle level: tiles of N keys [16]."),
    click.option("--queries", type=click.IntRange(1, 65536), help="Cycle level: query tiles taking turns [1]."),
    click.option("--heads", type=click.IntRange(1, 65536), help="Cycle level: heads taking turns [1]."),
    click.option("--binding", type=BINDING, help="Cycle level: another binding than the design's."),
    click.option("--exp", help="Cycle level: polyD, linearS, squarings or unit [by --words]."),
    click.option("--words", help="Cycle level: float32, bfloat16 or float16 [bfloat16]."),
    click.option("--causal", is_flag=True, help="Cycle level: no query sees a later key."),
    click.option("--window", type=click.IntRange(1), help="Cycle level: of a query's keys, the last so many only."),
    click.option("--return-delay", type=click.IntRange(1, 1024), help="Cycle level: lane to buffer to port [2]."),
    click.option("--exp-study", is_flag=True, help="Instead: every exp method, its cost and its error."),
    click.option("--print-cycles", is_flag=True, help="Cycle level: one epoch, what each unit does in each cycle."),
    click.option("--seed", type=click.IntRange(0), help="Cycle level: seed of the numbers [0]."),
)


def cycle_options(function: Function) -> Function:
    """Add the options; the command gets ``cycle: Cycle | None``, None without ``--cycle``."""
    names = [name for option in _OPTIONS for name in _names(option)]

    @functools.wraps(function)
    def command(*args: object, **kwargs: object) -> object:
        given = {name: kwargs.pop(name) for name in names}
        used = {name: value for name, value in given.items() if value not in (None, False)}
        on = bool(used.pop("cycle", False)) or bool(used.get("exp_study") or used.get("print_cycles"))
        if used and not on:
            option = next(iter(used)).replace("_", "-")
            raise click.UsageError(
                f"--{'tiles' if option == 'key-tiles' else option} is for the cycle level: give --cycle"
            )
        return function(*args, cycle=used if on else None, **kwargs)

    decorated: Callable[..., object] = command
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cast("Function", decorated)


def _names(option: Callable[..., object]) -> list[str]:
    @option
    def probe() -> None: ...

    return [str(p.name) for p in probe.__click_params__]  # type: ignore[attr-defined]


def simulate_array(design: str, cycle: Cycle, output: Output, gantt: bool = False) -> int:
    """Run the array, print what came out, or draw its epoch; 1 when it is not attention."""
    from fusemax.cli.progress import progress
    from fusemax.simulate.array.simulate import simulate_cycles
    from fusemax.simulate.array.stream import Mask
    from fusemax.simulate.array.table import cycle_table

    options = dict(cycle)
    if options.pop("exp_study", False):
        return _exp_study(design, options, output)
    printed = bool(options.pop("print_cycles", False))
    mask = Mask(bool(options.pop("causal", False)), cast("int | None", options.pop("window", None)))
    with progress("simulate") as observe:
        result = simulate_cycles(design, mask=mask, observe=observe, **options)  # type: ignore[arg-type]
    if gantt:
        emit_text(_chart(result, output), output)
    else:
        emit(cycle_table(result.execution) if printed else result, output)
    return result.status


def _chart(result: CycleResult, output: Output) -> str:
    """The epoch as text, or as SVG when the file it goes to is one."""
    from fusemax.report.gantt import gantt_svg, gantt_text
    from fusemax.simulate.array.picture import epoch_spans

    timed = result.execution.timing
    spans = epoch_spans(timed)
    if str(output.path).endswith(".svg"):
        return gantt_svg(spans, title=f"{timed.binding.binding}: one epoch, {timed.period} cycles")
    return gantt_text(spans)


def _exp_study(design: str, options: dict[str, object], output: Output) -> int:
    from fusemax.simulate.array.expstudy import exp_study
    from fusemax.simulate.array.simulate import binding_of

    known = ("binding", "array", "head_size", "key_tiles", "seed")
    for name in options:
        if name not in known:
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with --exp-study")
    binding = binding_of(design, cast("str | None", options.pop("binding", None)))
    emit(exp_study(binding, **cast("dict[str, int]", options)), output)
    return 0
