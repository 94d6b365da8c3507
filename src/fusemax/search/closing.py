"""A design with everything that its mapping leaves open decided: a file that has one meaning in every accounting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fusemax.design.design import Design
from fusemax.design.expression import parse_expression
from fusemax.design.mapping import Capacity, EinsumMapping, fit_level, split_kept
from fusemax.design.mapping import Mapping as DesignMapping
from fusemax.model.measure import Measured
from fusemax.search.group import named
from fusemax.search.rewrite import checked

__all__ = ["closed"]


def closed(design: Design, measured: Measured) -> Design:
    """The design with the parameters' values that were chosen written in; a name of its own."""
    mapping: DesignMapping = design.mapping
    tiling = measured.tiling
    if mapping.parameters:
        choice, values = tiling.choice, {name: int(value) for name, value in tiling.parameters.items()}
        mapping = mapping.model_copy(
            update={
                "partition": {
                    rank: {part: _part(text, values) for part, text in parts.items()}
                    for rank, parts in mapping.partition.items()
                },
                "einsums": {name: _entry(entry, choice) for name, entry in mapping.einsums.items()},
                "capacity": tuple(_capacity(rule, choice) for rule in mapping.capacity),
                "parameters": {},
                "search": None,
            }
        )
    quirks = design.as_published.model_copy(update={"search": None, "parts": ()})
    made = named(replace(design, mapping=mapping, as_published=quirks))
    chosen = {**tiling.choice, **tiling.parameters} if design.mapping.parameters else {}
    words = ", ".join(f"{name} {value}" for name, value in chosen.items())
    return checked(replace(made, title=f"{made.title}: {words}" if words else made.title))


def _part(text: int | str, values: Mapping[str, int]) -> int | str:
    if isinstance(text, int) or text == "rest" or fit_level(text) is not None:
        return text
    names = parse_expression(text).names
    return values[text] if text in values and names == (text,) else text


def _entry(entry: EinsumMapping, choice: Mapping[str, str]) -> EinsumMapping:
    return entry.model_copy(
        update={
            "spatial": {side: str(_chosen(value, choice)) for side, value in entry.spatial.items()},
            "loops": {level: _chosen(value, choice) for level, value in entry.loops.items()},
            "keep": {level: _kept(kept, choice) for level, kept in entry.keep.items() if _kept(kept, choice)},
        }
    )


def _chosen(value: object, choice: Mapping[str, str]) -> object:
    if not isinstance(value, Mapping):
        return value
    ((parameter, choices),) = value.items()
    return choices[choice[parameter]]


def _kept(kept: tuple[str, ...], choice: Mapping[str, str]) -> tuple[str, ...]:
    split = [split_kept(text) for text in kept]
    return tuple(tensor for tensor, parameter, wanted in split if parameter is None or choice.get(parameter) == wanted)


def _capacity(rule: Capacity, choice: Mapping[str, str]) -> Capacity:
    return rule.model_copy(update={"spill": _kept(rule.spill, choice)})
