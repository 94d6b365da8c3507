"""What one structural variant of a design moves: counts by level, words to and from the outermost memory, spills."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

from fusemax.design.arithmetic import Number, is_array, where
from fusemax.design.design import Design
from fusemax.design.einsums import Operand
from fusemax.design.nest import Nest
from fusemax.model.counts import Count, count, points
from fusemax.model.tiling import Tiling

__all__ = ["Movement", "moved_words"]


class Movement:
    """The words that one design moves at the design points of a `Tiling`."""

    def __init__(self, tiling: Tiling, spared: bool = True) -> None:
        self.tiling = tiling
        self.design: Design = tiling.design
        self.sizes = tiling.sizes
        self.rules = tiling.accounting
        self.spared = spared
        """Whether a boundary tensor that spills saves the words it would else have moved."""
        memories = list(self.design.accelerator.memories)
        self.outer = memories[0]
        self.inner = memories[1:]
        self.next = memories[1] if len(memories) > 1 else ""
        self._nests = tiling.nests
        self._words: dict[tuple[str, str, bool], tuple[Number, Number]] = {}

    def nest(self, einsum: str) -> Nest:
        """The nest of an Einsum."""
        return self._nests[einsum]

    def counts(self, einsum: str, operand: Operand) -> dict[int, Count]:
        """Counts by level index of the nest."""
        return count(self.nest(einsum), operand, self.tiling)

    def points(self, einsum: str) -> Number:
        """Points of the iteration space that are computed."""
        return points(self.nest(einsum), self.tiling)

    def memory_words(self, einsum: str, operand: Operand) -> tuple[Number, Number]:
        """Words read from and written to the outermost memory, spills included."""
        key = (einsum, operand.label, operand is self.nest(einsum).output)
        if key not in self._words:
            self._words[key] = self._find_memory_words(einsum, operand)
        return self._words[key]

    def _find_memory_words(self, einsum: str, operand: Operand) -> tuple[Number, Number]:
        nest = self.nest(einsum)
        once_each: tuple[Number, Number]
        again: tuple[Number, Number] | None
        once_each, again = self.memo(("moved", nest.key, operand.label), partial(self._movements, nest, operand))
        if again is None or operand.tensor not in self.spilled:
            return once_each
        if "spills" in self.rules and self._stays_near(einsum, operand):
            again = (0, 0)
        lack = self.shortage
        once = 1 - lack if self.spared else 1
        return lack * again[0] + once * once_each[0], lack * again[1] + once * once_each[1]

    def _movements(self, nest: Nest, operand: Operand) -> tuple[tuple[Number, Number], tuple[Number, Number] | None]:
        """Words (out, in) of the outermost memory, and of the next one in where it keeps the operand."""
        counts = self.counts(nest.einsum, operand)
        inner = counts.get(nest.level(self.next))
        return moved_words(counts.get(nest.level(self.outer))), None if inner is None else moved_words(inner)

    def memo(self, key: object, make: Callable[[], Any]) -> Any:
        """A value that variants of a mapping at the same points share."""
        if key not in self.tiling.memo:
            self.tiling.memo[key] = make()
        return self.tiling.memo[key]

    def _stays_near(self, einsum: str, operand: Operand) -> bool:
        """Whether what of a spilled tensor an Einsum touches is in the buffer anyway.

        Einsums that run over the same tiles of the outermost memory hand a tile on in the buffer: a result that only
        they read never leaves it, and what one of them has read the next need not read again.
        """
        key = ("near", einsum, operand.label, self._all_outside)
        return bool(self.memo(key, partial(self._is_near, einsum, operand)))

    def _is_near(self, einsum: str, operand: Operand) -> bool:
        order = [spec.name for spec in self.design.specs]
        together = [name for name in order if self._outside(name) == self._outside(einsum)]
        if operand is self.nest(einsum).output:
            readers = [n for n in order if any(o.tensor == operand.tensor for o in self.nest(n).operands[:-1])]
            return bool(readers) and all(name in together for name in readers)
        before = together[: together.index(einsum)]
        return any(o.tensor == operand.tensor for name in before for o in self.nest(name).operands)

    @cached_property
    def _all_outside(self) -> tuple[tuple[str, ...], ...]:
        return tuple(self._outside(spec.name) for spec in self.design.specs)

    def _outside(self, einsum: str) -> tuple[str, ...]:
        return self.nest(einsum).signature[self.nest(einsum).level(self.outer)][0]

    @cached_property
    def spilled(self) -> frozenset[str]:
        """Tensors that go to memory in part."""
        return self.tiling.spilled(self.next) if self.next else frozenset()

    @cached_property
    def shortage(self) -> Number:
        """The share that spills."""
        return self.tiling.shortage(self.next)

    def words(self, einsums: Iterable[str]) -> Number:
        """Words between the outermost memory and the rest."""
        total: Number = 0
        for name in einsums:
            for operand in self.nest(name).operands:
                reads, writes = self.memory_words(name, operand)
                total = total + (reads + writes)
        return total

    def traffic(self, einsums: Iterable[str]) -> Number:
        """Bytes between the outermost memory and the rest."""
        return self.bytes(self.words(einsums))

    def bytes(self, words: Number) -> Number:
        """Words in bytes."""
        word = self.sizes("word")
        return words * (word // 8) if not is_array(word) and word % 8 == 0 else words * word / 8


def moved_words(counted: Count | None) -> tuple[Number, Number]:
    """Words out and in; an output read back as often as it is updated is read for nothing the first time."""
    if counted is None:
        return 0, 0
    if not is_array(counted.updates) and counted.updates == 0:
        return counted.reads, 0
    return where(counted.reads == counted.updates, 0, counted.reads), counted.updates
