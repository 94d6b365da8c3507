"""A cascade streamed against the law: waiting sums read running references and nothing repairs them."""

from __future__ import annotations

from dataclasses import replace

from fusemax.base.errors import FusemaxError
from fusemax.cascade.ir import Cascade
from fusemax.cascade.parse import parse
from fusemax.cascade.print import print_cascade
from fusemax.cascade.rules import check_rules
from fusemax.derive.algebra import TooLarge
from fusemax.derive.emit import NotAnExpression
from fusemax.derive.roles import Unsupported
from fusemax.derive.stream import Choice, stream


def forced(cascade: Cascade, rank: str) -> Cascade | None:
    """The one-pass form that a barrier forbids, to show on numbers that it is wrong; None when it cannot be written."""
    try:
        found = stream(cascade, rank, Choice(forced=True))
        named = replace(found, name=f"{cascade.name}_forced", note=None, origin=None)
        return check_rules(parse(print_cascade(named), f"{named.name}.cascade"))
    except (FusemaxError, NotAnExpression, TooLarge, Unsupported, ValueError):
        return None
