"""What the names of one cascade mean: worked out once, asked by every rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Access, Cascade, Declaration, Einsum, Expr, Section, Span, Variable, walk
from fusemax.cascade.located import at
from fusemax.cascade.positions import equal_classes, position_ranks
from fusemax.cascade.ranks import declared_ranks, rank_of


class Scope:
    """One cascade with its tables of names. Rules ask it; it never raises."""

    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade
        self.einsums = cascade.einsums
        self.ranks = frozenset(declared_ranks(cascade))
        self.targets = {alias.name: alias.target for alias in reversed(cascade.aliases)}
        self.parameters = {p.name: p for p in reversed(cascade.parameters)}
        self.inputs = {d.tensor: d for d in reversed(cascade.inputs)}
        self.outputs = {d.tensor: d for d in reversed(cascade.outputs)}
        self._walked: dict[str, str | None] = {}

    def error(self, span: Span, message: str, name: str | None = None, known: Iterable[str] = ()) -> SourceError:
        """A located error in this cascade's text."""
        return at(self.cascade, span, message, name, known)

    # ------------------------------------------------------------------------------------------------- ranks

    def canonical(self, rank: str) -> str:
        """The rank's own name, its alias followed."""
        return self.targets.get(rank, rank)

    def is_variable(self, variable: str) -> bool:
        """Whether a small name is a rank variable of this cascade."""
        return self.walked(variable) is not None

    def walked(self, variable: str) -> str | None:
        """The rank a variable walks, aliases followed; None when there is no such rank."""
        try:
            return self._walked[variable]
        except KeyError:
            rank = rank_of(variable)
            found = self._walked[variable] = self.canonical(rank) if rank in self.ranks else None
            return found

    @cached_property
    def _classes(self) -> dict[str, str]:
        return equal_classes(self.cascade)

    def fits(self, rank: str, other: str) -> bool:
        """Whether a variable of one rank may index a position of the other."""
        first, second = self.canonical(rank), self.canonical(other)
        return first == second or self._classes.get(first, first) == self._classes.get(second, second)

    # ----------------------------------------------------------------------------------------------- tensors

    @cached_property
    def writers(self) -> dict[str, int]:
        """Tensor -> the number, in text order, of the first statement that writes it."""
        found: dict[str, int] = {}
        for number, einsum in enumerate(self.einsums):
            found.setdefault(einsum.tensor, number)
        return found

    @cached_property
    def tensors(self) -> frozenset[str]:
        """Every tensor that is declared or written."""
        return frozenset((*self.inputs, *self.outputs, *self.writers))

    def declaration(self, tensor: str) -> Declaration | None:
        """How an input or output is declared."""
        return self.inputs.get(tensor) or self.outputs.get(tensor)

    @cached_property
    def positions(self) -> dict[str, tuple[str | None, ...]]:
        """Tensor -> rank of each position: as declared, else of the first plain index written there."""
        declared = {
            d.tensor: tuple(self.canonical(rank_of(v)) for v in d.variables)
            for d in (*self.outputs.values(), *self.inputs.values())
        }
        return {**position_ranks(self.cascade), **declared}

    def counts(self, tensor: str) -> set[int]:
        """The numbers of indices a tensor may have: as declared, or as first written when that differs."""
        declared = self.declaration(tensor)
        found = {len(declared.variables)} if declared else set()
        if tensor in self.writers and tensor not in self.inputs:
            found.add(len(self.einsums[self.writers[tensor]].left))
        return found

    # -------------------------------------------------------------------------------------------- statements

    @cached_property
    def statements(self) -> tuple[tuple[Section, Einsum], ...]:
        """Every statement with its section, in text order."""
        return tuple((section, einsum) for section in self.cascade.sections for einsum in section.einsums)

    @cached_property
    def uses(self) -> tuple[tuple[Expr, ...], ...]:
        """Per statement all nodes of its left indices and its right side, in text order."""
        return tuple(
            tuple(node for expr in (*einsum.left, einsum.right) for node in walk(expr)) for einsum in self.einsums
        )

    @cached_property
    def reads(self) -> tuple[tuple[Access, ...], ...]:
        """Per statement all its tensor reads, in text order."""
        return tuple(tuple(node for node in nodes if isinstance(node, Access)) for nodes in self.uses)

    def accesses(self) -> Iterator[tuple[int, Access]]:
        """Every tensor read with the number of its statement."""
        for number, reads in enumerate(self.reads):
            for access in reads:
                yield number, access


def variables_of(exprs: Iterable[Expr]) -> frozenset[str]:
    """The rank variables used in some expressions, gathers and filters included."""
    return frozenset(node.name for expr in exprs for node in walk(expr) if isinstance(node, Variable))
