"""Sizes of a mapping's loops at given design points, and what its levels must hold.

A `Tiling` gives every loop's bound. ``fit(LEVEL)`` is solved here: what LEVEL must hold is a constant plus a
multiple of the part asked for, so the most that fits is one division.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from functools import cached_property

import numpy as np

from fusemax.base.errors import UsageError
from fusemax.base.units import format_bytes
from fusemax.design.amounts import bytes_of
from fusemax.design.arithmetic import Number, ceil_div, is_array, largest_divisor, maximum, minimum, product, where
from fusemax.design.design import Design
from fusemax.design.einsums import Operand
from fusemax.design.expression import parse_expression
from fusemax.design.mapping import Capacity, fit_level
from fusemax.design.nest import Nest, chosen_tensors
from fusemax.design.schedule import Phase
from fusemax.design.sizes import Sizes
from fusemax.design.term import is_term
from fusemax.model.extents import Extents
from fusemax.model.profile import Accounting

__all__ = ["Tiling", "attention_sizes"]


def attention_sizes(sizes: Sizes, rules: Accounting) -> Sizes:
    """The sizes of a point's attention: query heads that share keys and values take turns as rows of one head.

    ``H`` becomes the heads of K and V and ``P`` the rows they serve; ``group`` is their ratio. Raises UsageError for a
    mask where the accounting knows none.
    """
    heads, shared = sizes("H"), sizes("KV")
    group = heads // shared
    causal = sizes("causal")
    if _occurs(causal):
        if "masks" not in rules:
            raise UsageError(f"{rules.name} accounting knows no masks: use corrected, or mask none")
        if not is_term(sizes("P"), sizes("M")) and _occurs(sizes("P") > sizes("M")):
            raise UsageError("a causal mask needs at least as many keys as queries: query_len is above seq_len")
    return sizes.with_sizes({"H": shared, "P": sizes("P") * group, "group": group})


class Tiling(Extents):
    """Loop bounds of one structural variant of a mapping at one or many design points.

    ``parameters`` are the numeric parameters' values; ``choice`` the structural ones, by which ``nests`` were
    made. ``sibling`` is another variant at the same points.
    """

    def __init__(
        self,
        design: Design,
        nests: AnyMapping[str, Nest],
        sizes: Sizes,
        accounting: Accounting,
        parameters: AnyMapping[str, Number] | None = None,
        choice: AnyMapping[str, str] | None = None,
        sibling: Tiling | None = None,
    ) -> None:
        super().__init__(design, sizes, accounting, parameters, None if _has_fit(design) else sibling)
        self.nests = nests
        self.choice = dict(choice or {})
        self._unfit: Number = 0  # counts parts for which not even one tile fits, where points differ

    @cached_property
    def legal(self) -> Number:
        """Whether the mapping fits, and where no tile may be ragged, divides."""
        legal: Number = True
        for rank, parts in self.design.mapping.partition.items():
            made = product(self.part(part) for part in parts)
            if not self._ragged:
                legal = legal & (made == self.part(rank))
        for nest in self.nests.values():
            for loop in nest.spatial:
                legal = legal & (self.bound(loop) <= self.sizes(f"{nest.on}.{loop.spatial}"))
        return legal & (self._unfit == 0) & self._has_room

    @cached_property
    def _has_room(self) -> Number:
        """Whether every level that neither spills nor has a part fitted to it holds what it keeps."""
        solved = {fit_level(text) for parts in self.design.mapping.partition.values() for text in parts.values()}
        legal: Number = True
        for level in self.levels:
            if level not in solved and not self.spilled(level):
                for held in self.needed(level).values():
                    legal = legal & (sum(held.values()) <= self.capacity(level))
        return legal

    def check(self) -> None:
        """UsageError where what is kept does not fit, or a rank is no multiple of its tiles and none may be ragged."""
        if _holds(self.legal):
            return
        for rank, parts in self.design.mapping.partition.items():
            whole, made = self.part(rank), product(self.part(part) for part in parts)
            wrong = made != whole
            if not self._ragged and _occurs(wrong):
                at = int(wrong.argmax()) if is_array(wrong) else None
                sizes = {n: _at(self.part(n), at) for n in (rank, *parts)}
                tiles = " x ".join(f"{part} = {sizes[part]}" for part in parts)
                raise UsageError(
                    f"{self.design.name}: {rank} = {sizes[rank]} is not {tiles}: {self.accounting.name}"
                    " accounting has no ragged tiles (corrected has); a multiple of the array's edge would fit"
                )
        self._check_spread()
        self.check_room()
        raise UsageError(f"{self.design.name}: the mapping does not fit at point {int(self._unfit.argmax())}")

    def _check_spread(self) -> None:
        for nest in self.nests.values():
            for loop in nest.spatial:
                bound, there = self.bound(loop), self.sizes(f"{nest.on}.{loop.spatial}")
                wider = bound > there
                if _occurs(wider):
                    at = int(wider.argmax()) if is_array(wider) else None
                    name = self.design.label(nest.einsum)
                    raise UsageError(
                        f"{self.design.name}: loop {loop.variable} of Einsum {name} spreads over {_at(bound, at)}"
                        f" {loop.spatial} of {nest.on}, which has {_at(there, at)}"
                    )

    def needed(self, level: str, set_part: tuple[str, Number] | None = None) -> dict[int, dict[str, Number]]:
        """Bytes that each tensor takes of a memory, by phase of the schedule."""
        rule = self._rule(level)
        found: dict[int, dict[str, Number]] = {}
        for number, phase in enumerate(self.design.schedule.phases):
            held = found.setdefault(number, {})
            for name in phase.einsums:
                nest = self.nests[name]
                at = nest.level(level)
                for operand in nest.operands:
                    if at >= 0 and operand.label in nest.levels[at].keeps:
                        owner = _owner(rule, operand.tensor)
                        if rule is None or rule.places is None or owner in rule.places:
                            places = self._places(rule, owner, nest, operand, at)
                            size = self.tile(nest, operand.ranks, at, set_part) * places
                            held[owner] = maximum(held[owner], size) if owner in held else size
            for tensor, text in rule.stage.items() if rule is not None else ():
                if tensor not in held and any(_reads(self.nests[n], tensor) for n in phase.einsums):
                    held[tensor] = parse_expression(str(text))(self.lookup) * rule_places(rule, tensor)
        word = self.sizes("word")
        return {
            n: {t: ceil_div(s * word, 8) if word % 8 else s * (word // 8) for t, s in h.items()}
            for n, h in found.items()
        }

    def granules(self, phase: Phase, level: str) -> list[tuple[str, Operand, Number]]:
        """(Einsum, operand, bytes) of inputs that a level fetches once per stream of a phase."""
        if self._places_given(level):
            return []
        found = []
        for name in phase.einsums:
            nest = self.nests[name]
            at = nest.level(level)
            for operand in nest.operands[:-1]:
                if _is_fetched(nest, operand, at) and not _changes(nest, operand, at):
                    size = self.tile(nest, operand.ranks, at) * self.sizes("word") / 8
                    found.append((name, operand, size))
        return found

    def places_shared(self, level: str) -> list[tuple[frozenset[str], int]]:
        """Tensors that overwrite one another, with the places the mapping gives them together."""
        rule = self._rule(level)
        if rule is None or rule.places is None:
            return []
        return [(frozenset(names), rule_places(rule, names[0])) for names in rule.share]

    def first_tiles(self, phase: Phase, level: str) -> Number:
        """Bytes of the tiles that a phase's first Einsum waits for before anything runs."""
        nest = self.nests[phase.einsums[0]]
        at = nest.level(level)
        words: Number = 0
        for operand in nest.operands[:-1]:
            if _is_fetched(nest, operand, at) and _changes(nest, operand, at):
                words = words + self.tile(nest, operand.ranks, at)
        return words * self.sizes("word") / 8

    def holds_two(self, phase: Phase, level: str) -> Number:
        """Whether a level has room for the next stream's granules beside those in use: then no gap is between them."""
        granules = self.granules(phase, level)
        if not granules:
            return True
        number = self.design.schedule.phases.index(phase)
        room = self.capacity(level) - sum(self.needed(level)[number].values())
        return sum(size for _, _, size in granules) <= room

    def capacity(self, level: str) -> Number:
        """Bytes that tiles of a memory are chosen for."""
        published = self.design.as_published.capacity
        if published is not None and "own-capacity" not in self.accounting:
            return bytes_of(published, self.sizes)
        return self.sizes(f"{level}.capacity")

    def shortage(self, level: str) -> Number:
        """The share of what a level should hold that it has no room for, in the worst phase; 0 when all fits."""
        most = maximum(*(sum(held.values()) for held in self.needed(level).values()))
        return 1 - minimum(1.0, self.capacity(level) / maximum(most, 1))

    def spilled(self, level: str) -> frozenset[str]:
        """Tensors that go to memory in proportion to the shortage."""
        rule = self._rule(level)
        return frozenset(chosen_tensors(rule.spill, self.choice)) if rule is not None else frozenset()

    def _rule(self, level: str) -> Capacity | None:
        return next((rule for rule in self.design.mapping.capacity if rule.level == level), None)

    def places(self, nest: Nest, operand: Operand, at: int) -> int:
        """Tiles of an operand that a level holds at once, where no capacity rule counts them."""
        return self._places(None, operand.tensor, nest, operand, at)

    def _places(self, rule: Capacity | None, tensor: str, nest: Nest, operand: Operand, at: int) -> int:
        """Tiles of a tensor that are there at once: as the mapping says, or two of what is fetched while in use."""
        if rule is not None and rule.places is not None:
            return rule_places(rule, tensor)
        if "double-buffer" in self.accounting and operand is not nest.output:
            return 2 if _is_fetched(nest, operand, at) and _changes(nest, operand, at) else 1
        return 1

    def _places_given(self, level: str) -> bool:
        rule = self._rule(level)
        return rule is not None and rule.places is not None

    def find(self, name: str) -> Number:
        """The size of a rank or part, found from its text in the mapping."""
        whole = self._whole.get(name)
        if whole is None:
            return self.sizes(name)
        parts = self.design.mapping.partition[whole]
        text = parts[name]
        if isinstance(text, int):
            return text
        if text == "rest":
            return ceil_div(self.part(whole), product(self.part(other) for other in parts if other != name))
        level = fit_level(text)
        if level is None:
            return parse_expression(text)(self.lookup)
        given = [other for other, value in parts.items() if other != name and value != "rest"]
        return self._fit(name, level, ceil_div(self.part(whole), product(self.part(other) for other in given)))

    def _fit(self, part: str, level: str, whole: Number) -> Number:
        """The largest divisor of ``whole`` for ``part`` with which everything that ``level`` keeps fits."""
        fixed = {n: sum(h.values()) for n, h in self.needed(level, (part, 0)).items()}
        with_one = {n: sum(h.values()) for n, h in self.needed(level, (part, 1)).items()}
        room = self.capacity(level)
        most = whole
        for number, least in fixed.items():
            each = with_one[number] - least
            if is_array(each) or each:
                most = minimum(most, (room - least) // maximum(each, 1))
        if not is_array(most):
            if most < 1:
                raise self._does_not_fit(part, level)
            return largest_divisor(whole, most)
        self._unfit = self._unfit + where(most < 1, 1, 0)
        return maximum(largest_divisor(whole, most), 1)

    @property
    def levels(self) -> tuple[str, ...]:
        """The memories inside the outermost."""
        return tuple(self.design.accelerator.memories)[1:]

    def check_room(self) -> None:
        """UsageError where a level that does not spill keeps more than it has room for."""
        for level in self.levels:
            if not self.spilled(level):
                for held in self.needed(level).values():
                    if _occurs(sum(held.values()) > self.capacity(level)):
                        raise self._too_large(level, held, "")

    def _does_not_fit(self, part: str, level: str) -> UsageError:
        phases = self.needed(level, (part, 1)).values()
        return self._too_large(
            level, max(phases, key=lambda held: sum(held.values())), f" even with one tile in {part}"
        )

    def _too_large(self, level: str, held: dict[str, Number], when: str) -> UsageError:
        each = {tensor: int(np.max(size)) for tensor, size in held.items()}
        tensors = ", ".join(f"{tensor} {format_bytes(size)}" for tensor, size in each.items())
        room = int(np.max(self.capacity(level)))
        return UsageError(
            f"{self.design.name}: the mapping does not fit {level}: {tensors} make {sum(each.values())} bytes of {room}"
            f"{when}; the largest is {max(each, key=lambda tensor: each[tensor])}"
        )


def _has_fit(design: Design) -> bool:
    return any(fit_level(text) for parts in design.mapping.partition.values() for text in parts.values())


def _holds(condition: Number) -> bool:
    return bool(condition.all()) if is_array(condition) else bool(condition)


def _occurs(condition: Number) -> bool:
    return bool(condition.any()) if is_array(condition) else bool(condition)


def _at(value: Number, point: int | None) -> Number:
    return value[point] if point is not None and is_array(value) else value


def rule_places(rule: Capacity | None, tensor: str) -> int:
    """Places that a capacity rule gives a tensor; 1 where it says nothing."""
    return ((rule.places if rule is not None else None) or {}).get(tensor, 1)


def _is_fetched(nest: Nest, operand: Operand, at: int) -> bool:
    """Whether a level gets an operand from the memory outside it."""
    return at > 0 and operand.label in nest.levels[at].keeps and operand.label in nest.levels[0].keeps


def _changes(nest: Nest, operand: Operand, at: int) -> bool:
    """Whether the innermost loop outside a level brings another tile of an operand."""
    outside = [loop for level in nest.levels[:at] for loop in level.loops]
    return bool(outside) and bool(outside[-1].ranks & operand.ranks)


def _owner(rule: Capacity | None, tensor: str) -> str:
    """The tensor whose place this one takes."""
    for shared in rule.share if rule is not None else ():
        if tensor in shared:
            return shared[0]
    return tensor


def _reads(nest: Nest, tensor: str) -> bool:
    return any(operand.tensor == tensor for operand in nest.operands)
