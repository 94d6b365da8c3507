"""Attention dataflows as cascades of extended Einsums.

    import fusemax

    print(fusemax.passes("attn_3pass"))
    print(fusemax.compare(["flat", "fusemax"], workloads=["bert"]))

Every public name is imported when it is first used, so that ``import fusemax`` costs nothing. Where a room of
the package and a function share a name (``fusemax.derive``), it is both: the room, and callable.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fusemax.analysis.fuse import fuse as _fuse
    from fusemax.analysis.passes import passes as _passes
    from fusemax.analysis.work import work as _work
    from fusemax.cascade import load as load
    from fusemax.cascade import parse as parse
    from fusemax.cascade.by_reference import both_by_reference, by_reference
    from fusemax.cascade.functions import UserFunction as UserFunction
    from fusemax.cascade.notation import notation as notation
    from fusemax.derive import derive as _derive
    from fusemax.derive import equal as _equal
    from fusemax.derive import merge as _merge
    from fusemax.execute import run as _run
    from fusemax.model.accounting import effects as _effects
    from fusemax.model.compare import compare as compare
    from fusemax.model.evaluate import evaluate as _evaluate
    from fusemax.report.bounds import workload_bounds as _bounds
    from fusemax.report.catalogue import catalogue as catalogue
    from fusemax.report.check import check as check
    from fusemax.report.show import show as show
    from fusemax.report.taxonomy import shipped_taxonomy as _taxonomy
    from fusemax.search.mapper import search as search
    from fusemax.search.sweep import sweep as sweep
    from fusemax.simulate.array.simulate import simulate_cycles as simulate_cycles
    from fusemax.simulate.tile import simulate as simulate
    from fusemax.web.serve import serve as serve

    accounting = _effects
    bounds = _bounds
    derive = by_reference(_derive)
    equal = both_by_reference(_equal)
    fuse = by_reference(_fuse)
    merge = by_reference(_merge)
    model = _evaluate
    passes = by_reference(_passes)
    run = by_reference(_run)
    taxonomy = _taxonomy
    work = by_reference(_work)

__version__ = "0.1.0"

_WHERE: dict[str, str] = {
    "UserFunction": "fusemax.cascade.functions:UserFunction",
    "accounting": "fusemax.model.accounting:effects",
    "bounds": "fusemax.report.bounds:workload_bounds",
    "catalogue": "fusemax.report.catalogue:catalogue",
    "check": "fusemax.report.check:check",
    "compare": "fusemax.model.compare:compare",
    "derive": "fusemax.derive:derive",
    "equal": "fusemax.derive:equal",
    "fuse": "fusemax.analysis.fuse:fuse",
    "load": "fusemax.cascade:load",
    "merge": "fusemax.derive:merge",
    "model": "fusemax.model.evaluate:evaluate",
    "notation": "fusemax.cascade.notation:notation",
    "parse": "fusemax.cascade:parse",
    "passes": "fusemax.analysis.passes:passes",
    "run": "fusemax.execute:run",
    "search": "fusemax.search.mapper:search",
    "serve": "fusemax.web.serve:serve",
    "show": "fusemax.report.show:show",
    "simulate": "fusemax.simulate.tile:simulate",
    "simulate_cycles": "fusemax.simulate.array.simulate:simulate_cycles",
    "sweep": "fusemax.search.sweep:sweep",
    "taxonomy": "fusemax.report.taxonomy:shipped_taxonomy",
    "work": "fusemax.analysis.work:work",
}
"""Public name -> where it is."""

_OF_CASCADES = {"derive": 1, "equal": 2, "fuse": 1, "merge": 1, "passes": 1, "run": 1, "work": 1}
"""How many first arguments are cascades, and may be a file, ``-`` or a catalogue name."""

__all__ = sorted(_WHERE)


def _function(name: str) -> Callable[..., object]:
    module, _, attribute = _WHERE[name].partition(":")
    function: Callable[..., object] = getattr(import_module(module), attribute)
    if name in _OF_CASCADES:
        from fusemax.cascade import by_reference

        return (by_reference.by_reference, by_reference.both_by_reference)[_OF_CASCADES[name] - 1](function)
    return function


class _Room(ModuleType):
    """A room that is called like the function of its name."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return _function(self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Package(ModuleType):
    """The import system binds a room to its name here as soon as anything imports it; it stays callable."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _WHERE and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'fusemax' has no attribute {name!r}")
    function = _function(name)
    # Importing the function may have bound the room of that name, which then is the answer.
    return globals().setdefault(name, function)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
