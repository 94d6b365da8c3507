"""A design for reading: its loop nest as code, one epoch as spans, its accelerator as a tree with areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fusemax.base.units import format_bytes, format_rate, format_si
from fusemax.cascade.print import print_einsum
from fusemax.design.accelerator import Array, Memory
from fusemax.design.design import Design, Hardware
from fusemax.design.nest import Loop, Nest
from fusemax.design.schedule import DRAIN, Phase
from fusemax.design.sizes import Sizes
from fusemax.model.area import areas
from fusemax.model.measure import Measured
from fusemax.model.pipeline import Stages, stages, tiles_of
from fusemax.model.profile import CORRECTED, Accounting

__all__ = ["accelerator_tree", "epoch_spans", "epoch_stages", "loop_nest"]

_INDENT = "  "


def loop_nest(measured: Measured) -> str:
    """The mapping as nested loops, phase by phase; what each level keeps stands where it is entered."""
    lines: list[str] = []
    for phase in measured.design.schedule.phases:
        if len(measured.design.schedule.phases) > 1:
            lines.append(f"# phase {phase.name or len(lines)}")
        inside = set(phase.einsums)
        nests = [measured.nest(spec.name) for spec in measured.design.specs if spec.name in inside]
        lines += _block(measured, nests, [list(_steps(nest)) for nest in nests], 0)
    return "\n".join(lines)


Step = tuple[str, Loop]


def _steps(nest: Nest) -> Iterator[Step]:
    """Loops in time with their level."""
    for level in nest.levels:
        for loop in level.loops:
            yield level.component, loop


def _block(measured: Measured, nests: Sequence[Nest], steps: Sequence[list[Step]], depth: int) -> list[str]:
    lines: list[str] = []
    i = 0
    while i < len(nests):
        if not steps[i]:
            lines += _leaf(measured, nests[i], depth)
            i += 1
            continue
        level, loop = steps[i][0]
        end = i + 1
        while (
            end < len(nests)
            and steps[end]
            and steps[end][0] == (level, loop)
            and not _waits_for(nests[i:end], nests[end], loop)
        ):
            end += 1
        bound = measured.tiling.bound(loop)
        kept = _kept(measured, nests[i:end], steps[i:end], level)
        lines.append(f"{_INDENT * depth}for {loop.variable} in {bound}:{kept}")
        lines += _block(measured, nests[i:end], [s[1:] for s in steps[i:end]], depth + 1)
        i = end
    return lines


def _waits_for(before: Sequence[Nest], nest: Nest, loop: Loop) -> bool:
    """Whether an Einsum needs the whole of a loop of an earlier one: a result that is reduced over it."""
    whole = {other.output.tensor for other in before if not other.output.ranks & loop.ranks}
    return any(operand.label in whole for operand in nest.operands[:-1])


def _kept(measured: Measured, nests: Sequence[Nest], steps: Sequence[list[Step]], level: str) -> str:
    """The tensors a memory keeps, said at its outermost loop."""
    if level not in measured.design.accelerator.memories or any(
        _entered(nest, left, level) for nest, left in zip(nests, steps, strict=True)
    ):
        return ""
    names = dict.fromkeys(
        measured.design.label(label) for nest in nests for label in sorted(nest.levels[nest.level(level)].keeps)
    )
    return f"  # {level}: {', '.join(names)}" if names else ""


def _entered(nest: Nest, left: list[Step], level: str) -> bool:
    """Whether a loop of the level stands outside those that are left."""
    return sum(at == level for at, _ in _steps(nest)) > sum(at == level for at, _ in left)


def _leaf(measured: Measured, nest: Nest, depth: int) -> list[str]:
    text = next(
        print_einsum(einsum)
        for section in measured.design.cascade.sections
        for einsum in section.einsums
        if einsum.tensor == nest.einsum and section.kind != "init"
    )
    spread = ", ".join(f"{loop.variable} in {measured.tiling.bound(loop)} {loop.spatial}" for loop in nest.spatial)
    share = measured.design.schedule.shares.get(nest.einsum)
    often = f", at {share} of the tiles" if share is not None else ""
    return [f"{_INDENT * depth}{text}  # {nest.on}" + (f", side by side: {spread}" if spread else "") + often]


def epoch_spans(measured: Measured) -> list[tuple[str, str, float, float]]:
    """(array, Einsum, start, end) in cycles of one tile, phase after phase; a wait for a drain is labelled so.

    A tile is one turn of the loops that all Einsums share: of phases that share no more, a whole head.
    """
    found: list[tuple[str, str, float, float]] = []
    at = 0.0
    phases = measured.design.schedule.phases
    tiles = float(tiles_of(measured, Phase(steps=tuple(step for phase in phases for step in phase.steps))))
    for phase in phases:
        for step in phase.steps:
            finish = at
            for on, names in step.items():
                now = at
                for name in names:
                    if on == DRAIN:
                        array = measured.nest(name).on
                        length = float(measured.sizes(f"{array}.rows"))
                        label = f"drain of {measured.design.label(name)}"
                    else:
                        array, label = on, measured.design.label(name)
                        length = float(measured.cycles(name)) / tiles
                    found.append((array, label, now, now + length))
                    now += length
                finish = max(finish, now)
            at = finish
    return found


def epoch_stages(measured: Measured) -> Stages | None:
    """How many epochs after a tile's first each Einsum works on it; None for schedules without epochs."""
    phase = measured.design.schedule.phases[0]
    return stages(measured, phase) if len(phase.steps) > 1 else None


def accelerator_tree(design: Design | Hardware, rules: Accounting = CORRECTED) -> str:
    """The accelerator's components as a tree, with sizes and areas."""
    sizes = Sizes(design.accelerator, {})
    parts = areas(design, sizes, rules)
    total = sum(float(a) for made in parts.values() for a in made.values())
    lines = [f"{design.accelerator.name}  {total * 1e-6:.4g} mm^2, {format_si(float(sizes('clock')), 'Hz')}"]

    def walk(name: str | None, depth: int) -> None:
        for child in design.accelerator.inside(name):
            area = sum(float(a) for a in parts[child].values())
            lines.append(f"{_INDENT * depth}{child}  {_describe(design, child, sizes)}  {area * 1e-6:.4g} mm^2")
            for what, value in parts[child].items():
                if what != "self":
                    lines.append(f"{_INDENT * (depth + 1)}{what}  {float(value) * 1e-6:.4g} mm^2")
            walk(child, depth + 1)

    walk(None, 1)
    return "\n".join(lines)


def _describe(design: Design | Hardware, name: str, sizes: Sizes) -> str:
    part = design.accelerator.components[name]
    if isinstance(part, Memory):
        texts = [format_bytes(float(sizes(f"{name}.capacity")))] if sizes.known(f"{name}.capacity") else []
        texts += [f"{format_bytes(float(sizes(f'{name}.access')))} rows"]
        if part.bandwidth is not None:
            texts.append(format_rate(float(sizes(f"{name}.bandwidth"))))
        if part.cost == "sram":
            texts.append(f"{sizes(f'{name}.banks')} banks, {sizes(f'{name}.ports')} port")
        return ", ".join(texts)
    if isinstance(part, Array):
        units = ", ".join(part.units)
        return (
            f"{sizes(f'{name}.rows')} x {sizes(f'{name}.columns')} of {units}, {sizes(f'{name}.registers')} registers"
        )
    return f"{sizes(f'{name}.count')} x {part.cost}"
