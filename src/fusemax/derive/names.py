"""Fresh names for the tensors and ranks that a law adds."""

from __future__ import annotations

from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import declared_ranks, variable_of
from fusemax.cascade.tokens import RESERVED


class Names:
    """Hands out names that a cascade does not use yet, the same ones every time."""

    def __init__(self, cascade: Cascade) -> None:
        self.used = {d.tensor for d in (*cascade.inputs, *cascade.outputs)} | {e.tensor for e in cascade.einsums}
        self.used |= set(declared_ranks(cascade)) | {p.name for p in cascade.parameters}
        self.used |= {variable_of(rank) for rank in declared_ranks(cascade)}

    def tensor(self, *wishes: str) -> str:
        """The first wish that is free, else the last one with a number."""
        for wish in wishes:
            if wish not in self.used:
                self.used.add(wish)
                return wish
        number = 2
        while f"{wishes[-1]}{number}" in self.used:
            number += 1
        return self.tensor(f"{wishes[-1]}{number}")

    def rank(self, *wishes: str) -> str:
        """A rank whose variable is free and no word of the language."""
        for wish in (*wishes, *(f"{wishes[-1]}{n}" for n in range(2, 1000))):
            if wish not in self.used and variable_of(wish) not in self.used | RESERVED:
                self.used |= {wish, variable_of(wish)}
                return wish
        raise ValueError("no free rank name")
