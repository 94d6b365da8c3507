"""A binding: which micro-operation each PE and each lane does in which slot of an epoch, as data.

Every PE runs the same rows of micro-operations, PE (r, c) r + c cycles after PE (0, 0), so a word sent right or
down in slot k is what the neighbour finds in slot k. A lane finds in slot k what the last PE of its column sent
in slot k. A row names the tile it works for by a stage: the first stage of an epoch is the tile that enters, later
stages are tiles that entered epochs before. How many epochs before (the lags) is solved for, or stated and checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from fusemax.design.accelerator import Frozen
from fusemax.design.document import Positions, blame
from fusemax.simulate.array.operations import ARITY

__all__ = ["INPUTS", "LINKS", "UNITS", "Binding", "Row", "Tensor", "split_word"]

LINKS = ("left", "top", "memory")
UNITS = ("pe", "lane")
Operation = Literal["mul", "mac", "msub", "add", "sub", "max", "div", "move", "keep", "exp"]
Condition = Literal["always", "last", "above", "below"]


class Tensor(Frozen):
    """Words in the buffer, each of them a row of N: one per lane, or per row of the array for what enters left."""

    per: Literal["query", "key", "tile", "all"]
    words: int | str = 1
    first: float | None = None
    """What every word holds before the first tile; nothing when not given."""


INPUTS: Mapping[str, Tensor] = {
    "Q": Tensor(per="query", words="E"),
    "BK": Tensor(per="key", words="E"),
    "BKT": Tensor(per="key", words="N"),  # the same keys the other way: word m holds E numbers of key m
    "BV": Tensor(per="key", words="F"),
    "ROW": Tensor(per="all"),  # 0 .. N - 1: the place of a key in its tile
    "LAST": Tensor(per="tile"),  # of a query, the place of the last key it may see, from the tile's first key on
    "FIRST": Tensor(per="tile"),  # and of the first one
}
"""What the buffer holds before a run."""


class Row(Frozen):
    """A micro-operation, or with `for` a run of them over a variable (`e` walks E, `f` walks F, `n` walks N).

    `of` names operands: `left` and `top` (link words), `memory` (the word `read` names), a register, or a number.
    The result goes to the register `to`; `right` and `down` say what is sent on (`result`, a link or a register).
    `feed` is what enters the first column or row, `write` maps a memory word to what is stored there. `rows`
    keeps a PE operation to one row of the array; the others pass the top word on. `round` stores the result in the
    number format of words. `whole` waits until all tiles of the query went through the row that wrote the word.
    """

    at: int | str
    tile: str
    einsum: str
    do: Operation
    of: tuple[str | int | float, ...]
    to: str | None = None
    variable: Literal["e", "f", "n"] | None = Field(default=None, alias="for")
    first: int = Field(default=0, alias="from", ge=0)
    when: Condition = "always"
    rows: int | str | None = None
    right: str | None = None
    down: str | None = None
    feed: Mapping[str, str | int | float] = {}
    read: str | None = None
    write: Mapping[str, str] = {}
    round: bool = False
    whole: bool = False

    @model_validator(mode="after")
    def _shape(self) -> Row:
        if len(self.of) != ARITY[self.do]:
            raise blame("of", f"{self.do} takes {ARITY[self.do]} operands, found {len(self.of)}")
        if ("memory" in self.of) != (self.read is not None):
            raise blame("of", "an operand 'memory' needs 'read', and 'read' an operand 'memory'")
        if len(self.write) > 1:
            raise blame("write", "one memory port writes one word a slot, found several")
        for name, word in self.feed.items():
            if name not in ("left", "top"):
                raise blame("feed", f"words enter from 'left' or 'top', found '{name}'")
            if not isinstance(word, str) and word not in (0, float("-inf")):
                raise blame("feed", f"a port feeds a word of memory, 0 or -.inf, found {word}")
        return self


class Binding(Frozen):
    """The rows of PEs and lanes, and the stages of tiles in flight, the entering one first.

    `let` names slots, `memory` declares what the buffer holds besides the inputs, `requires` states sizes the
    rows count on. `order` tells which of keys and queries is the outer loop over tiles. `epoch` is the least length
    of an epoch, where it is longer than its rows.
    """

    binding: str
    title: str = ""
    source: str = ""
    stages: tuple[str, ...] = Field(min_length=1)
    lags: Mapping[str, int] = {}
    order: Literal["keys", "queries"] = "keys"
    let: Mapping[str, int | str] = {}
    requires: Mapping[str, int | str] = {}
    memory: Mapping[str, Tensor]
    epoch: int | str = 0
    pe: tuple[Row, ...] = Field(min_length=1)
    lane: tuple[Row, ...] = Field(min_length=1)

    _positions: Positions | None = PrivateAttr(default=None)

    def rows(self, unit: str) -> tuple[Row, ...]:
        """The rows of `pe` or `lane`."""
        return self.pe if unit == "pe" else self.lane

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What the buffer holds, inputs first."""
        return {**INPUTS, **self.memory}

    @property
    def used(self) -> frozenset[str]:
        """Tensors that a row reads, feeds or writes."""
        rows = (*self.pe, *self.lane)
        words = [w for r in rows for w in (r.read, *r.feed.values(), *r.write) if isinstance(w, str)]
        return frozenset(split_word(word)[0] for word in words)

    @property
    def positions(self) -> Positions | None:
        """Where everything stands in the file it was read from."""
        return self._positions

    def at(self, positions: Positions) -> Binding:
        """The same binding, which knows where it stands."""
        other = self.model_copy()
        other._positions = positions
        return other


def split_word(text: str) -> tuple[str, str | None]:
    """`RNV[f]` -> ("RNV", "f"), `RM` -> ("RM", None)."""
    name, bracket, index = text.partition("[")
    return name, index.removesuffix("]") if bracket else None
