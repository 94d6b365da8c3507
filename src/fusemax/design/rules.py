"""Named rules that a design must keep, checked when it is read.

Each rule yields `Finding`s: what is wrong, where in which file, and the names that would be right. They are held in
RULES, in the order in which they are checked; the first rule that is broken ends the check, for later ones build on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors, UsageError, nearest
from fusemax.cascade.ranks import rank_of
from fusemax.design.accelerator import Array, Memory
from fusemax.design.corrections import corrections
from fusemax.design.design import Design
from fusemax.design.document import Document, Where
from fusemax.design.expression import parse_expression
from fusemax.design.mapping import fit_level, split_kept
from fusemax.design.nest import build_nest, complete
from fusemax.design.schedule import DRAIN
from fusemax.design.sizes import Sizes, workload_names_of_sizes

__all__ = ["RULES", "Finding", "Places", "check_design"]


@dataclass(frozen=True)
class Finding:
    """One broken rule: in which part of the design (``mapping``, ...), where in it, and what would be right."""

    message: str
    part: str
    where: Where = ()
    known: tuple[str, ...] | None = None
    name: str = ""
    key: bool = False


Places = Mapping[str, tuple[Document, Where]]
"""Part of a design -> the document it stands in, and where."""

_Rule = Callable[[Design], Iterator[Finding]]


def check_design(design: Design, places: Places) -> Design:
    """``design`` unchanged; SourceError or SourceErrors for the first rule it breaks."""
    for rule in RULES:
        errors = [_located(found, places) for found in itertools.islice(rule(design), 20)]
        if errors:
            unique = list({(e.line, e.column, e.message): e for e in errors}.values())
            raise unique[0] if len(unique) == 1 else SourceErrors(unique)
    return design


def _located(found: Finding, places: Places) -> SourceError:
    document, at = places[found.part]
    message, suggestion = found.message, None
    if found.known is not None:
        suggestion = nearest(found.name, found.known)
        if suggestion is None and 0 < len(found.known) <= 12:
            message += f"; expected one of: {', '.join(found.known)}"
    return document.positions.error(at + found.where, message, key=found.key, suggestion=suggestion)


def _unknown(kind: str, name: str, known: Iterable[str], part: str, where: Where, *, key: bool = False) -> Finding:
    return Finding(f"unknown {kind} {name!r}", part, where, tuple(sorted(set(known))), name, key)


def _mapped(design: Design) -> Iterator[Finding]:
    """Every Einsum is mapped, onto an array that is there, and nothing else is."""
    names = [spec.name for spec in design.specs]
    for name, entry in design.mapping.einsums.items():
        if name not in names:
            yield _unknown("Einsum", name, names, "mapping", ("einsums", name), key=True)
        elif entry.on not in design.accelerator.arrays:
            yield _unknown("array", entry.on, design.accelerator.arrays, "mapping", ("einsums", name, "on"))
    for name in names:
        if name not in design.mapping.einsums:
            yield Finding(f"Einsum {name!r} of the cascade is not mapped", "mapping", ("einsums",), key=True)


def _quantities(design: Design) -> set[str]:
    sizes = Sizes(design.accelerator, {})
    return {*sizes.names, *workload_names_of_sizes(), *design.mapping.parameters, *_ranks(design)}


def _ranks(design: Design) -> set[str]:
    mapping = design.mapping
    parts = {part for split in mapping.partition.values() for part in split}
    return {rank for spec in design.specs for rank in spec.ranks} | set(mapping.batch) | parts | set(mapping.partition)


def _partitions(design: Design) -> Iterator[Finding]:
    """Parts of ranks: known ranks, each part of one rank only, at most one rest, expressions of known quantities."""
    known, seen = _quantities(design), dict[str, str]()
    own = {rank for spec in design.specs for rank in spec.ranks}
    for rank, parts in design.mapping.partition.items():
        where: Where = ("partition", rank)
        below = {p for part in design.mapping.partition.values() for p in part}
        if rank not in below and rank not in own and not (set(parts) & own):
            yield _unknown("rank", rank, own, "mapping", where, key=True)
        if list(parts.values()).count("rest") > 1:
            yield Finding(f"rank {rank} has more than one part that is the rest", "mapping", where, key=True)
        for part, text in parts.items():
            if part in seen:
                yield Finding(f"{part!r} is a part of {seen[part]} already", "mapping", (*where, part), key=True)
            seen[part] = rank
            yield from _part_text(design, text, known, (*where, part))


def _part_text(design: Design, text: int | str, known: set[str], where: Where) -> Iterator[Finding]:
    if isinstance(text, int) or text == "rest":
        return
    level = fit_level(text)
    if level is not None:
        if level not in list(design.accelerator.memories)[1:]:
            yield _unknown("memory to fit", level, list(design.accelerator.memories)[1:], "mapping", where)
        return
    for name in parse_expression(text).names:
        if name not in known:
            yield _unknown("quantity", name, known, "mapping", where)


def _levels(design: Design, on: str) -> set[str]:
    views = {f"{array}.registers" for array in design.accelerator.arrays if array != on}
    return {*design.accelerator.memories, "registers", *views}


def _loops(design: Design) -> Iterator[Finding]:
    """Loops are over known ranks at known levels; choices of them name parameters and their values."""
    ranks, mapping = _ranks(design), design.mapping
    for level, loops in mapping.loops.items():
        if level not in (*design.accelerator.memories, "registers"):
            known = [*design.accelerator.memories, "registers"]
            yield _unknown("level", level, known, "mapping", ("loops", level), key=True)
        yield from _variables(loops, ranks, ("loops", level))
    for name, entry in mapping.einsums.items():
        where: Where = ("einsums", name)
        for level, order in entry.loops.items():
            if level not in _levels(design, entry.on):
                known = sorted(_levels(design, entry.on))
                yield _unknown("level", level, known, "mapping", (*where, "loops", level), key=True)
            for path, chosen in _choices(design, order):
                if isinstance(chosen, Finding):
                    yield Finding(chosen.message, "mapping", (*where, "loops", level), chosen.known, chosen.name)
                else:
                    yield from _variables(_names(chosen), ranks, (*where, "loops", level, *path))
        for side, spread in entry.spatial.items():
            if side not in ("columns", "rows"):
                yield _unknown(
                    "side of an array", side, ("columns", "rows"), "mapping", (*where, "spatial", side), key=True
                )
            for path, one in _choices(design, spread):
                if isinstance(one, Finding):
                    yield Finding(one.message, "mapping", (*where, "spatial", side), one.known, one.name)
                else:
                    yield from _variables((str(one),), ranks, (*where, "spatial", side, *path), single=True)


def _choices(design: Design, value: object) -> Iterator[tuple[Where, object]]:
    """The values a parameter chooses from, with their places; a Finding where the choice names what is not there."""
    if not isinstance(value, Mapping):
        yield (), value
        return
    parameters = design.mapping.parameters
    for parameter, choices in value.items():
        if parameter not in parameters:
            yield (), Finding(f"unknown parameter {parameter!r}", "mapping", (), tuple(sorted(parameters)), parameter)
            continue
        legal = [str(v) for v in parameters[parameter]]
        for choice, chosen in choices.items():
            if choice not in legal:
                yield (), Finding(f"unknown choice {choice!r} of {parameter}", "mapping", (), tuple(legal), choice)
            else:
                yield (parameter, choice), chosen


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple | list) else (str(value),)


def _variables(loops: tuple[str, ...], ranks: set[str], where: Where, *, single: bool = False) -> Iterator[Finding]:
    known = {rank[:1].lower() + rank[1:] for rank in ranks}
    for i, variable in enumerate(loops):
        if rank_of(variable) not in ranks or variable[:1].isupper():
            yield _unknown("loop", variable, known, "mapping", where if single else (*where, i))


def _kept(design: Design) -> Iterator[Finding]:
    """Levels keep operands of their Einsum; inputs and outputs of the cascade stand in the outermost memory."""
    outer = next(iter(design.accelerator.memories))
    for spec in design.specs:
        entry = design.mapping.einsums[spec.name]
        labels = {operand.label for operand in spec.operands}
        for level, tensors in entry.keep.items():
            where: Where = ("einsums", spec.name, "keep", level)
            if level not in _levels(design, entry.on):
                yield _unknown("level", level, _levels(design, entry.on), "mapping", where, key=True)
            for i, text in enumerate(tensors):
                tensor, parameter, choice = split_kept(text)
                if tensor not in labels:
                    yield _unknown(f"tensor of Einsum {spec.name}", tensor, labels, "mapping", (*where, i))
                yield from _condition(design, parameter, choice, (*where, i))
        kept = {split_kept(text)[0] for text in entry.keep.get(outer, ())}
        for operand in spec.operands:
            if operand.label not in kept and _must_move(design, spec.name, operand.tensor):
                message = f"{outer} does not keep {operand.label}, which the cascade reads or writes"
                yield Finding(message, "mapping", ("einsums", spec.name), key=True)


def _must_move(design: Design, einsum: str, tensor: str) -> bool:
    """Whether an Einsum is the one through which an input comes in, or an output goes out."""
    if tensor not in design.boundary:
        return False
    users = [spec.name for spec in design.specs if any(o.tensor == tensor for o in spec.operands)]
    return users[:1] == [einsum]


def _condition(design: Design, parameter: str | None, choice: str | None, where: Where) -> Iterator[Finding]:
    parameters = design.mapping.parameters
    if parameter is None:
        return
    if parameter not in parameters:
        yield _unknown("parameter", parameter, parameters, "mapping", where)
    elif choice not in [str(value) for value in parameters[parameter]]:
        yield _unknown(f"choice of {parameter}", str(choice), [str(v) for v in parameters[parameter]], "mapping", where)


def _searches(design: Design) -> Iterator[Finding]:
    """Every parameter has a value to be found: the search names all of them, and nothing else."""
    mapping = design.mapping
    if mapping.parameters and mapping.search is None:
        yield Finding("the mapping has parameters and no search", "mapping", ("parameters",), key=True)
        return
    for part, search in (("mapping", mapping.search), ("as_published", design.as_published.search)):
        if search is None:
            continue
        for i, name in enumerate(search.over):
            if name not in mapping.parameters:
                yield _unknown("parameter", name, mapping.parameters, part, ("search", "over", i))
        for name in mapping.parameters:
            if name not in search.over:
                yield Finding(f"the search leaves parameter {name!r} open", part, ("search", "over"))
        names = [spec.name for spec in design.specs]
        for i, name in enumerate(search.of):
            if name not in names:
                yield _unknown("Einsum", name, names, part, ("search", "of", i))


def _capacities(design: Design) -> Iterator[Finding]:
    """Capacity rules name memories and tensors."""
    tensors = {o.tensor for spec in design.specs for o in spec.operands}
    for i, rule in enumerate(design.mapping.capacity):
        where: Where = ("capacity", i)
        if rule.level not in design.accelerator.memories:
            yield _unknown("memory", rule.level, design.accelerator.memories, "mapping", (*where, "level"))
        for field, names in (("places", rule.places or {}), ("stage", rule.stage)):
            for tensor in names:
                if tensor not in tensors:
                    yield _unknown("tensor", tensor, tensors, "mapping", (*where, field, tensor), key=True)
        for j, text in enumerate(rule.spill):
            tensor, parameter, choice = split_kept(text)
            if tensor not in tensors:
                yield _unknown("tensor", tensor, tensors, "mapping", (*where, "spill", j))
            yield from _condition(design, parameter, choice, (*where, "spill", j))


def _whole(design: Design) -> Iterator[Finding]:
    """The loops of an Einsum run over every one of its ranks exactly once, whatever the parameters choose."""
    parameters = design.mapping.parameters
    for spec in design.specs:
        entry = design.mapping.einsums[spec.name]
        values: list[object] = [*entry.loops.values(), *entry.spatial.values()]
        used = list(dict.fromkeys(p for value in values if isinstance(value, Mapping) for p in value))
        for combination in itertools.product(*(parameters[p] for p in used)):
            choice = {p: str(v) for p, v in zip(used, combination, strict=True)}
            try:
                nest = build_nest(design, spec, choice)
            except UsageError as error:
                yield Finding(str(error), "mapping", ("einsums", spec.name), key=True)
                return
            for rank in dict.fromkeys(spec.ranks):
                if not complete(nest, design.mapping, rank):
                    shown = ", ".join(loop.variable for loop in nest.loops if rank in loop.ranks) or "none"
                    chosen = f" with {', '.join(f'{p} {c}' for p, c in choice.items())}" if choice else ""
                    message = (
                        f"the loops of Einsum {spec.name} do not run over rank {rank} once{chosen}: it has {shown}"
                    )
                    yield Finding(message, "mapping", ("einsums", spec.name), key=True)


def _scheduled(design: Design) -> Iterator[Finding]:
    """Every Einsum is scheduled once, on the array it is mapped to, and reads nothing that a later phase writes."""
    names = [spec.name for spec in design.specs]
    phase_of: dict[str, int] = {}
    for i, phase in enumerate(design.schedule.phases):
        for j, step in enumerate(phase.steps):
            for on, chosen in step.items():
                where: Where = ("phases", i, "steps", j, on)
                if on != DRAIN and on not in design.accelerator.arrays:
                    yield _unknown("array", on, [*design.accelerator.arrays, DRAIN], "schedule", where, key=True)
                    continue
                for k, name in enumerate(chosen):
                    if name not in names:
                        yield _unknown("Einsum", name, names, "schedule", (*where, k))
                    elif on != DRAIN:
                        phase_of[name] = i
                        mapped = design.mapping.einsums[name].on
                        if mapped != on:
                            message = f"Einsum {name} is scheduled on {on} and mapped to {mapped}"
                            yield Finding(message, "schedule", (*where, k))
    for i, (first, second) in enumerate(design.schedule.as_one):
        for j, name in enumerate((first, second)):
            if name not in names:
                yield _unknown("Einsum", name, names, "schedule", ("as_one", i, j))
        if {first, second} <= set(names) and design.mapping.einsums[first].on != design.mapping.einsums[second].on:
            yield Finding(f"{first} and {second} run on different arrays", "schedule", ("as_one", i))
    for name in names:
        if name not in phase_of:
            yield Finding(f"Einsum {name!r} is not scheduled", "schedule", ("phases",), key=True)
    writers = {spec.output.tensor: spec.name for spec in design.specs}
    for spec in design.specs:
        for operand in spec.inputs:
            writer = writers.get(operand.tensor)
            if writer in phase_of and spec.name in phase_of and phase_of[writer] > phase_of[spec.name]:
                message = f"Einsum {spec.name} reads {operand.tensor}, which a later phase writes ({writer})"
                yield Finding(message, "schedule", ("phases", phase_of[spec.name]))


def _skipped(design: Design) -> Iterator[Finding]:
    """An Einsum that does not run at every tile multiplies by a factor that is 1 as long as a reference stays."""
    able, names = corrections(design.cascade), [spec.name for spec in design.specs]
    for name in design.schedule.runs:
        where: Where = ("runs", name)
        if name not in names:
            yield _unknown("Einsum", name, able or names, "schedule", where, key=True)
        elif name not in able:
            right = f"those that may be skipped are {', '.join(able)}" if able else f"{design.cascade.name} has none"
            message = (
                f"Einsum {name} cannot be skipped: it does not multiply by a factor that is 1 while a running"
                f" reference stays; {right}"
            )
            yield Finding(message, "schedule", where, key=True)


def _costed(design: Design) -> Iterator[Finding]:
    """The cost tables know every memory, unit and fixed part, and some unit does every operation."""
    table = design.costs.components
    for name, part in design.accelerator.components.items():
        where: Where = ("components", name)
        if isinstance(part, Memory):
            if part.cost != "sram" and part.cost not in table.components:
                yield _unknown(
                    "row of the cost table", part.cost, [*table.components, "sram"], "accelerator", (*where, "cost")
                )
            for action in ("read", "write"):
                if part.cost in table.components and table.get(part.cost, action, "energy") is None:
                    message = f"{table.file} gives no energy for {part.cost} {action}"
                    yield Finding(message, "accelerator", (*where, "cost"))
        elif isinstance(part, Array):
            for i, unit in enumerate(part.units):
                if unit not in table.components:
                    yield _unknown("unit", unit, table.components, "accelerator", (*where, "units", i))
        elif part.cost not in table.components:
            yield _unknown("row of the cost table", part.cost, table.components, "accelerator", (*where, "cost"))
    for spec in design.specs:
        entry = design.mapping.einsums[spec.name]
        array = design.accelerator.arrays[entry.on]
        done = {action for unit in array.units for action in table.actions(unit)}
        wanted = dict(spec.operations if entry.operations is None else entry.operations)
        if wanted.pop("exp", 0) and array.exp is None:
            message = f"Einsum {spec.name} needs exp, which {entry.on} has no way to find (exp: unit or multiply_adds)"
            yield Finding(message, "mapping", ("einsums", spec.name, "on"))
        for operation in [name for name, times in wanted.items() if times != 0]:
            if operation not in done:
                message = (
                    f"Einsum {spec.name} needs {operation}, which no unit of {entry.on} does ({', '.join(array.units)})"
                )
                yield Finding(message, "mapping", ("einsums", spec.name, "on"))


def _accelerator(design: Design) -> Iterator[Finding]:
    """Sizes of components are expressions of known quantities, and can be found."""
    sizes = Sizes(design.accelerator, dict.fromkeys(workload_names_of_sizes(), 256))
    for name in sizes.names:
        component, _, field = name.partition(".")
        if not field:
            continue
        where: Where = ("components", component, *(("registers", "depth") if field == "registers" else (field,)))
        try:
            value = sizes(name)
        except FusemaxError as error:
            yield Finding(str(error), "accelerator", where)
            continue
        if value < 1:
            yield Finding(f"{name} is {value}; expected at least 1", "accelerator", where)


RULES: tuple[_Rule, ...] = (
    _accelerator, _mapped, _partitions, _loops, _kept, _searches, _capacities, _whole, _scheduled, _skipped,
    _costed,
)  # fmt: skip
"""In the order in which they are checked; their docstrings are the rules in words."""
