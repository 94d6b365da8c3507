"""Accounting: which of the rules are on in which published and corrected figures differ.

An `Accounting` is a set of switches; ``published`` has none, ``corrected`` has all. Each switch is one rule,
explained in ``fusemax accounting`` and docs/explanation/accounting.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fusemax.base.errors import UnknownName

__all__ = ["CORRECTED", "PUBLISHED", "SWITCHES", "Accounting", "accounting_of"]

SWITCHES = (
    "exact-counts",
    "declared-ranks",
    "all-registers",
    "register-size",
    "exp-energy",
    "exp-cycles",
    "own-capacity",
    "double-buffer",
    "spills",
    "buffer-banks",
    "fill-drain",
    "ragged",
    "masks",
    "flat-objective",
    "leakage",
    "dram-capacity",
    "useful-work",
    "elementwise",
)


@dataclass(frozen=True)
class Accounting:
    """The switches that are on."""

    switches: frozenset[str]

    def __contains__(self, switch: str) -> bool:
        if switch not in SWITCHES:
            raise KeyError(switch)
        return switch in self.switches

    def but(self, *, on: Iterable[str] = (), off: Iterable[str] = ()) -> Accounting:
        """The same with some switches turned. UnknownName for one there is not."""
        for switch in (*on, *off):
            if switch not in SWITCHES:
                raise UnknownName("accounting switch", switch, SWITCHES)
        return Accounting((self.switches | frozenset(on)) - frozenset(off))

    @property
    def name(self) -> str:
        """``published``, ``corrected``, or either with the switches that differ."""
        if not self.switches:
            return "published"
        off = sorted(set(SWITCHES) - self.switches)
        if not off:
            return "corrected"
        on = sorted(self.switches)
        return f"published+{'+'.join(on)}" if len(on) <= len(off) else f"corrected-{'-'.join(off)}"


PUBLISHED = Accounting(frozenset())
CORRECTED = Accounting(frozenset(SWITCHES))


def accounting_of(name: str | Accounting) -> Accounting:
    """``published`` or ``corrected``, or an `Accounting` as it is. UnknownName for another text."""
    if isinstance(name, Accounting):
        return name
    if name == "published":
        return PUBLISHED
    if name == "corrected":
        return CORRECTED
    raise UnknownName("accounting", name, ["published", "corrected"])
