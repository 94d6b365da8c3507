"""Sizes of a mapping's loops at given design points, and what its levels must hold.

A `Tiling` gives every loop's bound. ``fit(LEVEL)`` is solved here: what LEVEL must hold is a constant plus a
multiple of the part asked for, so the most that fits is one division.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import Any

from fusemax.base.errors import UsageError
from fusemax.base.units import format_bytes
from fusemax.cascade.ranks import rank_of
from fusemax.design.amounts import bytes_of
from fusemax.design.arithmetic import Number, ceil_div, is_array, largest_divisor, maximum, minimum, product
from fusemax.design.design import Design
from fusemax.design.expression import parse_expression
from fusemax.design.mapping import Capacity, fit_level
from fusemax.design.nest import Loop, Nest, chosen_tensors, part_of
from fusemax.design.sizes import Sizes
from fusemax.model.profile import Accounting

__all__ = ["Tiling"]


class Tiling:
    """Loop bounds of one structural variant of a mapping at one or many design points.

    ``parameters`` are the numeric parameters' values; ``choice`` the structural ones, by which ``nests`` were
    made.
    """

    def __init__(
        self,
        design: Design,
        nests: AnyMapping[str, Nest],
        sizes: Sizes,
        accounting: Accounting,
        parameters: AnyMapping[str, Number] | None = None,
        choice: AnyMapping[str, str] | None = None,
    ) -> None:
        self.design = design
        self.nests = nests
        self.sizes = sizes
        self.accounting = accounting
        self.parameters = dict(parameters or {})
        self.choice = dict(choice or {})
        self._whole = part_of(design.mapping)
        self._values: dict[str, Number] = {}
        self.memo: dict[object, Any] = {}

    def bound(self, loop: Loop) -> Number:
        """The bound of a loop."""
        return self.part(loop.part)

    def part(self, name: str) -> Number:
        """The size of a rank or of a part of one."""
        value = self._values.get(name)
        if value is None:
            value = self._values[name] = self._find(name)
        return value

    def variable(self, name: str) -> Number:
        """The bound of the loop variable ``name``."""
        return self.part(rank_of(name))

    def tile(self, nest: Nest, ranks: frozenset[str], level: int, set_part: tuple[str, Number] | None = None) -> Number:
        """Elements of a tensor with ``ranks`` that ``level`` of the nest holds at once (one instance)."""
        size: Number = 1
        for below in nest.levels[level:]:
            for loop in (*below.loops, *below.spatial):
                if loop.ranks & ranks:
                    known = set_part is not None and loop.part == set_part[0]
                    size = size * (set_part[1] if known and set_part else self.bound(loop))
        return size

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
                            size = self.tile(nest, operand.ranks, at, set_part) * self._places(rule, owner)
                            held[owner] = maximum(held[owner], size) if owner in held else size
            for tensor, text in rule.stage.items() if rule is not None else ():
                if tensor not in held and any(_reads(self.nests[n], tensor) for n in phase.einsums):
                    held[tensor] = parse_expression(str(text))(self.lookup) * self._places(rule, tensor)
        word = self.sizes("word")
        return {
            n: {t: ceil_div(s * word, 8) if word % 8 else s * (word // 8) for t, s in h.items()}
            for n, h in found.items()
        }

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

    def lookup(self, name: str) -> Number:
        """A number by name, for expressions: parameters, ranks and their parts, then the point's sizes."""
        if name in self.parameters:
            return self.parameters[name]
        if name in self._whole or name in self._values:
            return self.part(name)
        return self.sizes(name)

    def _rule(self, level: str) -> Capacity | None:
        return next((rule for rule in self.design.mapping.capacity if rule.level == level), None)

    def _places(self, rule: Capacity | None, tensor: str) -> int:
        return rule.places.get(tensor, 1) if rule is not None and rule.places is not None else 1

    def _find(self, name: str) -> Number:
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
        if not is_array(most) and most < 1:
            raise self._does_not_fit(part, level)
        return largest_divisor(whole, most)

    def _does_not_fit(self, part: str, level: str) -> UsageError:
        phases = self.needed(level, (part, 1)).values()
        held = max(phases, key=lambda held: sum(held.values()))
        tensors = ", ".join(f"{t} {format_bytes(size)}" for t, size in held.items())
        largest = max(held, key=lambda t: held[t])
        return UsageError(
            f"{self.design.name}: the mapping does not fit {level}: {tensors} make {sum(held.values())} bytes"
            f" of {self.capacity(level)} even with one tile in {part}; the largest is {largest}"
        )


def _owner(rule: Capacity | None, tensor: str) -> str:
    """The tensor whose place this one takes."""
    for shared in rule.share if rule is not None else ():
        if tensor in shared:
            return shared[0]
    return tensor


def _reads(nest: Nest, tensor: str) -> bool:
    return any(operand.tensor == tensor for operand in nest.operands)
