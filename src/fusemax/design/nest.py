"""The loop nest of one Einsum: the mapping made concrete, structure only, without sizes.

A nest is a tuple of levels from the outermost memory in. Each level has temporal loops (outermost first), spatial
loops underneath, and the operands it keeps. Sizes come separately, by loop variable, so that one nest serves
any number of design points.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property

from fusemax.base.errors import UnknownName, UsageError
from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec, Operand
from fusemax.design.mapping import EinsumMapping, Mapping, split_kept

__all__ = ["Level", "Loop", "Nest", "build_nest", "build_nests", "part_of", "parts_below"]

Choice = AnyMapping[str, str]
"""Parameter -> its chosen name, for parameters that decide structure."""


@dataclass(frozen=True)
class Loop:
    """A loop over one part of a rank; ``ranks`` are the part and everything it is a part of, ``root`` the whole."""

    variable: str
    part: str
    ranks: frozenset[str]
    root: str
    spatial: str = ""
    """``columns`` or ``rows`` for a loop spread over an array, empty for a loop in time."""


@dataclass(frozen=True)
class Level:
    """A level: ``component`` is a memory, ``ARRAY.columns``, ``ARRAY.rows`` or ``ARRAY.registers``."""

    component: str
    loops: tuple[Loop, ...] = ()
    spatial: tuple[Loop, ...] = ()
    keeps: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Nest:
    """One Einsum's levels and operands; ``on`` is the array it runs on."""

    einsum: str
    on: str
    levels: tuple[Level, ...]
    operands: tuple[Operand, ...]
    operations: tuple[tuple[str, int], ...]
    order: AnyMapping[str, int] = field(compare=False, repr=False)
    """Part -> its place among the parts of its rank, the outermost first."""

    @property
    def output(self) -> Operand:
        """The operand that is written."""
        return self.operands[-1]

    @cached_property
    def signature(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """The parts looped over, by level: nests with the same one have the same extents."""
        return tuple((tuple(x.part for x in at.loops), tuple(x.part for x in at.spatial)) for at in self.levels)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Everything about the nest that counts depend on."""
        return (self.einsum, self.signature, tuple(at.keeps for at in self.levels))

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """All loops, outermost first, a level's temporal ones before its spatial ones."""
        return tuple(loop for level in self.levels for loop in (*level.loops, *level.spatial))

    def reads(self, tensor: str) -> bool:
        """Whether one of its inputs is of a tensor, the value before it of a running one included."""
        return any(operand.tensor == tensor for operand in self.operands[:-1])

    @cached_property
    def temporal(self) -> tuple[Loop, ...]:
        """The loops in time, outermost first."""
        return tuple(loop for level in self.levels for loop in level.loops)

    @cached_property
    def spatial(self) -> tuple[Loop, ...]:
        """The loops spread over the array."""
        return tuple(loop for level in self.levels for loop in level.spatial)

    @cached_property
    def chains(self) -> dict[str, tuple[Loop, ...]]:
        """By whole rank, its loops from the outermost part in."""
        found: dict[str, list[Loop]] = {}
        for loop in self.loops:
            found.setdefault(loop.root, []).append(loop)
        return {root: tuple(sorted(loops, key=lambda x: self.order[x.part])) for root, loops in found.items()}

    def keeping(self, label: str) -> tuple[int, ...]:
        """Indices of the levels that keep an operand, outermost first."""
        return tuple(i for i, level in enumerate(self.levels) if label in level.keeps)

    def level(self, component: str) -> int:
        """The index of a level; -1 when the nest has none of that name."""
        return self._places.get(component, -1)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {level.component: i for i, level in enumerate(self.levels)}


def part_of(mapping: Mapping) -> dict[str, str]:
    """Part -> the rank it is a part of."""
    return {part: rank for rank, parts in mapping.partition.items() for part in parts}


def parts_below(mapping: Mapping, rank: str) -> tuple[str, ...]:
    """The rank and all its parts, and theirs."""
    return (rank, *(p for part in mapping.partition.get(rank, ()) for p in parts_below(mapping, part)))


def build_nests(design: Design, choice: Choice | None = None, declared: bool = False) -> dict[str, Nest]:
    """The nests of all Einsums by name; ``declared``: operands have the ranks that the published files declare."""
    return {spec.name: build_nest(design, spec, choice or {}, declared) for spec in design.specs}


def build_nest(design: Design, spec: EinsumSpec, choice: Choice, declared: bool = False) -> Nest:
    """The nest of one Einsum. UsageError or UnknownName where the mapping does not name what is there."""
    mapping, accelerator = design.mapping, design.accelerator
    if spec.name not in mapping.einsums:
        raise UsageError(f"the mapping says nothing of Einsum {spec.name!r}")
    entry = mapping.einsums[spec.name]
    if entry.on not in accelerator.arrays:
        raise UnknownName("array", entry.on, accelerator.arrays)
    whole = part_of(mapping)
    memories = list(accelerator.memories)
    registers = f"{entry.on}.registers"
    below = [f"{entry.on}.columns", f"{entry.on}.rows", registers]
    views = [name for name in (*entry.keep, *entry.loops) if name not in (*memories, "registers", *below)]
    levels = [*memories, *dict.fromkeys(views), *below]
    operands = _declared(design, spec) if declared else spec.operands
    labels = {operand.label for operand in operands}

    def loop(variable: str, spatial: str = "") -> Loop:
        part = rank_of(variable)
        ranks = [part]
        while ranks[-1] in whole:
            ranks.append(whole[ranks[-1]])
        return Loop(variable, part, frozenset(ranks), ranks[-1], spatial)

    def used(variables: tuple[str, ...]) -> tuple[Loop, ...]:
        return tuple(one for one in map(loop, variables) if one.ranks & set(spec.ranks))

    found = []
    for name in levels:
        side = name.rpartition(".")[2] if name in below else name
        key = "registers" if name == registers else name
        spread = entry.spatial.get(side) if name in below[:2] else None
        spatial: tuple[Loop, ...] = ()
        if spread is not None:
            spatial = tuple(loop(one.variable, side) for one in used((_chosen_one(spread, choice),)))
        temporal = used(_chosen(entry.loops[key], choice)) if key in entry.loops else used(mapping.loops.get(key, ()))
        keeps = labels if name == registers else _kept(entry, key, choice, labels)
        found.append(Level(name, temporal, spatial, frozenset(keeps)))
    roots = [rank for rank in mapping.partition if rank not in whole]
    order = {p: i for i, p in enumerate(p for rank in roots for p in parts_below(mapping, rank))}
    order |= {rank: 0 for rank in spec.ranks if rank not in order}
    return Nest(spec.name, entry.on, tuple(found), operands, _operations(entry, spec), order)


def _operations(entry: EinsumMapping, spec: EinsumSpec) -> tuple[tuple[str, int], ...]:
    return spec.operations if entry.operations is None else tuple(entry.operations.items())


def _declared(design: Design, spec: EinsumSpec) -> tuple[Operand, ...]:
    changed = design.as_published.ranks.get(spec.name, {})
    batch = frozenset(design.mapping.batch)
    return tuple(
        Operand(o.label, o.tensor, batch | frozenset(changed[o.label])) if o.label in changed else o
        for o in spec.operands
    )


def _chosen(value: object, choice: Choice) -> tuple[str, ...]:
    if isinstance(value, AnyMapping):
        ((parameter, choices),) = value.items()
        return tuple(choices[_pick(parameter, choices, choice)])
    assert isinstance(value, tuple)
    return value


def _chosen_one(value: object, choice: Choice) -> str:
    if isinstance(value, AnyMapping):
        ((parameter, choices),) = value.items()
        return str(choices[_pick(parameter, choices, choice)])
    return str(value)


def _pick(parameter: str, choices: AnyMapping[str, object], choice: Choice) -> str:
    if parameter not in choice:
        raise UsageError(f"parameter {parameter!r} of the mapping has no value")
    if choice[parameter] not in choices:
        raise UnknownName(f"choice of {parameter}", choice[parameter], choices)
    return choice[parameter]


def _kept(entry: EinsumMapping, level: str, choice: Choice, labels: set[str]) -> set[str]:
    return set(chosen_tensors(entry.keep.get(level, ()), choice)) & labels


def chosen_tensors(kept: tuple[str, ...], choice: Choice) -> Iterator[str]:
    """The tensors of a ``keep`` list whose condition holds."""
    for text in kept:
        tensor, parameter, wanted = split_kept(text)
        if parameter is None or choice.get(parameter) == wanted:
            yield tensor


def loops_of_rank(nest: Nest, mapping: Mapping, rank: str) -> tuple[Loop, ...]:
    """The loops of a nest over parts of a rank."""
    return tuple(one for one in nest.loops if rank in one.ranks)


def complete(nest: Nest, mapping: Mapping, rank: str) -> bool:
    """Whether the loops over a rank's parts are, together, the whole rank, each part once."""
    variables = [loop.variable for loop in nest.loops]

    def covered(part: str) -> bool:
        own = variables.count(variable_of(part))
        parts = mapping.partition.get(part, {})
        return own == 1 if own or not parts else all(covered(p) for p in parts)

    def count(part: str) -> int:
        return variables.count(variable_of(part)) + sum(count(p) for p in mapping.partition.get(part, {}))

    needed = covered(rank)
    own = variables.count(variable_of(rank))
    return needed and (not own or count(rank) == 1)
