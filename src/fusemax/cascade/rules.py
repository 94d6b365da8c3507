"""Legality as a list of named rules, run after parsing and after every transform."""

from __future__ import annotations

from fusemax.cascade.ir import Cascade


def check_rules(cascade: Cascade) -> Cascade:
    """The cascade itself when every rule holds; raises `SourceError` or `SourceErrors` otherwise."""
    return cascade
