"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fusemax.base.errors import SourceError
from fusemax.cascade.rules.scope import Scope


@dataclass(frozen=True, slots=True)
class Rule:
    """A named law of the language. `check` yields one located error for each place that breaks it."""

    name: str
    description: str
    check: Callable[[Scope], Iterator[SourceError]]
