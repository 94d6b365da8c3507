"""The steady state of a design as a modulo-scheduling problem, and its least interval."""

from __future__ import annotations

from dataclasses import replace

from fusemax.base.errors import UsageError
from fusemax.design.arithmetic import product
from fusemax.model.measure import Measured
from fusemax.model.pipeline import Link, flight_of, links_of, tiles_of
from fusemax.search.modulo import Dependence, Interval, Operation, Problem, Storage, Value, least_interval

__all__ = ["epoch_problem", "interval_of"]


def epoch_problem(measured: Measured) -> Problem | None:
    """What one tile does, of a design whose Einsums are one phase; None for others.

    Einsums that hand over word by word on one array run interleaved, as one operation, for a unit does one thing at a
    time. A value that is handed over on one array and that no memory keeps waits in that array's registers.
    """
    phases = measured.design.schedule.phases
    if len(phases) != 1:
        return None
    links = links_of(measured, phases[0])
    names = list(dict.fromkeys(name for link in links for name in (link.producer, link.consumer)))
    tiles, flight = float(tiles_of(measured, phases[0])), int(flight_of(measured, phases[0]))
    group = _interleaved(measured, names, links)
    cycles: dict[str, int] = {}
    for name in names:
        cycles[group[name]] = cycles.get(group[name], 0) + round(float(measured.cycles(name)) / tiles)
    on = {group[name]: measured.nest(name).on for name in names}
    found = [_dependence(link, group, cycles, flight) for link in links]
    return Problem(
        tuple(Operation(name, on[name], number) for name, number in cycles.items()),
        tuple(one for one in found if one is not None),
        tuple(_storages(measured, names, links, group, cycles)),
    )


def _interleaved(measured: Measured, names: list[str], links: list[Link]) -> dict[str, str]:
    """Einsum -> the operation it is part of."""
    parts = {name: [name] for name in names}
    for link in links:
        one, two = parts[link.producer], parts[link.consumer]
        same = measured.nest(link.producer).on == measured.nest(link.consumer).on
        if same and link.streams and not link.old and one is not two:
            one += two
            for name in two:
                parts[name] = one
    return {name: "+".join(sorted(parts[name], key=names.index)) for name in names}


def _dependence(link: Link, group: dict[str, str], cycles: dict[str, int], flight: int) -> Dependence | None:
    before, after = group[link.producer], group[link.consumer]
    if before == after and not link.old:
        return None
    first, second = cycles[before], cycles[after]
    busy = max(0, first - second) if link.streams else first  # word by word: neither starts nor ends before the other
    return Dependence(before, after, busy + int(link.delay), flight if link.old else 0)


def _storages(
    measured: Measured, names: list[str], links: list[Link], group: dict[str, str], cycles: dict[str, int]
) -> list[Storage]:
    held: dict[str, dict[str, Value]] = {}
    shared = set.intersection(*({x.variable for x in measured.nest(name).temporal} for name in names))
    memories = measured.design.accelerator.memories
    for link in links:
        first, second = measured.nest(link.producer), measured.nest(link.consumer)
        labels = {link.operand.label, first.output.label}
        kept = any(labels & at.keeps for nest in (first, second) for at in nest.levels if at.component in memories)
        before, after = group[link.producer], group[link.consumer]
        if link.old or kept or first.on != second.on or before == after:
            continue
        inner = [x for x in second.temporal if x.variable not in shared and x.ranks & link.operand.ranks]
        words = int(product(measured.tiling.bound(loop) for loop in inner))
        found = held.setdefault(first.on, {})
        known = found.get(link.producer)
        if known is None:
            found[link.producer] = Value(before, after, cycles[after], words, link.streams)
        else:
            also = (*known.also, (after, cycles[after]))
            found[link.producer] = replace(known, words=max(known.words, words), also=also)
    return [
        Storage(f"{on}.registers", int(measured.sizes(f"{on}.registers")), tuple(values.values()))
        for on, values in held.items()
    ]


def interval_of(measured: Measured, engine: str = "auto") -> dict[str, object] | None:
    """The least interval as data, or why there is none; None for designs without a steady state of one phase."""
    problem = epoch_problem(measured)
    if problem is None:
        return None
    if measured.design.schedule.shares:
        return {"interval": None, "why": "tiles that skip Einsums are shorter than others"}
    most = sum(one.cycles for one in problem.operations)
    try:
        found: Interval = least_interval(problem, engine, most)
    except UsageError as error:
        return {"interval": None, "why": str(error)}
    return found.document()
