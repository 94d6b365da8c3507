"""The laws, one module each: pattern, precondition, rewrite, and the words for its page."""

from fusemax.derive.laws import (
    defer,
    distribute,
    expand,
    extreme,
    iterate,
    join,
    lazy,
    mask,
    prune,
    reductions,
    select,
    unroll,
)
from fusemax.derive.laws.law import Aim, Law, Rewrite

PREPARING: tuple[Law, ...] = (
    prune.LAW,
    unroll.LAW,
    join.LAW,
    mask.LAW,
    reductions.LAW,
    select.LAW,
    distribute.LAW,
    extreme.LAW,
)
"""Laws that bring a cascade into the form the others work on; each use is worth it."""

REDUCING: tuple[Law, ...] = (defer.LAW, expand.LAW, iterate.LAW)
"""Laws between which a derivation chooses."""

LAWS: tuple[Law, ...] = (*PREPARING, *REDUCING, iterate.TILE, lazy.LAW)

__all__ = ["LAWS", "PREPARING", "REDUCING", "Aim", "Law", "Rewrite"]
