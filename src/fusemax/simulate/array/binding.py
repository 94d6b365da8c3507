"""A binding: which micro-operation each PE and each lane does in which slot of an epoch, as data.

Every PE runs the same row of micro-operations, PE (r, c) r + c cycles after PE (0, 0), so a word sent right or
down in slot k is what the neighbour finds in slot k. A lane finds in slot k what the last PE of its column sent
in slot k. A slot names the tile it works for by a stage: stage `d` of an epoch is the tile that enters, later
stages are tiles that entered epochs before; how many epochs before is solved for (`timing`), not written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from fusemax.base.errors import UsageError, nearest
from fusemax.design.accelerator import Frozen
from fusemax.design.document import blame
from fusemax.design.expression import parse_expression

__all__ = ["Binding", "Row", "load_binding", "split_word"]

Operation = Literal["mul", "mac", "msub", "add", "sub", "max", "div", "move", "exp"]
ARITY = {"mul": 2, "mac": 3, "msub": 3, "add": 2, "sub": 2, "max": 2, "div": 2, "move": 1, "exp": 1}
LINKS = ("left", "top", "memory")
QUANTITIES = ("E", "F", "N", "X", "Z", "R")
"""What slots may be written in: head sizes, array edge, slots of an exp, of interleaved products, return delay."""


class Row(Frozen):
    """A micro-operation, or with `for` a run of them over a head-size variable (`e` walks E, `f` walks F).

    `of` names operands: `left` and `top` (link words), `memory` (the word `read` names), a register, or a number.
    The result goes to the register `to`; `right` and `down` say what is sent on (`result`, a link or a register).
    `feed` is what enters the first column or row, `write` maps a memory word to what is stored there.
    """

    at: int | str
    tile: str
    einsum: str
    do: Operation
    of: tuple[str | int | float, ...]
    to: str | None = None
    variable: Literal["e", "f", "n"] | None = Field(default=None, alias="for")
    first: int = Field(default=0, alias="from", ge=0)
    when: Literal["always", "last"] = "always"
    right: str | None = None
    down: str | None = None
    feed: Mapping[str, str | int | float] = {}
    read: str | None = None
    write: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _shape(self) -> Row:
        if len(self.of) != ARITY[self.do]:
            raise blame("of", f"{self.do} takes {ARITY[self.do]} operands, found {len(self.of)}")
        if ("memory" in self.of) != (self.read is not None):
            raise blame("of", "an operand 'memory' needs 'read', and 'read' an operand 'memory'")
        if len(self.write) > 1:
            raise blame("write", "a lane has one memory port for writing: one word a slot")
        for name in self.feed:
            if name not in ("left", "top"):
                raise blame("feed", f"words enter from 'left' or 'top', found '{name}'")
        try:
            for name in parse_expression(str(self.at)).names:
                if name not in QUANTITIES and name != self.variable:
                    raise blame("at", f"unknown quantity '{name}'", nearest(name, QUANTITIES))
        except UsageError as error:
            raise blame("at", str(error)) from None
        return self


class Binding(Frozen):
    """The rows of PEs and lanes, and the stages of tiles in flight, the entering one first."""

    binding: str
    title: str = ""
    source: str = ""
    stages: tuple[str, ...] = Field(min_length=1)
    interleaved: int = Field(default=2, ge=1)
    pe: tuple[Row, ...] = Field(min_length=1)
    lane: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _stages_known(self) -> Binding:
        for unit in ("pe", "lane"):
            for row in getattr(self, unit):
                if row.tile not in self.stages:
                    raise blame(unit, f"unknown stage '{row.tile}'", nearest(row.tile, self.stages))
        return self


def split_word(text: str) -> tuple[str, str | None]:
    """`RNV[f]` -> ("RNV", "f"), `RM` -> ("RM", None)."""
    name, bracket, index = text.partition("[")
    return name, index.removesuffix("]") if bracket else None


def load_binding(reference: str) -> Binding:
    """A binding by catalogue name, path or `-`; located errors for what is wrong in it."""
    from fusemax.design.load import load_part

    return load_part(reference, "bindings", "binding", Binding)
