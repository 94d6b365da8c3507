"""What a law is: a named rewrite of cascades, with the words its page needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fusemax.cascade.ir import Cascade


@dataclass(frozen=True)
class Rewrite:
    """One use of a law: the new cascade and the Einsums of the old one that it touched."""

    law: str
    cascade: Cascade
    einsums: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class Aim:
    """What a derivation is after: tiles (name, size) or single elements, factors kept inside (`eager`)."""

    tile: tuple[str, int] | None = None
    eager: bool = False


@dataclass(frozen=True)
class Law:
    """A rewrite that keeps a cascade's function wherever its precondition holds.

    `uses` gives every way to use the law on a cascade for a rank, none when its pattern or precondition fails.
    `before` and `after` are whole bodies under `header`, for `rank`. `algebra` names the structure it needs,
    `counterexample` says what goes wrong without the precondition.
    """

    name: str
    title: str
    rank: str
    header: str
    before: str
    after: str
    precondition: str
    algebra: str
    counterexample: str
    uses: Callable[[Cascade, str, Aim], list[Rewrite]] = field(repr=False)
