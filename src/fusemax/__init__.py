"""Attention dataflows as cascades of extended Einsums.

Every name below is imported when it is first used, so that ``import fusemax`` costs nothing::

    import fusemax

    fusemax.load("attn_3pass")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusemax.cascade import load as load
    from fusemax.cascade import parse as parse
    from fusemax.cascade.notation import notation as notation
    from fusemax.report.catalogue import catalogue as catalogue
    from fusemax.report.check import check as check

__version__ = "0.1.0"

_WHERE: dict[str, str] = {
    "catalogue": "fusemax.report.catalogue",
    "check": "fusemax.report.check",
    "load": "fusemax.cascade",
    "notation": "fusemax.cascade.notation",
    "parse": "fusemax.cascade",
}
"""Public name -> the module that defines it."""

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'fusemax' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
