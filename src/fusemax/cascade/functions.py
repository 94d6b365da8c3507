"""Functions that a user registers from Python, beside those of the language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fusemax.base.errors import UsageError
from fusemax.cascade.tokens import RESERVED

MERGE_OPERATORS = ("intersection", "union", "left", "all")


@dataclass(frozen=True)
class UserFunction:
    """A user-defined compute operator: what it computes, how many arguments it takes, how it merges its operands.

    `compute` gets one NumPy array (or number) per argument, all of which broadcast, and returns a new one, value
    by value. `most` is None for no upper limit and defaults to `fewest`. `merge` is the merge operator of its map
    action: `intersection`, `union`, `left` (touched where the last operand is non-empty) or `all`.

    A table of these by name goes to `parse`, `notation` and `run`: a cascade is read, printed and executed with
    the same table, and nothing is registered behind the caller's back.
    """

    compute: Callable[..., Any]
    fewest: int = 1
    most: int | None = -1
    merge: str = "all"

    def __post_init__(self) -> None:
        if self.most == -1:
            object.__setattr__(self, "most", self.fewest)
        if self.fewest < 1 or (self.most is not None and self.most < self.fewest):
            raise UsageError(f"a function takes at least 1 argument, found {self.fewest} to {self.most}")
        if self.merge not in MERGE_OPERATORS:
            raise UsageError(f"unknown merge operator '{self.merge}' (expected one of: {', '.join(MERGE_OPERATORS)})")


def check_name(name: str) -> None:
    """Raise UsageError unless a function can be called `name`: a small letter first, and no word of the language."""
    legal = name.isascii() and name.isidentifier() and name[:1].islower()
    if not legal or name in RESERVED:
        raise UsageError(f"a function cannot be named '{name}': expected a new word that starts with a small letter")


def check_arguments(name: str, function: UserFunction, found: int) -> str | None:
    """What is wrong with a call's number of arguments, or None."""
    if found >= function.fewest and (function.most is None or found <= function.most):
        return None
    wanted = f"{function.fewest}"
    if function.most is None:
        wanted = f"at least {wanted}"
    elif function.most != function.fewest:
        wanted = f"{wanted} to {function.most}"
    return f"{name} takes {wanted} argument{'s' if wanted != '1' else ''}, found {found}"
