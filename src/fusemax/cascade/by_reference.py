"""Functions of a cascade that also take its file, ``-`` or catalogue name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from fusemax.cascade.ir import Cascade
from fusemax.cascade.load import load

Rest = ParamSpec("Rest")
Answer = TypeVar("Answer")

__all__ = ["by_reference"]


def by_reference(
    function: Callable[Concatenate[Cascade, Rest], Answer],
) -> Callable[Concatenate[Cascade | str, Rest], Answer]:
    """``function``, its first argument a cascade or what ``load`` reads; it raises what ``load`` raises, too."""

    @wraps(function)
    def loading(cascade: Cascade | str, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Answer:
        return function(load(cascade) if isinstance(cascade, str) else cascade, *args, **kwargs)

    return loading
