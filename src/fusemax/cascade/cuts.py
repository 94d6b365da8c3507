"""Where passes over a rank end: what a picture of a cascade needs to know of its pass counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fusemax.cascade.graph import edges, nodes
from fusemax.cascade.ir import Cascade

__all__ = ["Cuts", "levels_along"]


class EinsumPass(Protocol):
    """The pass an Einsum is in: of the leading tensor, and of all inputs together; 0 if it visits none."""

    @property
    def tensor(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def sweep(self) -> int: ...


class Barrier(Protocol):
    """The Einsums that end a pass and why."""

    @property
    def einsums(self) -> Sequence[str]: ...
    @property
    def reason(self) -> str: ...


class RankPasses(Protocol):
    """The counts of one rank, as `fusemax.analysis.passes` gives them."""

    @property
    def rank(self) -> str: ...
    @property
    def passes(self) -> int | str: ...
    @property
    def einsums(self) -> Sequence[EinsumPass]: ...
    @property
    def barriers(self) -> Sequence[Barrier]: ...
    @property
    def conflict(self) -> bool: ...


@dataclass(frozen=True)
class Cuts:
    """The passes over one rank: `levels` gives tensors a pass, `barriers` says what closes one.

    `conflict` is true when no order of the rank serves all Einsums of a pass.
    """

    rank: str
    passes: int | str = 1
    levels: Mapping[str, int] = field(default_factory=dict)
    barriers: Mapping[str, str] = field(default_factory=dict)
    conflict: bool = False

    @classmethod
    def of(cls, counts: RankPasses) -> Cuts:
        """Those of the counts of one rank."""
        levels: dict[str, int] = {}
        for einsum in counts.einsums:
            levels[einsum.tensor] = max(levels.get(einsum.tensor, 0), einsum.number or einsum.sweep)
        closing = {name: barrier.reason for barrier in counts.barriers for name in barrier.einsums}
        return cls(counts.rank, counts.passes, levels, closing, counts.conflict)

    def headline(self) -> str:
        """`3 passes over M`."""
        text = f"{self.passes} pass{'' if self.passes == 1 else 'es'} over {self.rank}"
        return f"{text}, in no common order" if self.conflict else text

    def title(self, level: int) -> str:
        """`pass 1 over M`."""
        return f"pass {level} over {self.rank}"

    def end(self, level: int, closing: Sequence[str]) -> str:
        """`pass 1 over M ends: GM (max over m)`: what a cut says, of the tensors that close the pass."""
        names = [f"{tensor} ({self.barriers[tensor]})" for tensor in dict.fromkeys(closing) if tensor in self.barriers]
        return f"pass {level} over {self.rank} ends" + (f": {', '.join(names)}" if names else "")


def levels_along(cascade: Cascade, cuts: Cuts | None) -> dict[str, int]:
    """Node key -> pass: that of its tensor, at least that of every node it reads, at least 1.

    An Einsum that visits nothing of the rank follows what it reads; an input has the pass of its first reader.
    """
    levels = cuts.levels if cuts is not None else {}
    order = nodes(cascade)
    found = {node.key: max(1, levels.get(node.tensor, 0)) for node in order if node.section is not None}
    forward = [edge for edge in edges(cascade) if not edge.is_recurrence]
    for edge in forward:  # readers come in text order, so their writers are final
        if edge.source in found:
            found[edge.target] = max(found[edge.target], found[edge.source])
    for node in order:
        if node.section is None:
            found[node.key] = min((found[edge.target] for edge in forward if edge.source == node.key), default=1)
    return found
