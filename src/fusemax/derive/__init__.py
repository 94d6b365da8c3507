"""Deriving: laws and rewrites, Cascade -> Cascade."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusemax.derive.derivation import Derivation as Derivation
    from fusemax.derive.derivation import derive as derive
    from fusemax.derive.equality import Equality as Equality
    from fusemax.derive.equality import equal as equal
    from fusemax.derive.merging import Merge as Merge
    from fusemax.derive.merging import merge as merge

_WHERE = {
    "Derivation": "fusemax.derive.derivation",
    "Equality": "fusemax.derive.equality",
    "Merge": "fusemax.derive.merging",
    "derive": "fusemax.derive.derivation",
    "equal": "fusemax.derive.equality",
    "merge": "fusemax.derive.merging",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'fusemax.derive' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_WHERE[name]), name)
    return value
