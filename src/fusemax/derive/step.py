"""How a loop walks the streamed rank: element by element under an alias, or tile by tile under a partition."""

from __future__ import annotations

from dataclasses import dataclass

from fusemax.cascade.ir import Alias, Binary, Cascade, Expr, Number, Partition, Shape, Size, Variable
from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.derive.names import Names


@dataclass(frozen=True)
class Step:
    """`variable` runs until `until`; `inner` is the variable inside a tile, None when a step is one element."""

    rank: str
    variable: str
    until: str
    inner: str | None = None

    @property
    def here(self) -> Expr:
        """The state before the step."""
        return Variable(self.variable)

    @property
    def after(self) -> Expr:
        """The state after the step."""
        return Binary("+", Variable(self.variable), Number(1))

    @property
    def end(self) -> Expr:
        """The state after the last step."""
        return Shape(self.until)

    @property
    def coordinate(self) -> Expr:
        """The element's coordinate."""
        if self.inner is None:
            return Variable(self.variable)
        tile = Shape(rank_of(self.inner))
        return Binary("+", Binary("*", Variable(self.variable), tile), Variable(self.inner))

    @property
    def indices(self) -> tuple[Expr, ...]:
        """The element's index in a tensor written by the loop."""
        if self.inner is None:
            return (Variable(self.variable),)
        return Variable(self.variable), Variable(self.inner)

    def stored(self, coordinate: Expr) -> tuple[Expr, ...]:
        """The index in a tensor written by the loop for any coordinate."""
        if self.inner is None:
            return (coordinate,)
        tile = Shape(rank_of(self.inner))
        return Binary("//", coordinate, tile), Binary("%", coordinate, tile)

    @property
    def before_count(self) -> Expr:
        """How many elements came before the step."""
        if self.inner is None:
            return Variable(self.variable)
        return Binary("*", Variable(self.variable), Shape(rank_of(self.inner)))

    @property
    def after_count(self) -> Expr:
        """How many elements there are with the step's own."""
        if self.inner is None:
            return self.after
        return Binary("*", self.after, Shape(rank_of(self.inner)))

    @property
    def all_count(self) -> Expr:
        """How many elements there are in all."""
        return Shape(self.rank)


def element_step(cascade: Cascade, rank: str, names: Names) -> tuple[Cascade, Step]:
    """Walk `rank` element by element: the cascade with an alias declared."""
    alias = names.rank("I", "J", "T", "U", f"{rank}i")
    return _with_alias(cascade, rank, alias), Step(rank, variable_of(alias), rank)


def _with_alias(cascade: Cascade, rank: str, alias: str) -> Cascade:
    from dataclasses import replace

    return replace(cascade, aliases=(*cascade.aliases, Alias(alias, rank)))


def tile_step(cascade: Cascade, rank: str, names: Names, tile: tuple[str, int]) -> tuple[Cascade, Step]:
    """Walk `rank` tile by tile: the cascade with a partition declared and the tile's default size.

    The default size of the rank, and of those `equal` to it, grows to a whole number of tiles where it is none.
    """
    from dataclasses import replace

    name, size = tile
    names.used -= {name, variable_of(name)}
    inner = names.rank(name)
    stem = name[:-1] if name.endswith("0") else rank
    outer = names.rank(f"{stem}1", f"{rank}1", f"{rank}OUTER")
    grown = {s.rank: s.value for s in cascade.sizes}
    if rank in grown and grown[rank] % size:
        whole = -(-grown[rank] // size) * size
        for other in equal_ranks(cascade, rank):
            if other in grown:
                grown[other] = whole
    sizes = tuple(replace(s, value=grown[s.rank]) for s in cascade.sizes)
    cascade = replace(
        cascade,
        partitions=(*cascade.partitions, Partition(rank, (outer, inner))),
        sizes=(*sizes, Size(inner, size)),
    )
    return cascade, Step(rank, variable_of(outer), outer, variable_of(inner))


def equal_ranks(cascade: Cascade, rank: str) -> set[str]:
    """The rank and those declared equal to it."""
    found = {rank}
    for _ in cascade.equalities:
        for pair in cascade.equalities:
            if found & {pair.left, pair.right}:
                found |= {pair.left, pair.right}
    return found
