"""The live footprint: how many elements must stay, per independent fiber, whatever the length of a stream.

An Einsum that reduces over a whole rank, or a read of a state's last value, is a wall: what stands behind it
can begin only when the traversal is complete. A tensor that is there before the wall and read at the rank's
coordinates behind it has to live across it. Behind every wall stand some elements; the largest such sum is the
footprint. Without one, a tile is enough: the inner factors that are themselves traversed again, or one element.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fusemax.analysis.passes import Passes
from fusemax.cascade.ir import Access, Cascade, Expr, Shape, Variable, walk
from fusemax.cascade.positions import position_ranks
from fusemax.cascade.ranks import canonical, factors_of, rank_of_variable

if TYPE_CHECKING:
    import sympy

__all__ = ["footprint"]


def footprint(cascade: Cascade, counts: Passes, rank: str) -> sympy.Expr:
    """Elements that must be live for one fiber of `rank`, as a formula in the ranks (FuseMax Sec. III-B).

    Ranks over which the cascade is many independent problems (a query's, a head's) are left out.

    >>> from fusemax.analysis.passes import passes
    >>> from fusemax.cascade import load
    >>> [str(footprint(c, passes(c), "M")) for c in map(load, ("attn_3pass", "attn_1pass_fusemax"))]
    ['M', 'M0']
    """
    import sympy

    walls = _Walls(cascade, rank)
    sums = [sum((walls.size(t) for t in walls.crossing(wall)), start=sympy.Integer(0)) for wall in walls.found]
    tile = sympy.Integer(1)
    for factor in factors_of(cascade, rank)[1:]:
        count = counts.ranks[factor].passes if factor in counts.ranks else 1
        tile *= _symbol(factor) if count != 1 else 1
    largest = max(sums, key=walls.at_sizes, default=sympy.Integer(0))
    return largest + (tile if walls.at_sizes(tile) > 1 and walls.streams(largest) else 0) or tile


class _Walls:
    """Which statements complete a traversal of the rank, which depend on them, and what is read on both sides."""

    def __init__(self, cascade: Cascade, rank: str) -> None:
        self.cascade, self.rank = cascade, rank
        self.factors = factors_of(cascade, rank)
        self.outer = {rank, *self.factors[:1]}
        self.positions = position_ranks(cascade)
        self.statements = [(section, einsum) for section in cascade.sections for einsum in section.einsums]
        self.reads = [tuple(_accesses(einsum.right)) for _, einsum in self.statements]
        self.behind = self._dependences()
        self.found = tuple(i for i in range(len(self.statements)) if self._completes(i))
        self.independent = self._independent()

    def _independent(self) -> set[str | None]:
        """Ranks of every output that all inputs with the rank have, or none: one problem per coordinate."""
        shared = set.intersection(*(set(self.positions[d.tensor]) for d in self.cascade.outputs))
        roots = [set(self.positions[d.tensor]) for d in self.cascade.inputs]
        roots = [ranks for ranks in roots if ranks & {self.rank, *self.factors}]
        return {r for r in shared - {self.rank, *self.factors} if len({r in ranks for ranks in roots}) == 1}

    def _walks(self, access: Access) -> bool:
        return any(
            rank_of_variable(self.cascade, node.name) in self.outer
            for index in access.indices
            for node in walk(index.value)
            if isinstance(node, Variable)
        )

    def _completes(self, i: int) -> bool:
        """Whether statement i reduces over the whole rank at once, or reads the last value of a state."""
        section, einsum = self.statements[i]
        left = {n.name for index in einsum.left for n in walk(index) if isinstance(n, Variable)}
        reduced = {
            node.name
            for access in self.reads[i]
            for index in access.indices
            for node in walk(index.value)
            if isinstance(node, Variable) and node.name not in left and node.name != section.variable
        }
        if any(rank_of_variable(self.cascade, name) in self.outer for name in reduced):
            return True
        return any(self._is_last(access) for access in self.reads[i])

    def _is_last(self, access: Access) -> bool:
        return any(
            isinstance(index.value, Shape) and canonical(self.cascade, index.value.rank) in self.outer
            for index in access.indices
        )

    def _dependences(self) -> list[set[int]]:
        """Statement -> statements that need a value of it, at once or through others; recurrences included."""
        writers: dict[str, list[int]] = {}
        for i, (_, einsum) in enumerate(self.statements):
            writers.setdefault(einsum.tensor, []).append(i)
        after: list[set[int]] = [set() for _ in self.statements]
        for j, accesses in enumerate(self.reads):
            for access in accesses:
                for i in writers.get(access.tensor, ()):
                    after[i].add(j)
        for k in range(len(after)):
            for i in range(len(after)):
                if k in after[i]:
                    after[i] |= after[k]
        return after

    def crossing(self, wall: int) -> tuple[Access, ...]:
        """Reads at the rank's coordinates behind the wall of what was read or written there before it."""
        ends = any(self._is_last(access) for access in self.reads[wall])
        before = {i for i, after in enumerate(self.behind) if wall in after} | {wall}
        behind = (self.behind[wall] | ({wall} if ends else set())) - (before - {wall})
        known = self._known(before, wall)
        if ends:  # the loop that made the state has read what it walks, whichever of its statements did
            loops = {self.statements[i][0] for i in before} - {self.statements[wall][0]}
            known |= {a.tensor for s in loops for e in s.einsums for a in _accesses(e.right) if s.kind == "iterate"}
        # What need not wait and walks over something known is done in the same traversal, not in another.
        while more := {i for i in range(len(self.statements)) if i not in before | behind and self._visits(i, known)}:
            before |= more
            known |= self._known(more, wall)
        made = {self.statements[j][1].tensor for j in behind}
        late = [a for j in sorted(behind) for a in self.reads[j] if self._walks(a) and a.tensor in known - made]
        return tuple({a.tensor: a for a in reversed(late)}.values())

    def _visits(self, i: int, known: set[str]) -> bool:
        return any(self._walks(access) and access.tensor in known for access in self.reads[i])

    def _known(self, statements: set[int], wall: int) -> set[str]:
        read = {a.tensor for i in statements for a in self.reads[i] if self._walks(a) and not self._is_last(a)}
        return read | {self.statements[i][1].tensor for i in statements if i != wall}

    def size(self, access: Access) -> sympy.Expr:
        """Elements that a read walks over, per independent fiber: a whole fiber counts once, tiles by their words."""
        import sympy

        walked = [
            rank
            for rank, index in zip(self.positions[access.tensor], access.indices, strict=True)
            if rank is not None and any(isinstance(node, Variable) for node in walk(index.value))
        ]
        if self.rank in walked or (self.factors and set(self.factors) <= set(walked)):
            return _symbol(self.rank)
        ranks = [rank for rank in dict.fromkeys(walked) if rank not in self.independent]
        return sympy.prod([_symbol(rank) for rank in ranks])

    def at_sizes(self, formula: sympy.Expr) -> int:
        """A formula's value at large sizes, to compare formulas by growth."""
        values = {}
        for symbol in formula.free_symbols:
            if str(symbol) in self.factors:
                values[symbol] = 64
            else:
                values[symbol] = 64 ** max(1, len(self.factors)) if str(symbol) == self.rank else 48
        return int(formula.subs(values))

    def streams(self, largest: sympy.Expr) -> bool:
        """Whether what lives across walls is less than a whole fiber, so that a tile is live beside it."""
        return self.rank not in {str(symbol) for symbol in largest.free_symbols}


def _accesses(expr: Expr) -> Iterator[Access]:
    return (node for node in walk(expr) if isinstance(node, Access))


def _symbol(rank: str) -> sympy.Symbol:
    import sympy

    return sympy.Symbol(rank, positive=True, integer=True)
