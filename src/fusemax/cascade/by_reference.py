"""Functions of cascades that also take their files, ``-`` or catalogue names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from fusemax.cascade.ir import Cascade
from fusemax.cascade.load import load

Rest = ParamSpec("Rest")
Answer = TypeVar("Answer")

__all__ = ["both_by_reference", "by_reference"]


def by_reference(
    function: Callable[Concatenate[Cascade, Rest], Answer],
) -> Callable[Concatenate[Cascade | str, Rest], Answer]:
    """``function``, its first argument a cascade or what ``load`` reads; it raises what ``load`` raises, too."""

    @wraps(function)
    def loading(cascade: Cascade | str, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Answer:
        return function(_loaded(cascade), *args, **kwargs)

    return loading


def both_by_reference(
    function: Callable[Concatenate[Cascade, Cascade, Rest], Answer],
) -> Callable[Concatenate[Cascade | str, Cascade | str, Rest], Answer]:
    """The same for a function of two cascades."""

    @wraps(function)
    def loading(first: Cascade | str, second: Cascade | str, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Answer:
        return function(_loaded(first), _loaded(second), *args, **kwargs)

    return loading


def _loaded(cascade: Cascade | str) -> Cascade:
    return load(cascade) if isinstance(cascade, str) else cascade
