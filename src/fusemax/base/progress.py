"""Progress is an observer: an engine calls it, whoever watches decides what to do."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Observer", "ignore"]


class Observer(Protocol):
    """Called by long work as it advances, at most once per unit of work."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """``done`` of ``total`` units (None: nobody knows) are done; ``what`` is the one at hand."""


def ignore(done: int, total: int | None, what: str) -> None:
    """The observer that does nothing: the default of every engine."""
