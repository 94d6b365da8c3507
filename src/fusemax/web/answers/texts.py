"""Texts from a client become cascades, designs and workloads without a file being opened.

A name is looked up in the catalogue; anything else is the text itself. References inside a text (the cascade of a
design, the tables of an accelerator) must be catalogue names or inline.
"""

from __future__ import annotations

from fusemax.cascade import Cascade, check_rules, parse
from fusemax.execute import trial_run

__all__ = ["cascade_of"]


def cascade_of(text: str) -> Cascade:
    """The legal cascade a text describes, tried once on numbers. SourceError or SourceErrors."""
    found = check_rules(parse(text, "<text>"))
    trial_run(found)
    return found
