"""How far loops run: bounds by rank and part, tiles, and how many iterations of a set of loops there really are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping as AnyMapping
from functools import cached_property
from typing import Any

from fusemax.cascade.ranks import rank_of
from fusemax.design.arithmetic import Number, ceil_div, is_array, minimum, product, where
from fusemax.design.design import Design
from fusemax.design.nest import Loop, Nest, part_of
from fusemax.design.sizes import Sizes
from fusemax.model.masks import active_units
from fusemax.model.profile import Accounting

__all__ = ["Extents"]


class Extents(ABC):
    """Bounds of the loops of one mapping at one or many design points; `find` says how a part is sized.

    ``sibling`` is another variant of the mapping at the same points, with which everything found is shared.
    """

    def __init__(
        self,
        design: Design,
        sizes: Sizes,
        accounting: Accounting,
        parameters: AnyMapping[str, Number] | None = None,
        sibling: Extents | None = None,
    ) -> None:
        self.design = design
        self.sizes = sizes
        self.accounting = accounting
        self.parameters = dict(parameters or {})
        self._whole = part_of(design.mapping)
        self._ragged = "ragged" in accounting
        self._values: dict[str, Number] = sibling._values if sibling is not None else {}
        self.memo: dict[object, Any] = sibling.memo if sibling is not None else {}

    @abstractmethod
    def find(self, name: str) -> Number:
        """The size of a rank or part that is asked for the first time."""

    def bound(self, loop: Loop) -> Number:
        """The bound of a loop."""
        return self.part(loop.part)

    def part(self, name: str) -> Number:
        """The size of a rank or of a part of one."""
        value = self._values.get(name)
        if value is None:
            value = self._values[name] = self.find(name)
        return value

    def variable(self, name: str) -> Number:
        """The bound of the loop variable ``name``."""
        return self.part(rank_of(name))

    def lookup(self, name: str) -> Number:
        """A number by name, for expressions: parameters, ranks and their parts, then the point's sizes."""
        if name in self.parameters:
            return self.parameters[name]
        if name in self._whole or name in self._values:
            return self.part(name)
        return self.sizes(name)

    def tile(self, nest: Nest, ranks: frozenset[str], level: int, set_part: tuple[str, Number] | None = None) -> Number:
        """Elements of a tensor with ``ranks`` that ``level`` of the nest holds at once (one instance)."""
        size: Number = 1
        for below in nest.levels[level:]:
            for loop in (*below.loops, *below.spatial):
                if loop.ranks & ranks:
                    known = set_part is not None and loop.part == set_part[0]
                    size = size * (set_part[1] if known and set_part else self.bound(loop))
        return size

    def extent(self, nest: Nest, loops: tuple[Loop, ...]) -> Number:
        """Iterations of some loops of a nest together: the product of their bounds, or what is really there.

        With ``ragged`` the last tile of a rank has its own length; with ``masks`` tiles without a seen pair of query
        and key are left out, a tile with one counts in full.
        """
        if not self._ragged and not self.masked:
            return self._product(loops)
        wanted = frozenset(loop.variable for loop in loops)
        key = ("extent", nest.signature, wanted)
        if key not in self.memo:
            self.memo[key] = self._extent(nest, wanted)
        return self.memo[key]

    def _extent(self, nest: Nest, wanted: frozenset[str]) -> Number:
        size: Number = 1
        pair: dict[str, tuple[Loop, ...]] = {}
        for root, chain in nest.chains.items():
            chosen = tuple(loop for loop in chain if loop.variable in wanted)
            if chosen:
                if self.masked and root in ("P", "M"):
                    pair[root] = chosen
                else:
                    size = size * self._units(chain, chosen)
        if len(pair) == 2 and all(_is_prefix(nest.chains[r], c) for r, c in pair.items()):
            return size * self._seen(nest, pair)
        return size * product(self._units(nest.chains[root], chosen) for root, chosen in pair.items())

    @cached_property
    def masked(self) -> bool:
        """Whether the point has a mask (some of the points, when there are many)."""
        if "masks" not in self.accounting or not self.sizes.known("causal"):
            return False
        causal = self.sizes("causal")
        return bool(causal.any()) if is_array(causal) else bool(causal)

    def _product(self, loops: tuple[Loop, ...]) -> Number:
        key = ("product", frozenset(loop.part for loop in loops))
        if key not in self.memo:
            self.memo[key] = product(self.bound(loop) for loop in loops)
        return self.memo[key]

    def _units(self, chain: tuple[Loop, ...], chosen: tuple[Loop, ...]) -> Number:
        """Iterations of some loops over one rank; the innermost parts that are left out make up one unit."""
        key = ("units", chain[0].root, tuple(loop.part for loop in chosen), tuple(loop.part for loop in chain))
        if key not in self.memo:
            if not _is_prefix(chain, chosen):
                self.memo[key] = minimum(product(map(self.bound, chosen)), self.part(chain[0].root))
            else:
                self.memo[key] = ceil_div(self.part(chain[0].root), self._unit(chain[0].root, chosen))
        return self.memo[key]

    def _unit(self, rank: str, chosen: tuple[Loop, ...]) -> Number:
        """Coordinates of a rank that one iteration of some loops over its outer parts covers."""
        if any(loop.part == rank for loop in chosen):
            return 1
        if not any(rank in loop.ranks for loop in chosen):
            return self.part(rank)
        return product(self._unit(part, chosen) for part in self.design.mapping.partition[rank])

    def _seen(self, nest: Nest, pair: AnyMapping[str, tuple[Loop, ...]]) -> Number:
        """Iterations of loops over queries and keys in tiles that hold a seen pair."""
        chains = {root: nest.chains[root] for root in pair}
        key = ("seen", *((*(x.part for x in chains[r]), len(pair[r])) for r in ("P", "M")))
        if key not in self.memo:
            unit = {r: self._unit(r, pair[r]) for r in pair}
            block = {r: self.bound(chains[r][-1]) if len(chains[r]) > 1 else 1 for r in pair}
            sizes = self.part("P"), self.part("M"), self.sizes("group"), self.sizes("window")
            seen = active_units(*sizes, unit["P"], block["P"], unit["M"], block["M"])
            full = product(self._units(chains[r], pair[r]) for r in pair)
            self.memo[key] = where(self.sizes("causal") > 0, seen, full)
        return self.memo[key]


def _is_prefix(chain: tuple[Loop, ...], chosen: tuple[Loop, ...]) -> bool:
    return chain[: len(chosen)] == chosen
